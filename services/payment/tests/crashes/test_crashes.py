"""`kill -9` of payment around every call outward, the reply lost as well: afterwards both books say the same (M-5)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from chassis.identity import issue_account_token
from chassis.ids import uuid7
from chassis.testing import Server, address, eventually, free_port, fresh_database
from chassis.work import Database
from services.payment.app import MIGRATIONS
from services.payment.tests import samples
from services.payment.tests.conformance.vendors import AT, Vendor, order_of
from services.payment.tests.samples import AMOUNT, rows
from services.payment.tests.stage import ROOT, knobs_of, simulators

pytestmark = [pytest.mark.db, pytest.mark.asyncio(loop_scope="module")]
EVERY_POINT = ("gateway.calling", "gateway.sent", "gateway.answered", "task.before_commit", "work.before_commit")
POINTS = EVERY_POINT if os.environ.get("CRASH_POINTS") == "all" else ("gateway.sent",)
"""The worst moment always: the gateway has acted and nobody here knows. All of them with `make crashes`."""
KNOBS = {
    "PAYMENT_GATEWAY_TIMEOUT_SECONDS": "2",
    "PAYMENT_POLL_FIRST_SECONDS": "0.5",
    "PAYMENT_REFUND_CHECK_SECONDS": "1",
    "PAYMENT_ORDER_LEASE_SECONDS": "1",
    "PAYMENT_BREAKER_FAILURES": "50",
    "PAYMENT_CAPTURE_AFTER_SECONDS": "0",
    "LOG_LEVEL": "ERROR",
}


@dataclass
class Killed:
    """The payment service as a process that dies at armed points and is started again."""

    environment: dict[str, str]
    faults: Path
    database: Database
    api: httpx2.AsyncClient
    simulator: httpx2.AsyncClient
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    admin: dict[str, str] = field(default_factory=dict)

    def keep_alive(self) -> None:
        """Start it when it is not running."""
        if self.process is None or self.process.poll() is not None:
            self.deaths += self.process is not None
            command = [sys.executable, "-m", "services.payment", "all"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment)

    def arm(self, point: str) -> None:
        """The next to reach `point` dies."""
        (self.faults / point).touch()

    async def until(self, check: Callable[[], Any], what: str, seconds: float = 40.0) -> None:
        """Poll until `check` holds; the service is started again whenever it died."""

        async def there() -> bool:
            self.keep_alive()
            try:
                return bool(await check())
            except httpx2.HTTPError:
                return False

        await eventually(there, seconds, what=what)

    async def ready(self) -> None:
        """Wait until it answers."""

        async def live() -> bool:
            return (await self.api.get("/health/ready")).status_code == 200

        await self.until(live, "payment ready")

    async def died(self, before: int) -> None:
        """Wait until the armed point was reached."""

        async def there() -> bool:
            return self.deaths > before

        await self.until(there, "a death at the armed point")


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


@pytest.fixture(params=AT, ids=lambda vendor: vendor.name)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    """The gateway that is called."""
    found: Vendor = request.param
    return found


async def create(payment: Killed, vendor: Vendor, **claims: Any) -> str:
    """Create-order until it succeeds, as a buyer clicks again; the payment's id."""
    body = {"checkout_token": samples.checkout_token(booking_id=str(uuid7()), **claims), "gateway": vendor.name}
    given: dict[str, Any] = {}

    async def opened() -> bool:
        answer = await payment.api.post("/api/v1/payments/public/create-order", json=body, timeout=10)
        given.update(answer.json())
        return answer.status_code in (200, 201)

    await payment.until(opened, "the order")
    return str(given["payment_id"])


async def pay(payment: Killed, vendor: Vendor, payment_id: str, webhooks: str = "normal") -> None:
    """The buyer pays."""
    order_id = await order_of(payment, payment_id)  # type: ignore[arg-type]
    answer = await payment.simulator.post(vendor.control(order_id), json={"outcome": "success", "webhooks": webhooks})
    assert answer.status_code == 200, answer.text


async def becomes(payment: Killed, payment_id: str, *states: str) -> None:
    """Wait for our payment's state."""

    async def there() -> bool:
        return (await rows(payment.database, "SELECT status FROM payments WHERE id = $1", payment_id))[0][0] in states

    await payment.until(there, f"payment {states}")


async def books_agree(payment: Killed, vendor: Vendor, payment_id: str) -> tuple[int, int]:
    """Wait until ours and the vendor's say the same; what they say: captured and refunded."""
    agreed = (0, 0)

    async def there() -> bool:
        nonlocal agreed
        state = (await payment.simulator.get("/control/state")).json()[vendor.name]
        sql = "SELECT gateway_order_id FROM gateway_orders WHERE payment_id = $1"
        ours = {order_id for (order_id,) in await rows(payment.database, sql, payment_id)}
        theirs = [taken for taken in vendor.books(state) if taken.order_id in ours]
        sums = "SELECT captured_minor, refunded_minor FROM payments WHERE id = $1"
        agreed = (await rows(payment.database, sums, payment_id))[0]
        open_refunds = "SELECT 1 FROM refunds WHERE payment_id = $1 AND status <> 'succeeded'"
        waiting = await rows(payment.database, open_refunds, payment_id)
        return not waiting and agreed == (sum(t.captured for t in theirs), sum(t.refunded for t in theirs))

    await payment.until(there, "equal books")
    return agreed


async def lose_a_reply(payment: Killed, vendor: Vendor, route: str) -> None:
    """The gateway does what it is asked once and drops the connection."""
    fault = {"vendor": vendor.name, "kind": "drop_after_commit", "route": route, "method": "POST", "until_seconds": 60}
    assert (await payment.simulator.post("/control/faults", json=fault)).status_code == 201


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def calm(payment: Killed) -> AsyncIterator[None]:
    """The service is up, nothing is armed and the vendors behave."""
    await payment.ready()
    yield
    for point in payment.faults.iterdir():
        point.unlink()
    await payment.simulator.delete("/control/faults")


@pytest.mark.parametrize("point", [p for p in POINTS if p != "task.before_commit"])
async def test_an_order_whose_making_was_killed_is_paid_once(payment: Killed, vendor: Vendor, point: str) -> None:
    await lose_a_reply(
        payment, vendor, {"razorpay": "orders", "stripe": "payment_intents", "phonepe": "pay"}[vendor.name]
    )
    before = payment.deaths
    payment.arm(point)
    payment_id = await create(payment, vendor)
    await payment.died(before)
    await payment.ready()
    await pay(payment, vendor, payment_id, webhooks="lost")
    await becomes(payment, payment_id, "captured")
    assert await books_agree(payment, vendor, payment_id) == (AMOUNT, 0)


@pytest.mark.parametrize("point", POINTS)
async def test_a_capture_that_was_killed_is_made_once(payment: Killed, point: str) -> None:
    stripe = next(vendor for vendor in AT if vendor.name == "stripe")
    ends = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    payment_id = await create(payment, stripe, capture_policy="after_service", service_ends_at=ends)
    await pay(payment, stripe, payment_id)
    await becomes(payment, payment_id, "authorized")
    await lose_a_reply(payment, stripe, "capture")
    before = payment.deaths
    payment.arm(point)
    path = f"/api/v1/admin/payments/{payment_id}/capture"

    async def asked() -> bool:
        answer = await payment.api.post(path, json={"reason": "it took place"}, headers=payment.admin)
        return answer.status_code in (202, 409)

    await payment.until(asked, "the capture asked for")
    await payment.died(before)
    await becomes(payment, payment_id, "captured")
    assert await books_agree(payment, stripe, payment_id) == (AMOUNT, 0)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("amount_minor", [AMOUNT, 30_000])
async def test_a_release_that_was_killed_is_made_once(payment: Killed, point: str, amount_minor: int) -> None:
    stripe = next(vendor for vendor in AT if vendor.name == "stripe")
    ends = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    payment_id = await create(payment, stripe, capture_policy="after_service", service_ends_at=ends)
    await pay(payment, stripe, payment_id)
    await becomes(payment, payment_id, "authorized")
    await lose_a_reply(payment, stripe, "cancel" if amount_minor == AMOUNT else "capture")
    await refunded(payment, payment_id, amount_minor, point)
    kept = AMOUNT - amount_minor
    assert await books_agree(payment, stripe, payment_id) == (kept, 0)
    assert await rows(payment.database, "SELECT status FROM payments WHERE id = $1", payment_id) == [
        ("captured" if kept else "voided",)
    ]


@pytest.mark.parametrize("point", POINTS)
async def test_a_refund_that_was_killed_goes_back_once(payment: Killed, vendor: Vendor, point: str) -> None:
    payment_id = await create(payment, vendor)
    await pay(payment, vendor, payment_id)
    await becomes(payment, payment_id, "captured")
    await lose_a_reply(payment, vendor, "refund")
    await refunded(payment, payment_id, 40_000, point)
    assert await books_agree(payment, vendor, payment_id) == (AMOUNT, 40_000)


async def refunded(payment: Killed, payment_id: str, amount_minor: int, point: str) -> None:
    """An administrator's refund with one key, repeated until it is answered, killed at `point` on its way."""
    before = payment.deaths
    payment.arm(point)
    headers = {**payment.admin, "idempotency-key": f"refund-{payment_id}"}
    body = {"amount_minor": amount_minor, "reason": "cancelled by the buyer"}

    async def asked() -> bool:
        path = f"/api/v1/admin/payments/{payment_id}/refunds"
        return (await payment.api.post(path, json=body, headers=headers)).status_code == 202

    await payment.until(asked, "the refund asked for")
    await payment.died(before)
