"""`payment.method_saved` on a real database: the hold waits for its charge, nothing is booked, and an ended hold says so again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import jwt
import orjson
import pytest

from chassis.identity import issue_guest_token
from chassis.ids import uuid7
from chassis.outcomes import Dead
from chassis.steps import Message
from chassis.work import Database
from contracts.payment_events import PaymentExpired, PaymentFailed, PaymentMethodSaved
from services.booking.domain.confirming import SAVED_GRACE
from services.booking.handlers.confirmations import take_many
from services.booking.handlers.expiry import expire_holds
from services.booking.handlers.progress import record_many
from services.booking.tests.conftest import SECRET
from services.booking.tests.test_confirmations import expire, hold, secured, told

CHARGE = datetime.now(UTC).replace(microsecond=0) + timedelta(days=16)
PAY_BY = CHARGE + timedelta(hours=48)
NOW = datetime.now(UTC)


def saved(booking_id: str, amount: int = 59900, payment_id: str = "") -> Message:
    """A message that says that the method of `booking_id`'s buyer is saved."""
    event = PaymentMethodSaved(
        booking_id=booking_id,
        payment_id=payment_id or f"pay-{booking_id}",
        gateway="stripe",
        amount_minor=amount,
        currency="INR",
        charge_at=CHARGE,
        pay_by=PAY_BY,
        saved_at=NOW,
    )
    return Message(uuid7(), event.type, booking_id, event, body=event.encode())


async def run(database: Database, *messages: Message) -> None:
    """One transaction of the step."""
    async with database.transaction() as work:
        await take_many(work, messages)


async def deadline(database: Database, booking_id: str) -> tuple[str, datetime]:
    """The hold's state and deadline."""
    async with database.transaction() as work:
        row = await work.fetch_one("SELECT state, expires_at FROM holds WHERE booking_id = $1", booking_id)
    assert row is not None
    return row.state, row.expires_at


async def page(http: httpx2.AsyncClient, booking_id: str) -> dict[str, Any]:
    """The buyer's page."""
    bearer = {"Authorization": f"Bearer {issue_guest_token(SECRET, {'booking': booking_id})}"}
    found: dict[str, Any] = (await http.get(f"/api/v1/bookings/{booking_id}", headers=bearer)).json()
    return found


async def milestone(database: Database, kind: type, booking_id: str, minutes: int, /, **fields: Any) -> None:
    """Something that payment said, so many minutes after the saving."""
    at = NOW + timedelta(minutes=minutes)
    common: dict[str, Any] = {"booking_id": booking_id, "payment_id": f"pay-{booking_id}", "gateway": "stripe"}
    name = {"PaymentFailed": "failed_at", "PaymentExpired": "expired_at"}[kind.__name__]
    event = kind(**{**common, "amount_minor": 59900, "currency": "INR", name: at, **fields})
    async with database.transaction() as work:
        await record_many(work, [Message(uuid7(), event.type, booking_id, event, body=event.encode())])


async def test_a_hold_whose_method_was_saved_keeps_its_place_until_the_charge_and_its_grace(database: Database) -> None:
    booking_id = await hold(database, seat=True)
    await run(database, saved(booking_id), saved(booking_id))
    assert await deadline(database, booking_id) == ("held", PAY_BY + SAVED_GRACE)
    assert await told(database) == [("hold.extended", booking_id)]
    async with database.transaction() as work:
        assert not await work.fetch("SELECT 1 FROM bookings"), "nothing is booked before money is secured"
        await work.execute("UPDATE holds SET expires_at = expires_at - interval '17 days'")
    assert await expire_holds(database) == 0
    async with database.transaction() as work:
        await work.execute("UPDATE holds SET expires_at = expires_at - interval '2 days'")
    assert await expire_holds(database) == 1
    assert (await told(database))[-1] == ("hold.expired", booking_id)


async def test_what_is_told_of_an_extended_hold_says_whom_to_tell_and_no_more(database: Database) -> None:
    booking_id = await hold(database)
    await run(database, saved(booking_id))
    async with database.transaction() as work:
        row = await work.fetch_one("SELECT body FROM events WHERE type = 'hold.extended'")
    assert row is not None
    body = orjson.loads(row.body)
    assert body["unmade"]["buyer"] == {"student_id": "std", "name": "A", "email": "a@example.com"}
    assert (body["amount_minor"], datetime.fromisoformat(body["charge_at"])) == (59900, CHARGE)


async def test_the_charge_confirms_the_booking_whose_method_was_saved(database: Database) -> None:
    booking_id = await hold(database)
    await run(database, saved(booking_id))
    await run(database, secured(booking_id))
    assert await told(database) == [("hold.extended", booking_id), ("booking.confirmed", booking_id)]


async def test_a_batch_is_the_same_as_one_by_one(database: Database) -> None:
    together, apart = [await hold(database) for _ in range(2)], [await hold(database) for _ in range(2)]
    await run(
        database, saved(together[0]), secured(together[0]), secured(together[1]), saved(together[1], payment_id="p-2")
    )
    for message in (saved(apart[0]), secured(apart[0]), secured(apart[1]), saved(apart[1], payment_id="p-2")):
        await run(database, message)
    found = await told(database)
    for one, other in zip(together, apart, strict=True):
        assert [kind for kind, key in found if key == one] == [kind for kind, key in found if key == other]


async def test_a_method_saved_after_the_hold_ended_takes_nothing_and_says_again_that_it_ended(
    database: Database,
) -> None:
    booking_id = await hold(database, seat=True)
    await expire(database)
    await run(database, saved(booking_id))
    assert await told(database) == [("hold.expired", booking_id)] * 2
    assert (await deadline(database, booking_id))[0] == "expired"


async def test_a_method_saved_beside_a_paid_booking_changes_nothing(database: Database) -> None:
    booking_id = await hold(database)
    await run(database, secured(booking_id))
    await run(database, saved(booking_id, payment_id="another"))
    assert await told(database) == [("booking.confirmed", booking_id)]


async def test_a_method_saved_for_another_amount_is_a_case_and_holds_nothing_longer(database: Database) -> None:
    booking_id = await hold(database)
    before = await deadline(database, booking_id)
    await run(database, saved(booking_id, 1))
    assert await deadline(database, booking_id) == before
    async with database.transaction() as work:
        assert len(await work.fetch("SELECT 1 FROM cases WHERE kind = 'payment-mismatch'")) == 1


async def test_a_booking_id_that_we_never_gave_out_is_a_dead_letter(database: Database) -> None:
    with pytest.raises(Dead):
        await run(database, saved(str(uuid7())))


async def test_the_page_says_that_a_method_is_saved_until_when_and_how_to_pay(
    database: Database, http: httpx2.AsyncClient
) -> None:
    booking_id = await hold(database)
    message = saved(booking_id)
    await run(database, message)
    async with database.transaction() as work:
        await record_many(work, [message])
    shown = await page(http, booking_id)
    assert (shown["status"], shown["payment_status"]) == ("PENDING", "method_saved")
    assert datetime.fromisoformat(shown["next_deadline"]) == PAY_BY + SAVED_GRACE
    assert datetime.fromisoformat(shown["charge_at"]) == CHARGE
    claims = jwt.decode(shown["checkout_token"], SECRET, algorithms=["HS256"], audience="payment")
    assert claims["exp"] == int((PAY_BY + SAVED_GRACE).timestamp())
    assert claims["booking_id"] == booking_id
    await run(database, secured(booking_id))
    paid = await page(http, booking_id)
    assert (paid["status"], paid["payment_status"], paid["charge_at"]) == ("CONFIRMED", "captured", None)
    assert "checkout_token" not in paid


async def test_each_declined_charge_shows_and_an_expiry_at_another_gateway_hides_nothing(
    database: Database, http: httpx2.AsyncClient
) -> None:
    booking_id = await hold(database)
    message = saved(booking_id)
    await milestone(database, PaymentFailed, booking_id, -1, reason="card_declined")
    async with database.transaction() as work:
        await take_many(work, [message])
        await record_many(work, [message])
    await milestone(database, PaymentExpired, booking_id, 15, payment_id="another", gateway="razorpay")
    assert (await page(http, booking_id))["payment_status"] == "method_saved"
    for minutes in (60, 120):
        await milestone(database, PaymentFailed, booking_id, minutes, reason="card_declined", pay_by=PAY_BY)
    shown = await page(http, booking_id)
    assert (shown["status"], shown["payment_status"], shown["charge_at"]) == ("PENDING", "failed", None)
    async with database.transaction() as work:
        found = await work.fetch("SELECT 1 FROM milestones WHERE name = 'payment.failed'")
    assert len(found) == 3
    await milestone(database, PaymentExpired, booking_id, 180)
    assert (await page(http, booking_id))["payment_status"] == "expired"
