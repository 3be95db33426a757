"""`kill -9` of payment around every call outward, the reply lost as well: afterwards both books say the same (M-5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.ids import uuid7
from services.payment.tests import samples
from services.payment.tests.conformance.vendors import AT, Vendor, order_of
from services.payment.tests.crashes.killed import POINTS, Killed
from services.payment.tests.samples import AMOUNT, rows

pytestmark = [pytest.mark.db, pytest.mark.asyncio(loop_scope="module")]


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


@pytest.mark.parametrize("point", [p for p in POINTS if p != "task.before_commit"])
async def test_an_order_whose_making_was_killed_is_paid_once(payment: Killed, vendor: Vendor, point: str) -> None:
    await payment.lose_a_reply(
        vendor.name, {"razorpay": "orders", "stripe": "payment_intents", "phonepe": "pay"}[vendor.name]
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
    await payment.lose_a_reply(stripe.name, "capture")
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
async def test_a_charge_of_a_saved_card_that_was_killed_is_made_once(payment: Killed, point: str) -> None:
    stripe = next(vendor for vendor in AT if vendor.name == "stripe")
    ends = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    payment_id = await create(payment, stripe, capture_policy="after_service", service_ends_at=ends)
    await pay(payment, stripe, payment_id)
    await becomes(payment, payment_id, "method_saved")
    await payment.lose_a_reply(stripe.name, "payment_intents")
    before = payment.deaths
    payment.arm(point)
    async with payment.database.transaction() as work:
        await work.execute(
            "UPDATE payments SET charge_at = now(), service_ends_at = now() + interval '3 days' WHERE id = $1",
            payment_id,
        )
    await payment.died(before)
    await becomes(payment, payment_id, "authorized")
    state = (await payment.simulator.get("/control/state")).json()["stripe"]
    made = [intent for intent in state["payment_intents"] if intent["metadata"].get("payment_id") == payment_id]
    assert [intent["status"] for intent in made] == ["requires_capture"]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("amount_minor", [AMOUNT, 30_000])
async def test_a_release_that_was_killed_is_made_once(payment: Killed, point: str, amount_minor: int) -> None:
    stripe = next(vendor for vendor in AT if vendor.name == "stripe")
    ends = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    payment_id = await create(payment, stripe, capture_policy="after_service", service_ends_at=ends)
    await pay(payment, stripe, payment_id)
    await becomes(payment, payment_id, "authorized")
    await payment.lose_a_reply(stripe.name, "cancel" if amount_minor == AMOUNT else "capture")
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
    await payment.lose_a_reply(vendor.name, "refund")
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
