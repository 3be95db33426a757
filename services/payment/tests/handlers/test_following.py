"""Money follows what booking says of the service: moved, over, cancelled with all of it kept; on a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.work import Database
from contracts.booking_events import BookingCancelled, BookingRescheduled, SessionCompleted, SessionContested
from services.payment.domain.observation import Seen
from services.payment.tests.booked import confirmed
from services.payment.tests.handlers.bank import Desk
from services.payment.tests.samples import AMOUNT, add_payment, message, rows, seen, told

pytestmark = pytest.mark.db
BOOKING = "booking-1"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def desk(database: Database) -> Desk:
    """A desk on a fresh database."""
    return Desk(database)


def moved(ends_at: datetime, booking_id: str = BOOKING) -> BookingRescheduled:
    """The booking's session ends at `ends_at` by now."""
    return BookingRescheduled(
        booking_id=booking_id,
        reference="BK-449034CB",
        line_id="line-1",
        title="Strategy",
        starts_at=ends_at - timedelta(hours=1),
        ends_at=ends_at,
        previous_starts_at=NOW,
        service_ends_at=ends_at,
        rescheduled_at=NOW,
    )


def over(*, last: bool = True) -> SessionCompleted:
    """The expert said that a session took place."""
    return SessionCompleted(booking_id=BOOKING, line_id="line-1", outcome="took_place", last=last, completed_at=NOW)


def cancelled(refund_minor: int | None) -> BookingCancelled:
    """The booking was cancelled and so much goes back."""
    return BookingCancelled(
        booking_id=BOOKING, reference="BK-449034CB", reason="x", cancelled_at=NOW, refund_minor=refund_minor
    )


async def tell(desk: Desk, *events: Any) -> None:
    """One batch from booking."""
    async with desk.database.transaction() as work:
        await desk.bookings.record_many(work, [message(event, event.booking_id) for event in events])


async def hold(desk: Desk) -> None:
    """Money of the booking is held for a week, its session in three days."""
    payment_id = await add_payment(
        desk.database,
        booking_id=BOOKING,
        gateway="stripe",
        collection="authorize_now",
        capture_policy="after_service",
        service_ends_at=NOW + timedelta(days=3),
    )
    async with desk.database.transaction() as work:
        held = seen(payment_id, Seen.AUTHORIZED, gateway="stripe", capture_before=NOW + timedelta(days=7))
        await desk.observing.observe(work, [held])


async def captures(desk: Desk) -> int:
    """How many captures the clock gives out."""
    return await desk.polling.capture_due(desk.database)


async def test_a_capture_follows_its_session(desk: Desk) -> None:
    await hold(desk)
    await tell(desk, moved(NOW + timedelta(days=5)))
    (row,) = await rows(desk.database, "SELECT capture_at, service_ends_at FROM payments")
    assert row == (NOW + timedelta(days=5, minutes=30), NOW + timedelta(days=5))
    await tell(desk, moved(NOW + timedelta(days=60)))
    (row,) = await rows(desk.database, "SELECT capture_at FROM payments")
    assert row == (NOW + timedelta(days=6, hours=12),)
    assert await rows(desk.database, "SELECT kind FROM cases") == [("capture-before-service",)]
    assert await captures(desk) == 0


async def test_the_expert_s_word_captures_at_once_and_only_when_nothing_is_awaited(desk: Desk) -> None:
    await hold(desk)
    await tell(desk, over(last=False))
    assert await captures(desk) == 0
    await tell(desk, over(), over())
    assert await captures(desk) == 1
    await tell(desk, over())
    assert await captures(desk) == 0


async def test_a_contested_session_waits_for_a_person(desk: Desk) -> None:
    await hold(desk)
    contested = SessionContested(booking_id=BOOKING, line_id="line-1", contested_at=NOW)
    await tell(desk, contested)
    assert await rows(desk.database, "SELECT capture_at FROM payments") == [(NOW + timedelta(days=6, hours=12),)]
    await tell(desk, over())
    assert await captures(desk) == 1


@pytest.mark.parametrize(("refund_minor", "captured"), [(0, 1), (500, 0), (None, 0)])
async def test_what_the_policy_keeps_whole_is_captured_when_it_is_cancelled(
    desk: Desk, refund_minor: int | None, captured: int
) -> None:
    await hold(desk)
    await tell(desk, cancelled(refund_minor))
    assert await captures(desk) == captured


async def test_a_saved_card_is_charged_near_the_new_date_and_booking_is_told(desk: Desk) -> None:
    far = NOW + timedelta(days=40)
    await desk.save(booking_id=BOOKING, charge_at=NOW + timedelta(days=16), service_ends_at=NOW + timedelta(days=20))
    await tell(desk, moved(far))
    charge_at, expires_at, poll_at = await desk.row("charge_at, expires_at, poll_at")
    assert far - timedelta(days=5) < charge_at < far - timedelta(days=3)
    assert expires_at == poll_at == charge_at + timedelta(hours=48)
    assert await told(desk.database) == ["payment.method_saved"]
    await tell(desk, moved(NOW + timedelta(days=2)))
    assert len(await desk.due()) == 1, "near enough to be charged now"


async def test_one_batch_shares_one_booking_s_money_and_moves_another_s(desk: Desk) -> None:
    await hold(desk)
    other = await add_payment(desk.database, booking_id="booking-2")
    async with desk.database.transaction() as work:
        await desk.observing.observe(work, [seen(other)])
    await tell(desk, confirmed("booking-2", other, (AMOUNT, "exp-1")), moved(NOW + timedelta(days=5)), over())
    assert await captures(desk) == 1
    assert await rows(desk.database, "SELECT partner_id FROM line_shares") == [("exp-1",)]


async def test_a_stranger_s_booking_changes_nothing(desk: Desk) -> None:
    await tell(desk, moved(NOW, "nobody-s"), over(), cancelled(0))
    assert await told(desk.database) == []
