"""`booking.confirmed` → purchases in `student_course_purchases`, one for each course line (S2-02)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from chassis import telemetry
from chassis.ids import uuid7
from chassis.outcomes import Dead
from chassis.steps import Message
from chassis.work import Work
from contracts.booking_events import BookingConfirmed
from contracts.fulfillment_events import PurchaseRecorded
from services.fulfillment.storage import purchases

_VALID_DAYS = {10: 180, 20: 270, 30: 365}


async def record_many(work: Work, messages: Sequence[Message]) -> None:
    """Record the batch's purchases. Raises `Dead` for a booking with a line that is no course."""
    now = datetime.now(UTC)
    begun: list[tuple[Any, ...]] = []
    bought: list[tuple[Any, ...]] = []
    events = []
    for message in messages:
        booking: BookingConfirmed = message.event
        buyer = booking.buyer
        begun.append(
            (
                booking.booking_id,
                booking.reference,
                buyer.model_dump_json(exclude_none=True),
                booking.currency,
                len(booking.lines),
                booking.payment_id,
            )
        )
        for line in booking.lines:
            if line.course is None:
                raise Dead(f"a line of kind {line.kind} has no steps yet")
            purchase_id, course = uuid7(), line.course
            bought.append(
                (
                    purchase_id,
                    booking.booking_id,
                    line.line_id,
                    buyer.student_id,
                    course.course_id,
                    line.title,
                    course.specialty,
                    course.tier,
                    line.total_minor,
                    booking.currency,
                    _VALID_DAYS[course.tier],
                    course.model_dump_json(exclude_none=True),
                )
            )
            event = PurchaseRecorded(
                booking_id=booking.booking_id,
                purchase_id=str(purchase_id),
                line_id=line.line_id,
                course_id=course.course_id,
                tier=course.tier,
                recorded_at=now,
            )
            events.append((purchase_id, event, message.id))
    new = await purchases.record_many(work, begun, bought)
    for purchase_id, event, cause in events:
        if purchase_id in new:
            work.tell(event, causation=cause)
    telemetry.PURCHASES.labels("recorded").inc(len(new))
