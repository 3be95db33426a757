"""Charges of saved methods against a scripted gateway: once each, looked for when unanswered, never beside money or too late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from chassis.outcomes import Dead, RetryAfter
from chassis.work import Database
from contracts.booking_events import BookingCancelled, HoldExpired
from services.payment.adapters.gateways.port import Rejected, Unknown
from services.payment.domain.capabilities import CaptureMode
from services.payment.domain.observation import Seen
from services.payment.handlers.messages import ChargeDue
from services.payment.tests.handlers.bank import Desk
from services.payment.tests.samples import AMOUNT, add_payment, message, rows, seen, told

pytestmark = pytest.mark.db


@pytest.fixture
def desk(database: Database) -> Desk:
    """A desk on a fresh database."""
    return Desk(database)


async def test_a_saved_method_is_charged_when_its_time_comes_and_captured_by_plan(desk: Desk) -> None:
    await desk.save()
    (due,) = await desk.due()
    assert await desk.due() == []
    await desk.run(due)
    await desk.run(due)
    assert desk.bank.asked == ["charge"]
    (order,) = desk.bank.made.values()
    assert (order.capture_mode, order.amount_minor) == (CaptureMode.MANUAL, AMOUNT)
    status, capture_at, service_ends_at, charge_at = await desk.row("status, capture_at, service_ends_at, charge_at")
    assert (status, capture_at, charge_at) == ("authorized", service_ends_at + timedelta(minutes=30), None)
    assert await told(desk.database) == ["payment.secured"]


@pytest.mark.parametrize("dies", ["before the call", "before the end"])
async def test_a_charge_that_was_killed_is_looked_for_and_made_once(desk: Desk, dies: str) -> None:
    await desk.save()
    (due,) = await desk.due()
    await desk.run(due, dies=dies)
    await desk.run(due)
    assert desk.bank.asked[-1] == ("charge" if dies == "before the call" else "find")
    assert len(desk.bank.made) == 1
    assert (await desk.row("status"))[0] == "authorized"


async def test_a_charge_whose_reply_was_lost_is_found_and_not_made_again(desk: Desk) -> None:
    await desk.save()
    (due,) = await desk.due()
    desk.bank.raises, desk.bank.loses_replies = Unknown("timeout"), True
    with pytest.raises(Unknown):
        await desk.run(due)
    assert (await desk.row("status"))[0] == "pending"
    await desk.run(due)
    assert desk.bank.asked == ["charge", "find"]
    assert (await desk.row("status"))[0] == "authorized"


async def test_the_poller_finds_a_charge_whose_task_is_lost(desk: Desk) -> None:
    await desk.save()
    (due,) = await desk.due()
    await desk.run(due, dies="before the end")
    async with desk.database.transaction() as work:
        await work.execute("UPDATE payments SET poll_at = now()")
    await desk.polling.poll(desk.database)
    assert (await desk.row("status"))[0] == "authorized"
    await desk.run(due)
    assert len(desk.bank.made) == 1


async def test_a_declined_charge_is_told_with_until_when_to_pay_and_tried_again_while_the_deadline_allows(
    desk: Desk,
) -> None:
    await desk.save()
    desk.bank.status = Seen.FAILED
    (due,) = await desk.due()
    await desk.run(due)
    await desk.run(due)
    status, charge_at, expires_at = await desk.row("status, charge_at, expires_at")
    assert (status, len(desk.bank.made)) == ("failed", 1)
    assert abs(charge_at - datetime.now(UTC) - timedelta(hours=12)) < timedelta(minutes=1)
    ((body,),) = await rows(desk.database, "SELECT body FROM events WHERE type = 'payment.failed'")
    fact = orjson.loads(body)
    assert (fact["reason"], fact["decline"]) == ("insufficient_funds", "funds")
    assert datetime.fromisoformat(fact["pay_by"]) == expires_at
    assert datetime.fromisoformat(fact["retry_at"]) == charge_at
    for _ in range(2):
        async with desk.database.transaction() as work:
            await work.execute("UPDATE payments SET charge_at = now(), expires_at = now() + interval '1 hour'")
        (due,) = await desk.due()
        await desk.run(due)
    assert (len(desk.bank.made), await told(desk.database)) == (3, ["payment.failed"] * 3)
    assert (await desk.row("charge_at"))[0] is None, "another try would come after the deadline"


@pytest.mark.parametrize(
    "changed",
    [
        {"expires_at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"status": "expired"},
        {"status": "created", "saved_method": None, "saved_customer": None, "charge_at": None},
    ],
)
async def test_what_has_ended_or_saved_nothing_is_not_charged(desk: Desk, changed: dict[str, Any]) -> None:
    payment_id = await desk.save(**changed)
    await desk.run(ChargeDue(booking_id="b", payment_id=payment_id, amount_minor=1, currency="INR", charges=0))
    assert desk.bank.asked == []


async def test_a_booking_that_is_paid_elsewhere_is_not_charged(desk: Desk) -> None:
    payment_id = await desk.save(booking_id="booking-1")
    other = await add_payment(desk.database, booking_id="booking-1")
    async with desk.database.transaction() as work:
        await desk.observing.observe(work, [seen(other)])
    (due,) = await desk.due()
    await desk.run(due)
    assert (due.payment_id, desk.bank.asked) == (payment_id, [])


@pytest.mark.parametrize("kind", [HoldExpired, BookingCancelled])
async def test_a_hold_that_ended_ends_the_charge_and_is_told(desk: Desk, kind: type) -> None:
    await desk.save(booking_id="booking-1")
    (due,) = await desk.due()
    now = datetime.now(UTC)
    fields = (
        {"expired_at": now} if kind is HoldExpired else {"reference": "BK-449034CB", "reason": "x", "cancelled_at": now}
    )
    async with desk.database.transaction() as work:
        await desk.bookings.record_many(work, [message(kind(booking_id="booking-1", **fields), "booking-1")])
    await desk.run(due)
    assert desk.bank.asked == []
    assert await desk.row("status, charge_at") == ("expired", None)
    assert await told(desk.database) == ["payment.expired"]


async def test_a_charge_that_the_gateway_refuses_is_a_case_and_leaves_nothing_to_wait_for(desk: Desk) -> None:
    await desk.save()
    (due,) = await desk.due()
    desk.bank.raises = Rejected("resource_missing")
    await desk.run(due)
    assert (await desk.row("status"))[0] == "failed"
    assert await rows(desk.database, "SELECT kind FROM cases") == [("charge-refused",)]
    assert await rows(desk.database, "SELECT ended FROM gateway_orders WHERE purpose = 'charge'") == [(True,)]


async def test_a_charge_that_is_unanswered_at_the_deadline_is_only_looked_for(desk: Desk) -> None:
    await desk.save()
    (due,) = await desk.due()
    await desk.run(due, dies="before the call")
    async with desk.database.transaction() as work:
        await work.execute("UPDATE payments SET expires_at = now() - interval '1 second'")
    await desk.run(due)
    assert desk.bank.asked == ["find"]
    assert desk.bank.made == {}
    assert await rows(desk.database, "SELECT ended FROM gateway_orders WHERE purpose = 'charge'") == [(True,)]


async def test_a_charge_waits_while_the_buyer_opens_the_payment(desk: Desk) -> None:
    payment_id = await desk.save(order_lease_until=datetime.now(UTC) + timedelta(seconds=30))
    (due,) = await desk.due()
    with pytest.raises(RetryAfter):
        await desk.run(due)
    async with desk.database.transaction() as work:
        await work.execute("UPDATE payments SET order_lease_until = NULL WHERE id = $1", payment_id)
    await desk.run(due)
    assert (await desk.row("status"))[0] == "authorized"


async def test_a_job_that_comes_after_the_service_takes_the_money_soon(desk: Desk) -> None:
    await desk.save(service_ends_at=datetime.now(UTC) - timedelta(hours=3))
    (due,) = await desk.due()
    await desk.run(due)
    capture_at, capture_before = await desk.row("capture_at, capture_before")
    assert capture_at <= datetime.now(UTC) < capture_before


async def test_a_charge_that_the_bank_has_not_decided_is_not_made_again(desk: Desk) -> None:
    await desk.save()
    desk.bank.status = Seen.PENDING
    (due,) = await desk.due()
    await desk.run(due)
    async with desk.database.transaction() as work:
        await work.execute("DELETE FROM gateway_payments")
        await work.execute("UPDATE payments SET charge_at = now()")
    (again,) = await desk.due()
    await desk.run(again)
    assert (len(desk.bank.made), (await desk.row("status"))[0]) == (1, "pending")


async def test_a_charge_of_no_payment_is_dead(desk: Desk) -> None:
    with pytest.raises(Dead):
        await desk.run(ChargeDue(booking_id="b", payment_id=UUID(int=1), amount_minor=1, currency="INR", charges=0))
