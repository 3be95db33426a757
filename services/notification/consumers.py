"""Door 2: which steps this service runs, and what each takes."""

from __future__ import annotations

from chassis.steps import SLOW_LADDER, InlineStep, QueuedStep
from contracts.booking_events import (
    BookingCancelled,
    BookingConfirmed,
    BookingRescheduled,
    HoldExtended,
    QuotationSent,
    RefundDue,
    SessionCompleted,
)
from contracts.topics import NOTIFICATION_DELIVERIES, NOTIFICATION_RECIPIENTS, NOTIFICATION_SENDING
from services.notification.domain.notices import EVENTS, SendDelivery
from services.notification.handlers.contacts import record_many
from services.notification.handlers.deliveries import queue_many
from services.notification.handlers.sending import Sending

RECIPIENTS = InlineStep(
    NOTIFICATION_RECIPIENTS,
    accepts=(
        BookingConfirmed,
        HoldExtended,
        QuotationSent,
        RefundDue,
        BookingRescheduled,
        SessionCompleted,
        BookingCancelled,
    ),
    handle_many=record_many,
    critical=False,
)
DELIVERIES = InlineStep(NOTIFICATION_DELIVERIES, accepts=EVENTS, handle_many=queue_many, critical=False)


def sending_step(handler: Sending, concurrency: int) -> QueuedStep:
    """The step that talks to the outside. Mail servers defer for minutes, so its ladder is the slow one (C24)."""
    return QueuedStep(
        NOTIFICATION_SENDING,
        accepts=(SendDelivery,),
        handler=handler,
        critical=False,
        concurrency=concurrency,
        ladder=SLOW_LADDER,
    )
