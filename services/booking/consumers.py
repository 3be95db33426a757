"""Door 2: which messages booking takes, and who handles them."""

from __future__ import annotations

from chassis.steps import InlineStep
from contracts import fulfillment_events as fulfillment
from contracts import payment_events as payment
from contracts.topics import BOOKING_CONFIRMATIONS, BOOKING_PROGRESS
from services.booking.handlers.confirmations import take_many
from services.booking.handlers.progress import record_many

STEPS = (
    InlineStep(BOOKING_CONFIRMATIONS, (payment.PaymentMethodSaved, payment.PaymentSecured), take_many),
    InlineStep(
        BOOKING_PROGRESS,
        (
            payment.PaymentMethodSaved,
            payment.PaymentCaptured,
            payment.PaymentFailed,
            payment.PaymentExpired,
            payment.RefundSucceeded,
            payment.RefundFailed,
            fulfillment.AllocationPending,
            fulfillment.MeetingReady,
            fulfillment.InvoiceIssued,
            fulfillment.FulfillmentCompleted,
            fulfillment.FulfillmentRejected,
        ),
        record_many,
        critical=False,
    ),
)
