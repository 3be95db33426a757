"""The view of bookings: set-based, in order, repeats harmless."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chassis.work import Database
from contracts.booking_events import BookingCancelled, BookingConfirmed, Buyer, ConfirmedLine
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
