"""Paid means fulfilled: every paid amount is fulfilled, given back, let go, in time or at risk, in sum and one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from chassis import telemetry
from chassis.identity import issue_account_token
from chassis.ids import uuid7
from chassis.steps import Message
from chassis.work import Database
from contracts.fulfillment_events import FulfillmentCompleted
from contracts.payment_events import RefundFailed, RefundSucceeded
from contracts.samples import samples
from services.booking.domain.states import BookingTrigger
from services.booking.handlers.progress import record_many
from services.booking.handlers.watching import watch_paid_not_fulfilled
from services.booking.storage import bookings, milestones, standings
from services.booking.tests.conftest import SECRET
from services.booking.tests.test_confirmations import hold, run, secured

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PARTS = ("fulfilled_minor", "refunded_minor", "let_go_minor", "kept_minor", "in_time_minor", "at_risk_minor")


async def paid(
    database: Database,
    amount: int,
    *,
    state: str = "confirmed",
    minutes: int = 0,
    secured_as: str = "captured",
    owed_minor: int | None = None,
) -> str:
    """A booking that was paid, is now in `state` and has been so for `minutes`; all of it is owed when it was cancelled,
    or `owed_minor`."""
    booking_id = await hold(database, amount=amount)
    await run(database, secured(booking_id, amount))
    async with database.transaction() as work:
        if state == "cancelled":
            booking = await bookings.lock(work, booking_id)
            assert booking is not None
            owed = amount if owed_minor is None else owed_minor
            await bookings.move(work, booking, state, BookingTrigger.FULFILLMENT_REJECTED, "test", owed_minor=owed)
            await work.execute(
                "UPDATE booking_transitions SET at = now() - make_interval(mins => $1) WHERE moved_to = 'cancelled'"
                " AND booking_id = $2",
                minutes,
                booking_id,
            )
        await work.execute(
            """UPDATE bookings SET state = $2, secured_as = $3, confirmed_at = now() - make_interval(mins => $4)
               WHERE booking_id = $1""",
            booking_id,
            state,
            secured_as,
            minutes,
        )
    return booking_id


async def completed(database: Database, booking_id: str) -> None:
    """Fulfillment said that all is done."""
    line = samples()["fulfillment.completed"].lines  # type: ignore[attr-defined]
    event = FulfillmentCompleted(booking_id=booking_id, lines=line, completed_at=NOW)
    async with database.transaction() as work:
        await record_many(work, [Message(uuid7(), event.type, booking_id, event, body=event.encode())])


async def refund(
    database: Database,
    booking_id: str,
    amount: int,
    refund_id: str,
    *,
    sent_back: bool = False,
    payment_id: str = "",
) -> None:
    """Payment gave `amount` back; `sent_back`: and an hour later the bank returned it."""
    common: dict[str, Any] = {"booking_id": booking_id, "gateway": "razorpay", "currency": "INR"}
    common |= {
        "payment_id": payment_id or f"pay-{booking_id}",
        "amount_minor": amount,
        "refund_id": refund_id,
        "reason": "test",
    }
    events: list[Any] = [RefundSucceeded(**common, refunded_at=NOW)]
    if sent_back:
        events.append(RefundFailed(**common, failed_at=NOW + timedelta(hours=1)))
    messages = [Message(uuid7(), e.type, booking_id, e, body=e.model_dump_json().encode()) for e in events]
    async with database.transaction() as work:
        await record_many(work, messages)


async def shown(http: httpx2.AsyncClient, role: str = "ops") -> Any:
    """What the route says."""
    bearer = {"Authorization": f"Bearer {issue_account_token(SECRET, 'somebody', [role])}"}
    return await http.get("/api/v1/admin/paid-not-fulfilled", headers=bearer)


async def test_every_paid_amount_became_exactly_one_thing(database: Database, http: httpx2.AsyncClient) -> None:
    done = await paid(database, 1_000, minutes=60)
    await completed(database, done)
    await refund(database, done, 100, "r-part")
    await paid(database, 2_000, minutes=1)
    late = await paid(database, 4_000, minutes=10)
    given_back = await paid(database, 8_000, state="cancelled", minutes=60)
    await refund(database, given_back, 8_000, "r-all")
    half = await paid(database, 16_000, state="cancelled", minutes=90)
    await refund(database, half, 6_000, "r-half")
    await paid(database, 32_000, state="cancelled", minutes=60, secured_as="authorized")
    bounced = await paid(database, 64_000, state="cancelled", minutes=120)
    await refund(database, bounced, 64_000, "r-bounced", sent_back=True)
    by_policy = await paid(database, 128_000, state="cancelled", minutes=150, owed_minor=64_000)
    await refund(database, by_policy, 63_000, "r-policy")
    await paid(database, 256_000, state="cancelled", minutes=60, owed_minor=0)
    answer = (await shown(http)).json()
    (total,) = answer["sums"]
    assert [total[part] for part in PARTS] == [900, 77_100, 32_000, 320_000, 2_000, 79_000]
    assert total["paid_minor"] == sum(total[part] for part in PARTS) == 511_000
    at_risk = [(item["booking_id"], item["open_minor"]) for item in answer["bookings"]]
    assert at_risk == [(by_policy, 1_000), (bounced, 64_000), (half, 10_000), (late, 4_000)]
    assert answer["more"] is False


async def test_the_gauge_keeps_a_cancelled_booking_until_its_money_is_back(database: Database) -> None:
    booking_id = await paid(database, 5_000, state="cancelled", minutes=10)
    await watch_paid_not_fulfilled(database)
    assert telemetry.PAID_NOT_FULFILLED_MINOR.labels("INR")._value.get() == 5_000
    assert telemetry.PAID_NOT_FULFILLED_OLDEST_SECONDS._value.get() >= 600
    await refund(database, booking_id, 5_000, "r-1")
    await watch_paid_not_fulfilled(database)
    assert telemetry.PAID_NOT_FULFILLED._value.get() == 0


@pytest.mark.parametrize("days", [3, 40])
async def test_a_cancelled_booking_waits_since_its_cancelling_however_long_ago_it_was_paid(
    database: Database, http: httpx2.AsyncClient, days: int
) -> None:
    booking_id = await paid(database, 5_000, state="cancelled", minutes=1)
    async with database.transaction() as work:
        await work.execute("UPDATE bookings SET confirmed_at = now() - make_interval(days => $1)", days)
    await watch_paid_not_fulfilled(database)
    assert telemetry.PAID_NOT_FULFILLED_MINOR.labels("INR")._value.get() == 5_000
    assert 60 <= telemetry.PAID_NOT_FULFILLED_OLDEST_SECONDS._value.get() < 120
    answer = (await shown(http)).json()
    assert (answer["sums"][0]["in_time_minor"], answer["bookings"]) == (5_000, [])
    async with database.transaction() as work:
        await work.execute("UPDATE booking_transitions SET at = at - interval '5 minutes'")
    (late,) = (await shown(http)).json()["bookings"]
    assert late["booking_id"] == booking_id
    assert 360 <= late["waited_seconds"] < 420


async def test_money_that_bought_nothing_is_counted_until_it_is_back(
    database: Database, http: httpx2.AsyncClient
) -> None:
    booking_id = await paid(database, 1_000, minutes=60)
    await run(database, secured(booking_id, 1_000, "pay-twice"))
    wrong = await hold(database, amount=700)
    await run(database, secured(wrong, 300))
    answer = (await shown(http)).json()
    (total,) = answer["sums"]
    assert (total["bookings"], total["unbooked"], total["paid_minor"]) == (1, 2, 2_300)
    assert [total[part] for part in PARTS] == [0, 0, 0, 0, 1_300, 1_000]
    async with database.transaction() as work:
        await work.execute("UPDATE unbooked_payments SET decided_at = now() - interval '10 minutes'")
    await refund(database, booking_id, 1_000, "r-1", payment_id="pay-twice")
    answer = (await shown(http)).json()
    assert [answer["sums"][0][part] for part in PARTS] == [0, 1_000, 0, 0, 0, 1_300]
    at_risk = [(item["booking_id"], item["state"], item["open_minor"]) for item in answer["bookings"]]
    assert at_risk == [(booking_id, "confirmed", 1_000), (wrong, "unbooked", 300)]
    await refund(database, wrong, 300, "r-2")
    await watch_paid_not_fulfilled(database)
    assert telemetry.PAID_NOT_FULFILLED._value.get() == 1


async def test_authorized_money_that_bought_nothing_is_let_go_unless_it_was_captured(
    database: Database, http: httpx2.AsyncClient
) -> None:
    booking_id = await hold(database, amount=700)
    message = secured(booking_id, 300)
    event = message.event.model_copy(update={"secured_as": "authorized"})
    await run(database, Message(message.id, message.type, message.key, event))
    assert [(await shown(http)).json()["sums"][0][part] for part in PARTS] == [0, 0, 300, 0, 0, 0]
    async with database.transaction() as work:
        await milestones.add_many(work, [(booking_id, "payment.captured", "another-payment", NOW, b"{}")])
    assert [(await shown(http)).json()["sums"][0][part] for part in PARTS] == [0, 0, 300, 0, 0, 0]
    async with database.transaction() as work:
        await milestones.add_many(work, [(booking_id, "payment.captured", f"pay-{booking_id}", NOW, b"{}")])
    assert [(await shown(http)).json()["sums"][0][part] for part in PARTS] == [0, 0, 0, 0, 300, 0]


async def test_only_staff_sees_it(http: httpx2.AsyncClient) -> None:
    assert (await shown(http, "buyer")).status_code == 403
    assert (await http.get("/api/v1/admin/paid-not-fulfilled")).status_code == 401
    assert (await shown(http, "admin")).json() == {"deadline_seconds": 300, "sums": [], "bookings": [], "more": False}


async def test_the_watch_looks_at_what_is_open_and_not_at_all_that_was_ever_fulfilled(database: Database) -> None:
    done = await paid(database, 1_000, minutes=60)
    await completed(database, done)
    async with database.transaction() as work:
        await work.execute(
            """INSERT INTO bookings (booking_id, reference, payment_id, state, amount_minor, currency, secured_as, fulfilled_at)
               SELECT n::text, reference, 'pay-' || n, state, amount_minor, currency, secured_as, fulfilled_at
               FROM bookings, generate_series(1, 5000) AS n"""
        )
        await work.execute("ANALYZE bookings")
    late = await paid(database, 4_000, minutes=10)
    async with database.transaction() as work:
        plan = str(await work.fetch(f"EXPLAIN {standings.OPEN_SUMS}"))
        (row,) = await standings.open_sums(work)
    assert "ix_bookings_open" in plan
    assert "Seq Scan on bookings" not in plan
    assert (row.n, row.minor, late != done) == (1, 4_000, True)
