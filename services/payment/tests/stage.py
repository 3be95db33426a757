"""Payment as it runs, in one process: HTTP on a real port, its tasks by a real runner, the vendors' simulators beside."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

from chassis.hosting import Application, api_of
from chassis.identity import issue_account_token, issue_guest_token
from chassis.runner import TaskRunner
from chassis.testing import Server, eventually, fresh_database
from chassis.work import Database
from services.payment.app import MIGRATIONS, build
from services.payment.handlers.polling import Polling
from services.payment.tests import samples

ROOT = Path(__file__).resolve().parents[3]
KEYS = {
    "RAZORPAY_KEY_ID": "rzp_test_tests",
    "RAZORPAY_KEY_SECRET": samples.KEY_SECRET,
    "RAZORPAY_WEBHOOK_SECRET": samples.WEBHOOK_SECRETS[0],
    "STRIPE_SECRET_KEY": "sk_test_tests",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_tests",
    "STRIPE_WEBHOOK_SECRET": "whsec_tests",
    "PHONEPE_CLIENT_ID": "client-tests",
    "PHONEPE_CLIENT_SECRET": "client-secret-of-the-tests",
    "PHONEPE_CLIENT_VERSION": "1",
    "PHONEPE_MERCHANT_ID": "M-TESTS",
    "PHONEPE_WEBHOOK_USERNAME": "payfirst",
    "PHONEPE_WEBHOOK_PASSWORD": "password1",
}
VENDORS = ("razorpay", "stripe", "phonepe")
_APART = os.getpid() % 300 * 3
"""Where this run's ports begin: a port is free until its server is up, and two runs at once must not choose the same."""


def free_port(start: int = 23_000) -> int:
    """A free port below the ephemeral range."""
    for port in range(start, 32_000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


@contextmanager
def simulators(webhooks_url: str) -> Iterator[str]:
    """`python -m simulators` as a process of its own; gives its address. Webhooks go to `webhooks_url` + vendor."""
    first = free_port(24_000 + _APART)
    ports = [first, free_port(first + 1), 0]
    ports[2] = free_port(ports[1] + 1)
    names = ("SIMULATORS_PORT", "MAIL_HTTP_PORT", "MAIL_SMTP_PORT")
    environment = {
        **os.environ,
        **KEYS,
        **{name: str(port) for name, port in zip(names, ports, strict=True)},
        **{f"{vendor.upper()}_WEBHOOK_URL": webhooks_url + vendor for vendor in VENDORS},
    }
    process = subprocess.Popen([sys.executable, "-m", "simulators"], cwd=ROOT, env=environment)
    try:
        yield f"http://127.0.0.1:{first}"
    finally:
        process.terminate()
        process.wait(10)


@dataclass
class Stage:
    """A payment service with clients to it and to the simulator."""

    application: Application
    database: Database
    api: httpx2.AsyncClient
    simulator: httpx2.AsyncClient
    polling: Polling
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    async def create(self, token: str, gateway: str = "razorpay", **headers: str) -> httpx2.Response:
        """Create-order for `token`."""
        body = {"checkout_token": token, "gateway": gateway}
        return await self.api.post("/api/v1/payments/public/create-order", json=body, headers=headers)

    async def pay(
        self, order_id: str, outcome: str = "success", webhooks: str = "normal", **more: Any
    ) -> dict[str, Any]:
        """The buyer at Razorpay's checkout; gives what the checkout gives to the browser."""
        body = {"outcome": outcome, "webhooks": webhooks, **more}
        answer = await self.simulator.post(f"/control/razorpay/orders/{order_id}/pay", json=body)
        assert answer.status_code < 300, answer.text
        given: dict[str, Any] = answer.json()
        return given

    async def verify(self, given: dict[str, Any]) -> httpx2.Response:
        """Verify with what the checkout gave."""
        names = ("razorpay_order_id", "razorpay_payment_id", "razorpay_signature")
        return await self.api.post("/api/v1/payments/public/verify", json={name: given[name] for name in names})

    async def fault(self, kind: str, vendor: str = "razorpay", **more: Any) -> None:
        """Set a misbehaviour of a vendor's interface."""
        answer = await self.simulator.post("/control/faults", json={"vendor": vendor, "kind": kind, **more})
        assert answer.status_code < 300, answer.text

    async def until(self, sql: str, *args: Any, seconds: float = 20.0) -> None:
        """Poll until the first column of `sql` is true."""

        async def check() -> bool:
            found = await samples.rows(self.database, sql, *args)
            return bool(found and found[0][0])

        await eventually(check, seconds, what=sql)

    def guest(self, booking_id: str) -> dict[str, str]:
        """The header of the guest of `booking_id`."""
        secret = self.application.settings.token_secret.get_secret_value()
        return {"authorization": f"Bearer {issue_guest_token(secret, {'booking': booking_id})}"}

    def account(self, subject: str, *roles: str) -> dict[str, str]:
        """The header of an account."""
        secret = self.application.settings.token_secret.get_secret_value()
        return {"authorization": f"Bearer {issue_account_token(secret, subject, list(roles))}"}


class _Server(uvicorn.Server):
    """A server that leaves the process' signals alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing about signals."""
        yield


@asynccontextmanager
async def staged(server: Server, *, with_simulator: bool = True, **knobs: Any) -> AsyncIterator[Stage]:
    """A stage on a fresh database; `knobs` replace settings."""
    database = await fresh_database(server, MIGRATIONS)
    url = database.engine.url.render_as_string(hide_password=False).replace("+asyncpg", "")
    await database.close()
    port = free_port(23_000 + _APART)
    origin = f"http://127.0.0.1:{port}"
    with simulators(f"{origin}/api/v1/webhooks/") if with_simulator else _nobody() as simulator:
        settings = samples.settings_of(
            **{"database_url": url, "http_port": port, **knobs_of(simulator, origin), **knobs}
        )
        application = build(settings)
        polling = next(p.run.__self__ for p in application.periodics if p.name == "payment.poll")  # type: ignore[attr-defined]
        http = _Server(
            uvicorn.Config(api_of(application), port=port, log_config=None, access_log=False, lifespan="off")
        )
        runner = TaskRunner(application.database, application.steps, poll=0.02)
        async with httpx2.AsyncClient(base_url=origin) as api, httpx2.AsyncClient(base_url=simulator) as control:
            stage = Stage(application, application.database, api, control, polling)
            stage.tasks = [asyncio.create_task(http.serve()), asyncio.create_task(runner.run())]
            try:
                await eventually(lambda: _up(api, "/health/live"), what="payment")
                if with_simulator:
                    await eventually(lambda: _up(control, "/control/state"), what="the simulators")
                yield stage
            finally:
                http.should_exit = True
                stage.tasks[1].cancel()
                await asyncio.gather(*stage.tasks, return_exceptions=True)
                if application.shutdown is not None:
                    await application.shutdown(application)
                await application.database.close()


def knobs_of(simulator: str, origin: str) -> dict[str, Any]:
    """The settings that lead payment to the simulators; Razorpay's keys are those of `samples`."""
    others = {name.lower(): value for name, value in KEYS.items() if not name.startswith("RAZORPAY_")}
    return {
        **others,
        "razorpay_base_url": f"{simulator}/razorpay",
        "stripe_base_url": f"{simulator}/stripe",
        "phonepe_base_url": f"{simulator}/phonepe",
        "phonepe_oauth_url": f"{simulator}/phonepe",
        "payment_return_url": f"{origin}/returned?payment_id={{payment_id}}",
    }


@contextmanager
def _nobody() -> Iterator[str]:
    yield "http://127.0.0.1:9"


async def _up(client: httpx2.AsyncClient, path: str) -> bool:
    try:
        return (await client.get(path)).status_code == 200
    except httpx2.HTTPError:
        return False
