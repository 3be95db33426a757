"""Facts of the domain as events of the contracts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from contracts.event import Event
from contracts.payment_events import (
    PaymentCaptured,
    PaymentExpired,
    PaymentFailed,
    PaymentMethodSaved,
    PaymentSecured,
    RefundFailed,
    RefundSucceeded,
)
from services.payment.domain.payment import Fact, FactKind
from services.payment.domain.states import PaymentState


def event_of(fact: Fact, now: datetime, decline: str | None = None) -> Event:
    """The event that tells `fact`, which became true at `now`; `decline`: the class of a failed attempt's reason."""
    payment, refund = fact.payment, fact.refund
    shared: dict[str, Any] = {
        "booking_id": payment.booking_id,
        "payment_id": str(payment.id),
        "gateway": payment.gateway,
        "amount_minor": payment.amount_minor if refund is None else refund.amount_minor,
        "currency": payment.currency,
    }
    reason = (fact.reason or "no reason given")[:200]
    match fact.kind:
        case FactKind.METHOD_SAVED:
            assert payment.charge_at is not None
            assert payment.expires_at is not None
            return PaymentMethodSaved(**shared, charge_at=payment.charge_at, pay_by=payment.expires_at, saved_at=now)
        case FactKind.SECURED:
            secured_as = "authorized" if fact.secured_as is PaymentState.AUTHORIZED else "captured"
            return PaymentSecured(**shared, secured_as=secured_as, secured_at=now)
        case FactKind.CAPTURED:
            return PaymentCaptured(**shared, captured_at=now)
        case FactKind.FAILED:
            in_absence = payment.saved_method is not None
            return PaymentFailed(
                **shared,
                reason=reason,
                failed_at=now,
                decline=decline,
                pay_by=payment.expires_at if in_absence else None,
                retry_at=payment.charge_at if in_absence else None,
            )
        case FactKind.EXPIRED:
            return PaymentExpired(**shared, expired_at=now)
        case FactKind.REFUND_SUCCEEDED:
            assert refund is not None
            done: dict[str, Any] = {"refund_id": str(refund.id), "refunded_at": now, "released": fact.released}
            return RefundSucceeded(**shared, **done, reason=reason)
        case FactKind.REFUND_FAILED:
            assert refund is not None
            return RefundFailed(**shared, refund_id=str(refund.id), reason=reason, failed_at=now)
