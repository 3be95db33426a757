"""Stripe's words into ours: payment intents, charges, refunds, disputes. Unknown means pending."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import orjson
from pydantic import ValidationError

from services.payment.adapters.gateways.port import UnreadableEvent
from services.payment.adapters.gateways.stripe.amounts import from_stripe
from services.payment.adapters.gateways.stripe.entities import (
    GATEWAY,
    ChargeEntity,
    DisputeEntity,
    IntentEntity,
    PaymentError,
    RefundEntity,
    SetupEntity,
    TransferEntity,
    own_id,
)
from services.payment.adapters.gateways.stripe.setups import SETUP_EVENTS, setup_observations
from services.payment.domain.observation import (
    DisputePart,
    Heard,
    Observation,
    PayoutPart,
    PayoutSeen,
    RefundPart,
    RefundSeen,
    Seen,
    Source,
)

_PAYOUT = "payout:"
_REFUND_STATUS = {
    "succeeded": RefundSeen.PROCESSED,
    "failed": RefundSeen.FAILED,
    "canceled": RefundSeen.FAILED,
}
_INTENT_EVENTS = frozenset(
    {
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "payment_intent.canceled",
        "payment_intent.processing",
        "payment_intent.amount_capturable_updated",
    }
)
_CHARGE_EVENTS = frozenset({"charge.succeeded", "charge.captured", "charge.expired", "charge.refunded"})
_REFUND_EVENTS = frozenset({"refund.created", "refund.updated", "refund.failed"})
_DISPUTES = {"under_review": Seen.DISPUTE_REVIEWED, "won": Seen.DISPUTE_WON, "lost": Seen.DISPUTE_LOST}


def observations_of(intent: IntentEntity, source: Source, account: str, raw: str) -> list[Observation]:
    """What an intent says of its newest charge, and of the refunds of that charge if they are shown."""
    charge, error = intent.latest_charge, intent.last_payment_error
    status = _status(intent, charge)
    if status is None:
        return []
    failed_charge = error.charge if error is not None and status is Seen.FAILED else None
    currency = intent.currency.upper()
    captured = from_stripe(intent.amount_received, currency) if status is Seen.CAPTURED else None
    seen = Observation(
        gateway=GATEWAY,
        gateway_order_id=intent.id,
        gateway_payment_id=failed_charge or (charge.id if charge is not None else intent.id),
        status=status,
        amount_minor=from_stripe(intent.amount, currency),
        currency=currency,
        account=account,
        source=source,
        raw=raw,
        payment_id=own_id(intent.metadata.get("payment_id")),
        reason=_reason(error) if status is Seen.FAILED else None,
        captured_minor=captured,
        fee_minor=_fee(charge, currency) if status is Seen.CAPTURED else None,
        refunded_minor=_refunded(charge, currency) if status is Seen.CAPTURED else None,
        capture_before=_capture_before(charge),
    )
    shown = charge.refunds.data if status is Seen.CAPTURED and charge is not None and charge.refunds is not None else []
    return [seen, *(with_refund(seen, refund) for refund in reversed(shown) if not _is_release(refund, charge))]


def with_refund(seen: Observation, refund: RefundEntity) -> Observation:
    """The observation of one refund of the captured payment that `seen` is about."""
    fields = {name: getattr(seen, name) for name in seen.__slots__}
    reason = (refund.failure_reason or "")[:100] or None
    return Observation(**{**fields, "status": Seen.CAPTURED, "refund": refund_part(refund), "reason": reason})


def refund_part(refund: RefundEntity) -> RefundPart:
    """A refund as the refund part of an observation."""
    status = _REFUND_STATUS.get(refund.status or "", RefundSeen.PENDING)
    amount_minor = from_stripe(refund.amount, refund.currency.upper())
    return RefundPart(refund.id, own_id(refund.metadata.get("refund_id")), status, amount_minor)


def payout_name(payout_id: UUID) -> str:
    """What a payout is called at Stripe: its transfer's group, and the first of its idempotency keys."""
    return f"{_PAYOUT}{payout_id}"


def payout_part(transfer: TransferEntity) -> PayoutPart:
    """A transfer as what was seen of a payout: paid as soon as it exists, returned when all of it was reversed."""
    currency, group = transfer.currency.upper(), transfer.transfer_group or ""
    ours = own_id(transfer.metadata.get("payout_id"))
    if ours is None and group.startswith(_PAYOUT):
        ours = own_id(group.removeprefix(_PAYOUT))
    return PayoutPart(
        gateway_payout_id=transfer.id,
        payout_id=ours,
        status=PayoutSeen.RETURNED if transfer.reversed else PayoutSeen.PAID,
        amount_minor=from_stripe(transfer.amount, currency),
        currency=currency,
        destination=transfer.destination.id,
        returned_minor=from_stripe(transfer.amount_reversed, currency),
    )


def read_event(body: bytes, raw: str, owns: Callable[[str], bool]) -> Heard:
    """What an event says. Raises `UnreadableEvent` when it doesn't have what its kind promises, and for a transfer of
    an account that `owns` says is not ours: what it says of payouts names no account, so nobody could tell later.

    An intent's own events show neither its charge's deadline nor fee, so the intent is asked about; the charge that
    just succeeded, the failed attempt and the dispute are told as they are.
    """
    try:
        event = orjson.loads(body)
        kind, account, thing = event["type"], str(event.get("account") or ""), event["data"]["object"]
        if kind in _INTENT_EVENTS:
            intent = IntentEntity.model_validate(thing)
            proved = intent.status == "succeeded" or kind == "payment_intent.payment_failed"
            found = observations_of(intent, Source.WEBHOOK, account, raw) if proved else []
            return Heard(tuple(found), () if proved else (intent.id,))
        if kind in SETUP_EVENTS:
            return Heard(tuple(setup_observations(SetupEntity.model_validate(thing), Source.WEBHOOK, account, raw)))
        if kind in _CHARGE_EVENTS:
            return _charge_event(kind, ChargeEntity.model_validate(thing), account, raw)
        if kind in _REFUND_EVENTS:
            refund = RefundEntity.model_validate(thing)
            ours = own_id(refund.metadata.get("refund_id"))
            orders = (refund.payment_intent.id,) if refund.payment_intent is not None and ours is None else ()
            return Heard(orders=orders, refunds=() if ours is None else (ours,))
        if kind.startswith("charge.dispute."):
            return Heard(_dispute(DisputeEntity.model_validate(thing), account, raw))
        if kind.startswith("transfer."):
            return _transfer_event(TransferEntity.model_validate(thing), ours=owns(account))
        return Heard()
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise UnreadableEvent(f"{type(error).__name__} in a signed event") from error


def key_of(body: bytes) -> str:
    """The intent that an event is about, our payout id or the transfer's for a transfer, else a constant: only used to
    keep the events of one thing in order."""
    try:
        thing = orjson.loads(body)["data"]["object"]
        if thing["object"] == "transfer":
            return str(payout_part(TransferEntity.model_validate(thing)).payout_id or thing["id"])[:64]
        itself = thing["object"] in ("payment_intent", "setup_intent")
        return str(thing["id"] if itself else thing["payment_intent"])[:64]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValidationError):
        return GATEWAY


def _transfer_event(transfer: TransferEntity, *, ours: bool) -> Heard:
    if not ours:
        raise UnreadableEvent("a transfer of another merchant account")
    return Heard(payouts=(payout_part(transfer),))


def _charge_event(kind: str, charge: ChargeEntity, account: str, raw: str) -> Heard:
    if charge.payment_intent is None:
        return Heard()
    if kind != "charge.succeeded" or charge.captured or charge.amount is None or charge.currency is None:
        return Heard(orders=(charge.payment_intent.id,))
    currency = charge.currency.upper()
    seen = Observation(
        gateway=GATEWAY,
        gateway_order_id=charge.payment_intent.id,
        gateway_payment_id=charge.id,
        status=Seen.AUTHORIZED,
        amount_minor=from_stripe(charge.amount, currency),
        currency=currency,
        account=account,
        source=Source.WEBHOOK,
        raw=raw,
        payment_id=own_id(charge.metadata.get("payment_id")),
        capture_before=_capture_before(charge),
    )
    return Heard((seen,)) if seen.capture_before is not None else Heard(orders=(charge.payment_intent.id,))


def _dispute(dispute: DisputeEntity, account: str, raw: str) -> tuple[Observation, ...]:
    if dispute.payment_intent is None:
        return ()
    currency = dispute.currency.upper()
    amount_minor = from_stripe(dispute.amount, currency)
    due = dispute.evidence_details.due_by if dispute.evidence_details is not None else None
    respond_by = None if due is None else datetime.fromtimestamp(due, UTC)
    seen = Observation(
        gateway=GATEWAY,
        gateway_order_id=dispute.payment_intent.id,
        gateway_payment_id=dispute.charge.id,
        status=_DISPUTES.get(dispute.status, Seen.DISPUTE_OPENED),
        amount_minor=amount_minor,
        currency=currency,
        account=account,
        source=Source.WEBHOOK,
        raw=raw,
        reason=(dispute.reason or "")[:100] or None,
        dispute=DisputePart(dispute.id, amount_minor, respond_by),
    )
    return (seen,)


def _status(intent: IntentEntity, charge: ChargeEntity | None) -> Seen | None:
    """None where nobody tried to pay yet, or the intent ended without money having been held."""
    if intent.status == "succeeded":
        return Seen.CAPTURED
    if intent.status == "requires_capture":
        return Seen.AUTHORIZED
    if intent.status == "canceled":
        return Seen.VOIDED if charge is not None and charge.status in (None, "succeeded") else None
    if intent.status == "requires_payment_method":
        return Seen.FAILED if intent.last_payment_error is not None else None
    return Seen.PENDING if charge is not None else None


def _reason(error: PaymentError | None) -> str | None:
    return None if error is None else error.reason


def _fee(charge: ChargeEntity | None, currency: str) -> int | None:
    transaction = charge.balance_transaction if charge is not None else None
    return None if transaction is None or transaction.fee is None else from_stripe(transaction.fee, currency)


def _uncaptured(charge: ChargeEntity) -> int:
    """What was held and not taken, in Stripe's units: Stripe counts its release as refunded."""
    return 0 if charge.amount is None or charge.amount_captured is None else charge.amount - charge.amount_captured


def _is_release(refund: RefundEntity, charge: ChargeEntity | None) -> bool:
    """Whether a refund only stands for held money that was let go: nobody's order, no balance moved."""
    ours = own_id(refund.metadata.get("refund_id")) is not None
    return (
        not ours and charge is not None and refund.balance_transaction is None and refund.amount == _uncaptured(charge)
    )


def _refunded(charge: ChargeEntity | None, currency: str) -> int | None:
    if charge is None or charge.amount_refunded is None:
        return None
    return from_stripe(charge.amount_refunded - _uncaptured(charge), currency)


def _capture_before(charge: ChargeEntity | None) -> datetime | None:
    card = charge.payment_method_details.card if charge is not None and charge.payment_method_details else None
    return None if card is None or card.capture_before is None else datetime.fromtimestamp(card.capture_before, UTC)
