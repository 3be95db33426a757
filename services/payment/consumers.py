"""Door two: the steps that Kafka and payment's own tasks lead to."""

from __future__ import annotations

from chassis.steps import SLOW_LADDER, AnyStep, InlineStep, QueuedStep
from contracts.booking_events import (
    BookingCancelled,
    BookingConfirmed,
    BookingRescheduled,
    CheckoutOpened,
    HoldExpired,
    RefundDue,
    SessionCompleted,
    SessionContested,
)
from contracts.topics import (
    PAYMENT_BOOKINGS,
    PAYMENT_CAPTURES,
    PAYMENT_CHARGES,
    PAYMENT_OBSERVATIONS,
    PAYMENT_PAYOUTS,
    PAYMENT_REFUNDS,
)
from services.payment.adapters.gateways.registry import Gateways
from services.payment.handlers.bookings import Bookings
from services.payment.handlers.captures import Captures
from services.payment.handlers.charges import Charges
from services.payment.handlers.messages import CaptureDue, ChargeDue, ObservationReceived, PayoutRun, RefundRun
from services.payment.handlers.observations import Observing
from services.payment.handlers.payouts import Paying, PayoutCalls
from services.payment.handlers.refunds import Refunds
from services.payment.settings import PaymentSettings

_DAY_SECONDS = 86_400.0


def steps(settings: PaymentSettings, gateways: Gateways, observing: Observing) -> tuple[AnyStep, ...]:
    """Observations and the view of bookings in the batch's transaction; captures, charges, refunds and
    payouts as queued calls."""
    return (
        InlineStep(PAYMENT_OBSERVATIONS, accepts=(ObservationReceived,), handle_many=observing.record_many),
        InlineStep(
            PAYMENT_BOOKINGS,
            accepts=(
                CheckoutOpened,
                BookingConfirmed,
                BookingCancelled,
                BookingRescheduled,
                SessionCompleted,
                SessionContested,
                HoldExpired,
            ),
            handle_many=Bookings(gateways, observing).record_many,
            critical=False,
        ),
        QueuedStep(
            PAYMENT_CAPTURES,
            accepts=(CaptureDue,),
            handler=Captures(gateways, observing),
            ladder=SLOW_LADDER,
            deadline_seconds=_DAY_SECONDS,
        ),
        QueuedStep(
            PAYMENT_CHARGES,
            accepts=(ChargeDue,),
            handler=Charges(settings, gateways, observing),
            ladder=SLOW_LADDER,
            deadline_seconds=_DAY_SECONDS,
        ),
        QueuedStep(
            PAYMENT_REFUNDS,
            accepts=(RefundDue, RefundRun),
            handler=Refunds(settings, gateways, observing),
            ladder=SLOW_LADDER,
            deadline_seconds=_DAY_SECONDS,
        ),
        QueuedStep(
            PAYMENT_PAYOUTS,
            accepts=(PayoutRun,),
            handler=PayoutCalls(settings, gateways, Paying(settings)),
            ladder=SLOW_LADDER,
            deadline_seconds=_DAY_SECONDS,
        ),
    )
