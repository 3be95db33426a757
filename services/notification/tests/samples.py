"""Events and messages that the tests speak with, and a purchase as fulfillment would tell it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.ids import uuid7
from chassis.steps import Message
from chassis.work import Database
from contracts.booking_events import (
    BookingCancelled,
    BookingConfirmed,
    BookingRescheduled,
    Buyer,
    ConfirmedLine,
    CourseWish,
    HoldExtended,
    QuotationSent,
    RefundDue,
    SessionCompleted,
    SessionWish,
    UnmadeBooking,
)
from contracts.event import Event
from contracts.fulfillment_events import (
    AllocationPending,
    CompletedLine,
    FulfillmentCompleted,
    MeetingReady,
    TrainerAssigned,
)
from contracts.payment_events import PaymentFailed, RefundSucceeded
from services.notification.handlers import contacts, deliveries

AT = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
PAID: dict[str, Any] = {"payment_id": "pay-1", "amount_minor": 199900, "currency": "INR"}


def message(event: Any) -> Message:
    """`event` as a step receives it."""
    return Message(uuid7(), event.type, event.booking_id, event)


def confirmed(booking_id: str, email: str = "asha.rao@example.com", student_id: str = "student-1") -> BookingConfirmed:
    """A paid course."""
    wish = CourseWish(
        course_id="course-1",
        tier=10,
        specialty="yoga",
        time_slot="18:30",
        weekdays=(1, 3),
        starts_on="2026-11-24",
        time_zone="Asia/Kolkata",
    )
    line = ConfirmedLine(
        line_id="line-1",
        offer_id="offer-1",
        kind="course",
        title="Yoga & breath",
        quantity=1,
        unit_minor=199900,
        total_minor=199900,
        course=wish,
    )
    return BookingConfirmed(
        booking_id=booking_id,
        reference="BK-449034CB",
        payment_id="pay-1",
        buyer=Buyer(student_id=student_id, name="Asha Rao", email=email),
        lines=(line,),
        amount_minor=199900,
        currency="INR",
        confirmed_at=AT,
    )


def session(line_id: str = "line-1", expert_id: str = "exp-maya", email: str = "maya@experts.example") -> ConfirmedLine:
    """A session with an expert in New York."""
    wish = SessionWish(
        expert_id=expert_id,
        expert_name="Maya Iyer",
        expert_email=email,
        expert_time_zone="America/New_York",
        room_url="https://rooms.example/maya",
        starts_at=AT,
        ends_at=AT + timedelta(hours=1),
        time_zone="Europe/Berlin",
    )
    return ConfirmedLine(
        line_id=line_id,
        offer_id="offer-2",
        kind="session",
        title="Strategy session",
        quantity=1,
        unit_minor=250000,
        total_minor=250000,
        session=wish,
    )


def sold(booking_id: str, *lines: ConfirmedLine) -> BookingConfirmed:
    """A paid session, or paid `lines`."""
    return confirmed(booking_id).model_copy(update={"lines": lines or (session(),)})


def ready(booking_id: str, purchase_id: str = "purchase-2", expert_id: str = "exp-maya") -> MeetingReady:
    """The session's meeting exists."""
    return MeetingReady(
        booking_id=booking_id,
        meeting_id="meeting-1",
        provider="standing_room",
        join_url="https://rooms.example/maya",
        starts_at=AT,
        ends_at=AT + timedelta(hours=1),
        purchase_id=purchase_id,
        title="Strategy session",
        expert_id=expert_id,
        expert_name="Maya Iyer",
        expert_email="maya@experts.example",
        expert_time_zone="America/New_York",
    )


def rescheduled(booking_id: str, days: int = 1, said_minutes: int = 0, line_id: str = "line-1") -> BookingRescheduled:
    """The session takes place `days` later than bought, as was said at `said_minutes`."""
    starts_at = AT + timedelta(days=days)
    return BookingRescheduled(
        booking_id=booking_id,
        reference="BK-449034CB",
        line_id=line_id,
        title="Strategy session",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1),
        previous_starts_at=AT,
        service_ends_at=starts_at + timedelta(hours=1),
        rescheduled_at=AT - timedelta(days=3) + timedelta(minutes=said_minutes),
    )


def held(booking_id: str, line_id: str = "line-1") -> SessionCompleted:
    """The session took place."""
    return SessionCompleted(booking_id=booking_id, line_id=line_id, outcome="took_place", last=True, completed_at=AT)


def session_completed(booking_id: str) -> FulfillmentCompleted:
    """A session is in place."""
    line = CompletedLine(
        purchase_id="purchase-2",
        title="Strategy session",
        trainer_id="exp-maya",
        trainer_name="Maya Iyer",
        sessions_total=1,
        first_session_at=AT,
        invoice_id="invoice-2",
        invoice_number="PF-2026-000002",
        join_url="https://rooms.example/maya",
    )
    return FulfillmentCompleted(booking_id=booking_id, lines=(line,), completed_at=AT)


def completed(booking_id: str) -> FulfillmentCompleted:
    """Everything is in place."""
    line = CompletedLine(
        purchase_id="purchase-1",
        title="Yoga & breath",
        trainer_id="trainer-1",
        trainer_name="Meera",
        sessions_total=10,
        first_session_at=AT,
        invoice_id="invoice-1",
        invoice_number="PF-2026-000001",
    )
    return FulfillmentCompleted(booking_id=booking_id, lines=(line,), completed_at=AT)


def assigned(
    booking_id: str, purchase_id: str = "purchase-1", email: str = "meera@trainers.example"
) -> TrainerAssigned:
    """A trainer was found."""
    return TrainerAssigned(
        booking_id=booking_id,
        purchase_id=purchase_id,
        allocation_id="allocation-1",
        trainer_id="trainer-1",
        trainer_name="Meera",
        trainer_email=email,
        title="Yoga & breath",
        sessions_total=10,
        first_session_at=AT,
        assigned_at=AT,
    )


def pending(booking_id: str) -> AllocationPending:
    """No trainer fits yet."""
    return AllocationPending(
        booking_id=booking_id, purchase_id="purchase-1", allocation_id="allocation-1", reason="nobody", pending_at=AT
    )


def cancelled(booking_id: str) -> BookingCancelled:
    """It can't be done."""
    return BookingCancelled(booking_id=booking_id, reference="BK-449034CB", reason="no place", cancelled_at=AT)


def refunded(booking_id: str, refund_id: str = "refund-1") -> RefundSucceeded:
    """Money went back."""
    return RefundSucceeded(
        booking_id=booking_id,
        **PAID,
        gateway="razorpay",
        refund_id=refund_id,
        reason="place-gone",
        refunded_at=AT,
    )


def unmade_booking(title: str = "Yoga & breath") -> UnmadeBooking:
    """Whom a mail is for while there is no booking."""
    buyer = Buyer(student_id="student-1", name="Asha Rao", email="asha.rao@example.com")
    return UnmadeBooking(reference="BK-449034CB", buyer=buyer, time_zone="Asia/Kolkata", titles=(title,))


def due(booking_id: str, *, unmade: bool = True) -> RefundDue:
    """Money that goes back; `unmade`: because no booking was made for it."""
    return RefundDue(
        booking_id=booking_id,
        **PAID,
        refund_key="place-gone",
        reason="place-gone",
        unmade=unmade_booking() if unmade else None,
    )


def extended(booking_id: str) -> HoldExtended:
    """A card was saved for a purchase that is far ahead."""
    return HoldExtended(
        booking_id=booking_id,
        **PAID,
        charge_at=AT,
        pay_by=AT + timedelta(hours=48),
        expires_at=AT + timedelta(hours=49),
        extended_at=AT,
        unmade=unmade_booking(),
    )


def quoted(booking_id: str) -> QuotationSent:
    """An expert offers a session to one client, at a price of its own."""
    return QuotationSent(
        booking_id=booking_id,
        quotation_id="quotation-1",
        expert_name="Maya Iyer",
        amount_minor=250000,
        currency="USD",
        starts_at=AT,
        ends_at=AT + timedelta(hours=1),
        pay_by=AT - timedelta(hours=20),
        sent_at=AT - timedelta(days=3),
        unmade=unmade_booking("Market entry & pricing"),
    )


def declined(booking_id: str, *, in_absence: bool = True) -> PaymentFailed:
    """An attempt to pay failed; `in_absence`: of the buyer, with the saved card."""
    return PaymentFailed(
        booking_id=booking_id,
        **PAID,
        gateway="stripe",
        reason="insufficient_funds",
        decline="funds",
        failed_at=AT,
        pay_by=AT + timedelta(hours=48) if in_absence else None,
        retry_at=AT + timedelta(hours=12) if in_absence else None,
    )


async def know_buyers(database: Database, events: Sequence[Event]) -> None:
    """Run `notification.recipients` for `events`."""
    async with database.transaction() as work:
        await contacts.record_many(work, [message(event) for event in events])


async def owe(database: Database, events: Sequence[Event]) -> None:
    """Run `notification.deliveries` for `events`."""
    async with database.transaction() as work:
        await deliveries.queue_many(work, [message(event) for event in events])


async def rows(database: Database, sql: str, *args: Any) -> list[tuple[Any, ...]]:
    """What `sql` finds, as plain tuples."""
    async with database.transaction() as work:
        return [tuple(row) for row in await work.fetch(sql, *args)]
