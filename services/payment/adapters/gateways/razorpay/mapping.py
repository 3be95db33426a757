"""Razorpay's words into ours. Unknown means pending: only explicit words count as success or failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from services.payment.adapters.gateways.port import UnreadableEvent
from services.payment.domain.observation import (
    DisputePart,
    Observation,
    PayoutPart,
    PayoutSeen,
    RefundPart,
    RefundSeen,
    Seen,
    Source,
)

GATEWAY = "razorpay"
MANUAL_EXPIRY = timedelta(days=3)
"""What our orders ask for. The pages disagree on 3 or 5 days; 3 is inside both (gateways.md 2.2)."""
_STATUS = {"authorized": Seen.AUTHORIZED, "captured": Seen.CAPTURED, "failed": Seen.FAILED}
_REFUND_STATUS = {"processed": RefundSeen.PROCESSED, "failed": RefundSeen.FAILED}
_PAYOUT_STATUS = {
    "processed": PayoutSeen.PAID,
    "partially_reversed": PayoutSeen.PAID,
    "reversed": PayoutSeen.RETURNED,
    "failed": PayoutSeen.FAILED,
}
_DISPUTES = {
    "payment.dispute.created": Seen.DISPUTE_OPENED,
    "payment.dispute.action_required": Seen.DISPUTE_OPENED,
    "payment.dispute.under_review": Seen.DISPUTE_REVIEWED,
    "payment.dispute.won": Seen.DISPUTE_WON,
    "payment.dispute.lost": Seen.DISPUTE_LOST,
}
_PAYMENTS = frozenset({"payment.authorized", "payment.captured", "payment.failed", "order.paid"})
_REFUNDS = frozenset({"refund.created", "refund.processed", "refund.failed", "refund.speed_changed"})

Minor = Annotated[int, Field(strict=True, ge=0, le=10**15)]
Text = Annotated[str, Field(min_length=1, max_length=64)]


def _notes(value: Any) -> dict[str, Any]:
    """Razorpay sends empty notes as an empty list."""
    return value if isinstance(value, dict) else {}


Notes = Annotated[dict[str, Any], BeforeValidator(_notes)]


class _Entity(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: Text
    notes: Notes = {}


class PaymentEntity(_Entity):
    """A payment as Razorpay shows it; only the fields that count."""

    amount: Minor
    currency: Text
    status: Text
    order_id: Text
    captured: bool | None = None
    late_authorized: bool | None = None
    error_reason: str | None = None
    error_code: str | None = None
    amount_refunded: Minor | None = None
    fee: Minor | None = None
    """What Razorpay keeps, its tax included."""
    created_at: int | None = None


class OrderEntity(_Entity):
    """An order as Razorpay shows it."""

    amount: Minor
    currency: Text
    receipt: str | None = None


class RefundEntity(_Entity):
    """A refund as Razorpay shows it."""

    amount: Minor
    payment_id: Text
    status: Text = "pending"
    receipt: str | None = None


class DisputeEntity(_Entity):
    """A dispute as Razorpay shows it."""

    amount: Minor
    reason_code: str | None = None
    respond_by: int | None = None


class TransferError(BaseModel):
    """Why a transfer failed; every field is null where it did not."""

    code: str | None = None
    reason: str | None = None


class TransferEntity(_Entity):
    """A transfer of Route as Razorpay shows it. Its documentation has both names for the status."""

    amount: Minor
    amount_reversed: Minor = 0
    currency: Text
    recipient: Text
    status: Annotated[Text, Field(validation_alias=AliasChoices("status", "transfer_status"))]
    error: TransferError | None = None


def _dispute_part(dispute: DisputeEntity) -> DisputePart:
    until = None if dispute.respond_by is None else datetime.fromtimestamp(dispute.respond_by, UTC)
    return DisputePart(dispute.id, dispute.amount, until)


def own_id(*candidates: object) -> UUID | None:
    """The first of `candidates` that is a UUID: how our ids come back in receipts and notes."""
    for candidate in candidates:
        try:
            return UUID(str(candidate))
        except ValueError:
            continue
    return None


def seen_of(payment: PaymentEntity) -> Seen:
    """What a payment's status means. `refunded` without capture is money that was never taken (no void there)."""
    if payment.status == "refunded":
        return Seen.CAPTURED if payment.captured else Seen.VOIDED
    return _STATUS.get(payment.status, Seen.PENDING)


def observation_of(
    payment: PaymentEntity,
    source: Source,
    account: str,
    raw: str,
    *,
    status: Seen | None = None,
    payment_id: UUID | None = None,
    refund: RefundPart | None = None,
    reason: str | None = None,
) -> Observation:
    """The observation in a payment entity."""
    return Observation(
        gateway=GATEWAY,
        gateway_order_id=payment.order_id,
        gateway_payment_id=payment.id,
        status=seen_of(payment) if status is None else status,
        amount_minor=payment.amount,
        currency=payment.currency.upper(),
        account=account,
        source=source,
        raw=raw,
        payment_id=payment_id or own_id(payment.notes.get("payment_id")),
        late=bool(payment.late_authorized),
        reason=reason or (payment.error_reason or payment.error_code or "")[:100] or None,
        refund=refund,
        fee_minor=payment.fee if payment.captured else None,
        refunded_minor=payment.amount_refunded if payment.captured else None,
        capture_before=capture_before(payment.created_at),
    )


def capture_before(created_at: int | None) -> datetime | None:
    """When Razorpay returns an authorization that nobody captured: it names no time, so it is counted from its birth."""
    return None if created_at is None else datetime.fromtimestamp(created_at, UTC) + MANUAL_EXPIRY


def refund_part(refund: RefundEntity) -> RefundPart:
    """A refund entity as the refund part of an observation."""
    return RefundPart(
        refund.id,
        own_id(refund.notes.get("refund_id"), refund.receipt),
        _REFUND_STATUS.get(refund.status, RefundSeen.PENDING),
        refund.amount,
    )


def payout_part(transfer: TransferEntity) -> PayoutPart:
    """A transfer as what was seen of a payout; `created`, `pending` and words that are new wait."""
    status = _PAYOUT_STATUS.get(transfer.status, PayoutSeen.PENDING)
    error = transfer.error if status is PayoutSeen.FAILED else None
    return PayoutPart(
        gateway_payout_id=transfer.id,
        payout_id=own_id(transfer.notes.get("payout_id")),
        status=status,
        amount_minor=transfer.amount,
        currency=transfer.currency.upper(),
        destination=transfer.recipient,
        returned_minor=transfer.amount if status is PayoutSeen.RETURNED else transfer.amount_reversed,
        reason=None if error is None else (error.reason or error.code or "")[:100] or None,
    )


def read_payouts(body: bytes, owns: Callable[[str], bool]) -> tuple[PayoutPart, ...]:
    """What a `transfer.…` event says; nothing for other events.

    Raises `UnreadableEvent` when it has no transfer, or is another merchant account's by `owns`.
    """
    try:
        event = orjson.loads(body)
        if not event["event"].startswith("transfer."):
            return ()
        transfer = TransferEntity.model_validate(event["payload"]["transfer"]["entity"])
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise UnreadableEvent(f"{type(error).__name__} in a signed event") from error
    if not owns(str(event.get("account_id") or "unnamed")):
        raise UnreadableEvent("a transfer of another merchant account")
    return (payout_part(transfer),)


def read_event(body: bytes, raw: str) -> tuple[Observation, ...]:
    """The observations in a webhook's body. Raises `UnreadableEvent` when it doesn't have what its kind promises."""
    try:
        event = orjson.loads(body)
        kind, account = event["event"], str(event.get("account_id") or "unnamed")[:64]
        if kind not in _PAYMENTS and kind not in _REFUNDS and kind not in _DISPUTES:
            return ()
        payload = event["payload"]
        payment = PaymentEntity.model_validate(payload["payment"]["entity"])
        if kind in _DISPUTES:
            dispute = DisputeEntity.model_validate(payload["dispute"]["entity"])
            seen = observation_of(payment, Source.WEBHOOK, account, raw, status=_DISPUTES[kind])
            return (replace(seen, reason=dispute.reason_code, dispute=_dispute_part(dispute)),)
        if kind in _REFUNDS:
            refund = RefundEntity.model_validate(payload["refund"]["entity"])
            return (_refund_event(payment, refund, account, raw),)
        ours = None
        if kind == "order.paid":
            order = OrderEntity.model_validate(payload["order"]["entity"])
            ours = own_id(order.notes.get("payment_id"), order.receipt)
        return (observation_of(payment, Source.WEBHOOK, account, raw, payment_id=ours),)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise UnreadableEvent(f"{type(error).__name__} in a signed event") from error


def _refund_event(payment: PaymentEntity, refund: RefundEntity, account: str, raw: str) -> Observation:
    """Refund events also fire for the automatic return of uncaptured money: there `captured` is false."""
    part = refund_part(refund)
    if payment.captured is False:
        status = Seen.VOIDED if part.status is RefundSeen.PROCESSED else Seen.PENDING
        return observation_of(payment, Source.WEBHOOK, account, raw, status=status)
    return observation_of(payment, Source.WEBHOOK, account, raw, status=Seen.CAPTURED, refund=part)


def key_of(body: bytes) -> str:
    """The order id that an event is about, our payout id or the transfer's for a transfer, else a constant: only used
    to keep the events of one thing in order."""
    try:
        event = orjson.loads(body)
        payload = event["payload"]
        if str(event.get("event")).startswith("transfer."):
            transfer = payload["transfer"]["entity"]
            return str(own_id(_notes(transfer.get("notes")).get("payout_id")) or transfer["id"])[:64]
        return str(payload["payment"]["entity"]["order_id"])[:64]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return GATEWAY
