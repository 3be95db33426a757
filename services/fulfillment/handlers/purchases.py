"""`booking.confirmed` → purchases in `student_course_purchases`, one for each course line (S2-02)."""

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
from services.fulfillment.storage import purchases

_VALID_DAYS = {10: 180, 20: 270, 30: 365}


async def record_many(work: Work, messages: Sequence[Message]) -> None:
    """Record the batch's purchases. Raises `Dead` for a booking with a line that is no course."""
    now = datetime.now(UTC)
    begun: list[tuple[Any, ...]] = []
    bought: list[tuple[Any, ...]] = []
    events: list[tuple[UUID, PurchaseRecorded, UUID]] = []
    for message in messages:
        booking: BookingConfirmed = message.event
        buyer = booking.buyer.model_dump_json(exclude_none=True)
        begun.append(
            (booking.booking_id, booking.reference, buyer, booking.currency, len(booking.lines), booking.payment_id)
        )
        for line in booking.lines:
            purchase_id = uuid7()
            bought.append(_row(purchase_id, booking, line))
            events.append((purchase_id, _event(purchase_id, booking, line, now), message.id))
    new = await purchases.record_many(work, begun, bought)
    for purchase_id, event, cause in events:
        if purchase_id in new:
            work.tell(event, causation=cause)
    telemetry.PURCHASES.labels("recorded").inc(len(new))


def _course(line: ConfirmedLine) -> CourseWish:
    if line.course is None:
        raise Dead(f"a line of kind {line.kind} has no steps yet")
    return line.course


def _row(purchase_id: UUID, booking: BookingConfirmed, line: ConfirmedLine) -> tuple[Any, ...]:
    course = _course(line)
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


def _event(purchase_id: UUID, booking: BookingConfirmed, line: ConfirmedLine, now: datetime) -> PurchaseRecorded:
    course = _course(line)
    return PurchaseRecorded(
        booking_id=booking.booking_id,
        purchase_id=str(purchase_id),
        line_id=line.line_id,
        course_id=course.course_id,
        tier=course.tier,
        recorded_at=now,
    )
