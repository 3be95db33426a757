"""What the payment service says on `payment.events.v1`."""

from __future__ import annotations

from typing import ClassVar, Literal

from contracts.event import Event, register
from contracts.topics import PAYMENT_EVENTS
from contracts.values import AmountMinor, Currency, Identifier, Instant, ShortText


class PaymentEvent(Event):
    """Fields that every payment event carries: which payment, through which gateway, how much."""

    topic: ClassVar = PAYMENT_EVENTS

    payment_id: Identifier
    gateway: Identifier
    amount_minor: AmountMinor
    currency: Currency


@register
class PaymentMethodSaved(PaymentEvent):
    """The buyer's method is saved and nothing is charged yet: `amount_minor` is charged at `charge_at`, and can be paid
    until `pay_by` if that fails. No money is secured by it (C4)."""

    type: ClassVar[str] = "payment.method_saved"
    charge_at: Instant
    pay_by: Instant
    saved_at: Instant


@register
class PaymentSecured(PaymentEvent):
    """The money is safe: authorized or captured. Told once for each payment (C1)."""

    type: ClassVar[str] = "payment.secured"
    secured_as: Literal["authorized", "captured"]
    secured_at: Instant


@register
class PaymentCaptured(PaymentEvent):
    """The money was captured (S1-17)."""

    type: ClassVar[str] = "payment.captured"
    captured_at: Instant


@register
class PaymentFailed(PaymentEvent):
    """An attempt failed; the hold stays until its deadline so that the buyer can try again (S0-13, C2).

    `reason` is the gateway's code, `decline` its class, for words in the buyer's language. `pay_by` is there when a saved
    method was charged in the buyer's absence: until then they can pay; `retry_at` says when we try again, if we do.
    """

    type: ClassVar[str] = "payment.failed"
    reason: ShortText
    failed_at: Instant
    decline: ShortText | None = None
    pay_by: Instant | None = None
    retry_at: Instant | None = None


@register
class PaymentExpired(PaymentEvent):
    """Nobody paid before the deadline."""

    type: ClassVar[str] = "payment.expired"
    expired_at: Instant


@register
class RefundSucceeded(PaymentEvent):
    """Money went back to the buyer; `amount_minor` is what this refund returned. `released`: it was only reserved, never
    taken, and the reservation was let go."""

    type: ClassVar[str] = "refund.succeeded"
    refund_id: Identifier
    reason: ShortText
    refunded_at: Instant
    released: bool = False


@register
class RefundFailed(PaymentEvent):
    """The gateway refused the refund; it is a case for a person and is tried again."""

    type: ClassVar[str] = "refund.failed"
    refund_id: Identifier
    reason: ShortText
    failed_at: Instant
