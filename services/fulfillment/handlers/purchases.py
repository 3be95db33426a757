"""`booking.confirmed` → purchases, one for each line: courses in `student_course_purchases`, sessions in `consultations`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chassis import telemetry
from chassis.ids import uuid7
from chassis.outcomes import Dead
from chassis.steps import Message
from chassis.work import Work
from contracts.booking_events import BookingConfirmed, ConfirmedLine, CourseWish
from contracts.fulfillment_events import PurchaseRecorded
from services.fulfillment.handlers import consultations, meetings
from services.fulfillment.handlers.consultations import Bought
from services.fulfillment.storage import purchases

_VALID_DAYS = {10: 180, 20: 270, 30: 365}


async def take_many(work: Work, messages: Sequence[Message]) -> None:
    """All that booking says, with the effect of taking it in the order of the messages.

    A session may be moved before it is paid. What was said before its confirmation is in it, so that is not done again.
    """
    first: dict[str, int] = {}
    confirmed: list[Message] = []
    news: list[tuple[int, Message]] = []
    for position, message in enumerate(messages):
        if isinstance(message.event, BookingConfirmed):
            first.setdefault(message.event.booking_id, position)
            confirmed.append(message)
        else:
            news.append((position, message))
    await meetings.change_many(
        work, [said for position, said in news if position < first.get(said.event.booking_id, 0)]
    )
    await record_many(work, confirmed)
    await meetings.change_many(
        work, [said for position, said in news if position >= first.get(said.event.booking_id, 0)]
    )


async def record_many(work: Work, messages: Sequence[Message]) -> None:
    """Record the batch's purchases. Raises `Dead` for a booking with a line that is neither course nor session."""
    if not messages:
        return
    now = datetime.now(UTC)
    begun: list[tuple[Any, ...]] = []
    bought: list[tuple[Any, ...]] = []
    sessions: list[Bought] = []
    events: list[tuple[UUID, PurchaseRecorded, UUID]] = []
    for message in messages:
        booking: BookingConfirmed = message.event
        buyer = booking.buyer.model_dump_json(exclude_none=True)
        begun.append(
            (booking.booking_id, booking.reference, buyer, booking.currency, len(booking.lines), booking.payment_id)
        )
        for line in booking.lines:
            purchase_id = uuid7()
            if line.session is not None:
                sessions.append(Bought(purchase_id, booking, line, line.session, message.id))
            elif line.course is not None:
                bought.append(_row(purchase_id, booking, line, line.course))
                events.append((purchase_id, _event(purchase_id, booking, line, line.course, now), message.id))
            else:
                raise Dead(f"a line of kind {line.kind} has no steps yet")
    new = await purchases.record_many(work, begun, bought)
    for purchase_id, event, cause in events:
        if purchase_id in new:
            work.tell(event, causation=cause)
    telemetry.PURCHASES.labels("recorded").inc(len(new) + await consultations.record_many(work, sessions))


def _row(purchase_id: UUID, booking: BookingConfirmed, line: ConfirmedLine, course: CourseWish) -> tuple[Any, ...]:
    return (
        purchase_id,
        booking.booking_id,
        line.line_id,
        booking.buyer.student_id,
        course.course_id,
        line.title,
        course.specialty,
        course.tier,
        line.total_minor,
        booking.currency,
        _VALID_DAYS[course.tier],
        course.model_dump_json(exclude_none=True),
    )


def _event(
    purchase_id: UUID, booking: BookingConfirmed, line: ConfirmedLine, course: CourseWish, now: datetime
) -> PurchaseRecorded:
    return PurchaseRecorded(
        booking_id=booking.booking_id,
        purchase_id=str(purchase_id),
        line_id=line.line_id,
        course_id=course.course_id,
        tier=course.tier,
        recorded_at=now,
    )
