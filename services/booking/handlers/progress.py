"""Keeps what fulfillment and payment said, for the buyer's page; a rejected fulfillment ends in a refund."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from chassis.machine import Move, Refuse
from chassis.outcomes import Dead
from chassis.steps import Message
from chassis.work import Work
from contracts.fulfillment_events import FulfillmentCompleted, FulfillmentRejected, MeetingReady
from contracts.payment_events import PaymentFailed, PaymentMethodSaved
from services.booking.domain.states import BookingState, BookingTrigger
from services.booking.domain.transitions import BOOKING
from services.booking.handlers.cancellations import Cancellation, cancel
from services.booking.storage import bookings, milestones

_SUBJECTS = ("purchase_id", "refund_id", "payment_id", "meeting_id")
_OF_THE_SERVICE = frozenset({"first_session_at", "starts_at", "ends_at", "charge_at"})


async def record_many(work: Work, messages: Sequence[Message]) -> None:
    """Append one milestone for each message; keep what is fulfilled; act on rejections."""
    await milestones.add_many(work, [_milestone(message) for message in messages])
    if fulfilled := {m.key for m in messages if isinstance(m.event, FulfillmentCompleted)}:
        await bookings.mark_fulfilled(work, sorted(fulfilled))
    for message in messages:
        if isinstance(message.event, FulfillmentRejected):
            await _reject(work, message)


def _milestone(message: Message) -> milestones.Milestone:
    event: Any = message.event
    subject = next((str(getattr(event, name)) for name in _SUBJECTS if hasattr(event, name)), "")
    at = _instant(event)
    if isinstance(event, PaymentMethodSaved) or (isinstance(event, PaymentFailed) and event.pay_by is not None):
        # A saved method is charged again and again, and its charge moves with the service: each is a milestone of its own.
        subject = f"{subject}@{at.isoformat()}"
    return message.key, message.type, subject, at, message.body


def _instant(event: Any) -> datetime:
    """When it was said, by the event's own word."""
    if isinstance(event, MeetingReady):  # it names the time of the meeting only
        return datetime.now(UTC)
    for name in type(event).model_fields:
        if name.endswith("_at") and name not in _OF_THE_SERVICE:
            instant: datetime = getattr(event, name)
            return instant
    raise ValueError(f"{type(event).__name__} has no instant")


async def _reject(work: Work, message: Message) -> None:
    """What fulfillment can't give is cancelled, all money back. Raises `Dead` where it is being given already."""
    booking = await bookings.lock(work, message.key)
    if booking is None or booking.state is None:
        return
    decision = BOOKING.decide(BookingState(booking.state), BookingTrigger.FULFILLMENT_REJECTED)
    if isinstance(decision, Refuse):
        raise Dead(f"booking {message.key} is {booking.state}: {decision.reason}")
    if isinstance(decision, Move):
        why = Cancellation(
            BookingTrigger.FULFILLMENT_REJECTED,
            booking.amount_minor,
            "fulfillment",
            message.event.reason,
            refund_key="fulfillment-rejected",
            causation=message.id,
        )
        await cancel(work, booking, why)
