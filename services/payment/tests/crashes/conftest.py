"""The process that is killed, one for each file of tests, and calm between them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest_asyncio

from chassis.identity import issue_account_token
from chassis.testing import Server, address, free_port, fresh_database
from services.payment.app import MIGRATIONS
from services.payment.tests import samples
from services.payment.tests.crashes.killed import KNOBS, Killed
from services.payment.tests.stage import knobs_of, simulators


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def payment(postgres_server: Server, kafka_bootstrap: str, tmp_path_factory: Any) -> AsyncIterator[Killed]:
    """Payment as a process of its own, with every vendor's simulator."""
    async with fresh_database(postgres_server, MIGRATIONS) as database:
        port, faults = free_port(), tmp_path_factory.mktemp("faults")
        origin = f"http://127.0.0.1:{port}"
        with simulators(f"{origin}/api/v1/webhooks/") as simulator:
            settings = samples.settings_of(**knobs_of(simulator, origin))
            knobs = {name.upper(): str(value) for name, value in knobs_of(simulator, origin).items()}
            environment = {
                **os.environ,
                **knobs,
                **KNOBS,
                "DATABASE_URL": address(database),
                "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
                "HTTP_HOST": "127.0.0.1",
                "HTTP_PORT": str(port),
                "TOKEN_SECRET": settings.token_secret.get_secret_value(),
                "CHECKOUT_TOKEN_SECRET": samples.CHECKOUT_SECRET,
                "RAZORPAY_KEY_ID": settings.razorpay_key_id,
                "RAZORPAY_KEY_SECRET": samples.KEY_SECRET,
                "RAZORPAY_WEBHOOK_SECRET": samples.WEBHOOK_SECRETS[0],
                "PAYFIRST_FAULTS_DIR": str(faults),
            }
            async with httpx2.AsyncClient(base_url=origin) as api, httpx2.AsyncClient(base_url=simulator) as control:
                made = Killed(environment, faults, database, api, control)
                token = issue_account_token(environment["TOKEN_SECRET"], "ada", ["admin"])
                made.admin = {"authorization": f"Bearer {token}"}
                yield made
                if made.process is not None:
                    made.process.kill()
                    made.process.wait()


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def calm(payment: Killed) -> AsyncIterator[None]:
    """The service is up, nothing is armed and the vendors behave."""
    await payment.ready()
    yield
    for point in payment.faults.iterdir():
        point.unlink()
    await payment.simulator.delete("/control/faults")
