"""Keeps what fulfillment and payment said, for the buyer's page; a rejected fulfillment ends in a refund."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chassis.steps import Message
from chassis.work import Work
from contracts.booking_events import BookingCancelled, RefundDue
from contracts.fulfillment_events import FulfillmentRejected
from contracts.payment_events import PaymentFailed
from services.booking.domain.states import BookingTrigger
from services.booking.storage import holds, milestones

_SUBJECTS = ("purchase_id", "refund_id", "payment_id", "meeting_id")


async def record_many(work: Work, messages: Sequence[Message]) -> None:
    """Append one milestone for each message; act on rejections."""
    await milestones.add_many(work, [_milestone(message) for message in messages])
    for message in messages:
        if isinstance(message.event, FulfillmentRejected):
            await _reject(work, message)


def _milestone(message: Message) -> milestones.Milestone:
    event: Any = message.event
    subject = next((str(getattr(event, name)) for name in _SUBJECTS if hasattr(event, name)), "")
    at = _instant(event)
    if isinstance(event, PaymentFailed) and event.pay_by is not None:
        # A saved method is charged again and again: each decline is a milestone of its own.
        subject = f"{subject}@{at.isoformat()}"
    return message.key, message.type, subject, at, message.body


def _instant(event: Any) -> datetime:
    for name in type(event).model_fields:
        if name.endswith("_at") and name not in ("first_session_at", "starts_at", "charge_at"):
            instant: datetime = getattr(event, name)
            return instant
    raise ValueError(f"{type(event).__name__} has no instant")


async def _reject(work: Work, message: Message) -> None:
    hold = (await holds.lock_many(work, [message.key])).get(message.key)
    if hold is None or hold.payment_id is None:
        return
    if not await holds.cancel(work, message.key, BookingTrigger.FULFILLMENT_REJECTED):
        return
    reason = message.event.reason
    work.tell(
        RefundDue(
            booking_id=message.key,
            payment_id=hold.payment_id,
            refund_key="fulfillment-rejected",
            amount_minor=hold.amount_minor,
            currency=hold.currency,
            reason=reason,
        ),
        causation=message.id,
    )
    cancelled_at = message.event.rejected_at
    work.tell(
        BookingCancelled(booking_id=message.key, reference=hold.reference, reason=reason, cancelled_at=cancelled_at),
        causation=message.id,
    )
