"""The view of bookings: set-based, in order, repeats harmless."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from chassis.work import Database
from contracts.booking_events import BookingCancelled, BookingConfirmed, Buyer, CheckoutOpened, ConfirmedLine
from services.payment.handlers import bookings
from services.payment.tests.samples import message, rows

pytestmark = pytest.mark.db
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def confirmed(booking_id: str) -> BookingConfirmed:
    """A confirmed booking."""
    line = ConfirmedLine(
        line_id="l", offer_id="o", kind="course", title="A course", quantity=1, unit_minor=99900, total_minor=99900
    )
    return BookingConfirmed(
        booking_id=booking_id,
        reference="BK-449034CB",
        payment_id="p",
        buyer=Buyer(student_id="s", name="A", email="a@example.org"),
        lines=(line,),
        amount_minor=99900,
        currency="INR",
        confirmed_at=NOW,
    )


def cancelled(booking_id: str) -> BookingCancelled:
    """A cancelled booking."""
    return BookingCancelled(booking_id=booking_id, reference="BK-449034CB", reason="buyer", cancelled_at=NOW)


async def test_confirmed_and_cancelled_bookings_are_kept_and_cancelled_stays(database: Database) -> None:
    async with database.transaction() as work:
        events = [confirmed("b1"), confirmed("b2"), cancelled("b2"), cancelled("b3")]
        await bookings.record_many(work, [message(event) for event in events])
        await bookings.record_many(work, [message(confirmed("b2")), message(confirmed("b1"))])
    assert await rows(database, "SELECT booking_id, status, amount_minor FROM payment_bookings ORDER BY 1") == [
        ("b1", "CONFIRMED", 99900),
        ("b2", "CANCELLED", 99900),
        ("b3", "CANCELLED", None),
    ]


def opened(number: int) -> CheckoutOpened:
    """The `number`-th checkout of one cart."""
    return CheckoutOpened(
        booking_id=f"b{number}",
        cart_id="c1",
        reference="BK-449034CB",
        amount_minor=99900 + number,
        currency="INR",
        capture_policy="after_service",
        buyer_id=f"guest-b{number}",
        service_ends_at=NOW + timedelta(days=9) if number == 3 else None,
        opened_at=NOW + timedelta(minutes=number),
        expires_at=NOW + timedelta(minutes=number + 15),
    )


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
@pytest.mark.parametrize("at_once", [True, False])
async def test_the_newest_checkout_of_a_cart_stays_however_they_come(
    database: Database, order: tuple[int, ...], at_once: bool
) -> None:
    events = [message(opened(number)) for number in order]
    for batch in [events] if at_once else [[event] for event in events]:
        async with database.transaction() as work:
            await bookings.record_many(work, batch)
    kept = "SELECT booking_id, amount_minor, buyer_id, service_ends_at, expires_at FROM checkouts WHERE cart_id = 'c1'"
    end = NOW + timedelta(days=9)
    assert await rows(database, kept) == [("b3", 99903, "guest-b3", end, NOW + timedelta(minutes=18))]
