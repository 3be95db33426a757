"""`payment.secured` on a real database: one booking, late money placed again or sent back, a batch equal to one by one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from chassis.ids import uuid7
from chassis.outcomes import Dead
from chassis.steps import Message
from chassis.work import Database
from contracts.payment_events import PaymentSecured
from services.booking.handlers.confirmations import confirm_many
from services.booking.handlers.expiry import expire_holds
from services.booking.storage import holds, offers

EVENING = "ofr-course-english-evening"


async def hold(database: Database, *, seat: bool = False, amount: int = 59900) -> str:
    """A live hold; with `seat` it takes one of the two evening seats."""
    booking_id = str(uuid7())
    line = {
        "line_id": str(uuid7()),
        "offer_id": EVENING,
        "kind": "course",
        "title": "English",
        "quantity": 1,
        "unit_minor": amount,
        "total_minor": amount,
        "course": {
            "course_id": "crs",
            "tier": 10,
            "specialty": "english",
            "time_slot": "10:00",
            "weekdays": [0],
            "starts_on": "2027-01-04",
            "time_zone": "UTC",
        },
    }
    row = {
        "booking_id": booking_id,
        "reference": f"BK-{booking_id[-8:].upper()}",
        "cart_id": str(uuid7()),
        "buyer": {"student_id": "std", "name": "A", "email": "a@example.com", "phone": "+911"},
        "lines": [line],
        "places": {EVENING: 1} if seat else {},
        "amount_minor": amount,
        "currency": "INR",
        "capture_policy": "immediate",
        "refund_policy": {},
        "service_ends_at": None,
    }
    async with database.transaction() as work:
        if seat:
            assert await offers.take_places(work, {EVENING: 1})
        await holds.create(work, row, 60)
    return booking_id


def secured(booking_id: str, amount: int = 59900, payment_id: str = "") -> Message:
    """A message that says that `booking_id` is paid."""
    event = PaymentSecured(
        booking_id=booking_id,
        payment_id=payment_id or f"pay-{booking_id}",
        gateway="razorpay",
        amount_minor=amount,
        currency="INR",
        secured_as="captured",
        secured_at=datetime.now(UTC),
    )
    return Message(uuid7(), event.type, booking_id, event)


async def run(database: Database, *messages: Message) -> None:
    """One transaction of the handler."""
    async with database.transaction() as work:
        await confirm_many(work, messages)


async def told(database: Database) -> list[tuple[str, str]]:
    """What was told: (type, key)."""
    async with database.transaction() as work:
        return [(row.type, row.key) for row in await work.fetch("SELECT type, key FROM events ORDER BY id")]


async def expire(database: Database) -> None:
    """Let every hold's deadline pass."""
    async with database.transaction() as work:
        await work.execute("UPDATE holds SET expires_at = now() - interval '1 second' WHERE state = 'held'")
    await expire_holds(database)


async def _state(database: Database) -> list[Any]:
    async with database.transaction() as work:
        return [
            tuple(row)
            for row in await work.fetch(
                """SELECT h.state, h.payment_id, b.state, b.amount_minor FROM holds h LEFT JOIN bookings b USING (booking_id)
                   ORDER BY h.booking_id"""
            )
        ]


async def test_a_paid_hold_becomes_one_booking_however_often_it_is_told(database: Database) -> None:
    booking_id = await hold(database)
    message = secured(booking_id)
    await run(database, message, message)
    await run(database, message)
    assert await told(database) == [("booking.confirmed", booking_id)]
    assert [row[0] for row in await _state(database)] == ["converted"]


async def test_a_batch_is_the_same_as_one_by_one(postgres_server: Any, database: Database) -> None:
    ids = [await hold(database, amount=59900 + n) for n in range(12)]
    messages = [secured(booking_id, 59900 + (n if n % 5 else n + 1)) for n, booking_id in enumerate(ids)]
    messages += [secured(ids[1], 59901, "another-payment"), messages[2]]
    for message in messages[:7]:
        await run(database, message)
    await run(database, *messages[7:])
    whole = await told(database)
    refunds = [key for kind, key in whole if kind == "refund.due"]
    assert sorted(refunds) == sorted([ids[0], ids[5], ids[10], ids[1]])
    assert len([1 for kind, _ in whole if kind == "booking.confirmed"]) == 9


async def test_a_second_payment_of_a_confirmed_booking_goes_back(database: Database) -> None:
    booking_id = await hold(database)
    await run(database, secured(booking_id), secured(booking_id, payment_id="pay-2"))
    assert await told(database) == [("booking.confirmed", booking_id), ("refund.due", booking_id)]


@pytest.mark.parametrize("paid", [59899, 59901, 1])
async def test_another_amount_is_a_case_and_goes_back(database: Database, paid: int) -> None:
    booking_id = await hold(database)
    await run(database, secured(booking_id, paid))
    assert await told(database) == [("refund.due", booking_id)]
    async with database.transaction() as work:
        assert len(await work.fetch("SELECT 1 FROM cases WHERE kind = 'payment-mismatch'")) == 1


async def test_late_money_takes_the_place_again_while_there_is_one(database: Database) -> None:
    booking_id = await hold(database, seat=True)
    await expire(database)
    await run(database, secured(booking_id))
    assert ("booking.confirmed", booking_id) in await told(database)
    async with database.transaction() as work:
        row = await work.fetch_one("SELECT seats_taken FROM offers WHERE offer_id = $1", EVENING)
    assert row is not None
    assert row.seats_taken == 1


async def test_late_money_goes_back_when_the_place_is_gone(database: Database) -> None:
    late = await hold(database, seat=True)
    await expire(database)
    first, second = await hold(database, seat=True), await hold(database, seat=True)
    await run(database, secured(first), secured(second), secured(late))
    assert ("refund.due", late) in await told(database)
    assert ("booking.confirmed", late) not in await told(database)


async def refunds_due(database: Database) -> list[dict[str, Any]]:
    """The bodies of every `refund.due`."""
    async with database.transaction() as work:
        found = await work.fetch("SELECT body FROM events WHERE type = 'refund.due' ORDER BY id")
    return [orjson.loads(row.body) for row in found]


async def test_money_without_a_booking_is_kept_and_says_whom_to_tell(database: Database) -> None:
    late = await hold(database, seat=True)
    await expire(database)
    for _ in range(2):
        await run(database, secured(await hold(database, seat=True)))
    message = secured(late)
    await run(database, message)
    (due,) = await refunds_due(database)
    assert due["unmade"] == {
        "reference": f"BK-{late[-8:].upper()}",
        "buyer": {"student_id": "std", "name": "A", "email": "a@example.com"},
        "time_zone": "UTC",
        "titles": ["English"],
    }
    async with database.transaction() as work:
        kept = await work.fetch(
            "SELECT payment_id, booking_id, refund_key, amount_minor, currency FROM unbooked_payments"
        )
    assert [tuple(row) for row in kept] == [(f"pay-{late}", late, "place-gone", 59900, "INR")]


async def test_money_that_goes_back_never_confirms_though_a_place_be_free_again(database: Database) -> None:
    late = await hold(database, seat=True)
    await expire(database)
    for _ in range(2):
        await run(database, secured(await hold(database, seat=True)))
    await run(database, secured(late))
    async with database.transaction() as work:
        await work.execute("UPDATE offers SET seats_taken = 0 WHERE offer_id = $1", EVENING)
    await run(database, secured(late))
    async with database.transaction() as work:
        told = await work.fetch("SELECT type FROM events WHERE key = $1 ORDER BY id", late)
        state = await work.fetch_one("SELECT state FROM holds WHERE booking_id = $1", late)
    assert [row.type for row in told if row.type.startswith(("booking.", "refund."))] == ["refund.due"]
    assert state is not None
    assert state.state == "expired"


async def test_a_second_payment_is_kept_and_its_refund_names_nobody(database: Database) -> None:
    one, other = await hold(database), await hold(database)
    await run(database, secured(one), secured(one, payment_id="pay-2"), secured(other))
    await run(database, secured(other, payment_id="pay-3"))
    assert ["unmade" in due for due in await refunds_due(database)] == [False, False]
    async with database.transaction() as work:
        kept = await work.fetch("SELECT payment_id FROM unbooked_payments ORDER BY 1")
    assert [row.payment_id for row in kept] == ["pay-2", "pay-3"]


async def test_deadline_and_payment_at_the_same_moment_have_one_outcome(database: Database) -> None:
    ids = [await hold(database) for _ in range(20)]
    async with database.transaction() as work:
        await work.execute("UPDATE holds SET expires_at = now()")
    await asyncio.gather(expire_holds(database), *(run(database, secured(booking_id)) for booking_id in ids))
    confirmed = [key for kind, key in await told(database) if kind == "booking.confirmed"]
    assert sorted(confirmed) == sorted(ids)
    assert {row[0] for row in await _state(database)} == {"converted"}


async def test_a_booking_id_that_we_never_gave_out_is_a_dead_letter(database: Database) -> None:
    with pytest.raises(Dead):
        await run(database, secured(str(uuid7())))
