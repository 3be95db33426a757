"""Deciding what an observation means: the one path of replies, webhooks, polls and verifications (design section 10)."""

from __future__ import annotations

from collections.abc import Sequence

from services.payment.domain.capturing import plan_capture
from services.payment.domain.disputing import apply_dispute
from services.payment.domain.moving import move, why_not
from services.payment.domain.observation import Observation, Seen
from services.payment.domain.payment import Attempt, Case, Effects, Evidence, Fact, FactKind, Payment
from services.payment.domain.planning import Collection
from services.payment.domain.refunding import apply_refund, lapse, release, request_refund
from services.payment.domain.saving import apply_setup
from services.payment.domain.states import JournalKind, PaymentState, PaymentTrigger

_RANK = {Seen.PENDING: 0, Seen.FAILED: 1, Seen.AUTHORIZED: 2, Seen.CAPTURED: 3, Seen.VOIDED: 3}
_TRIGGERS = {
    Seen.PENDING: PaymentTrigger.ATTEMPT_SEEN,
    Seen.FAILED: PaymentTrigger.FAILED_SEEN,
    Seen.AUTHORIZED: PaymentTrigger.AUTHORIZED_SEEN,
    Seen.CAPTURED: PaymentTrigger.CAPTURED_SEEN,
    Seen.VOIDED: PaymentTrigger.VOIDED_SEEN,
}
_SUCCESS = frozenset({Seen.AUTHORIZED, Seen.CAPTURED})
_LATE_FROM = frozenset({PaymentState.FAILED, PaymentState.EXPIRED})


def decide(siblings: Sequence[Payment], payment: Payment, seen: Observation, effects: Effects) -> str:
    """Apply `seen` to `payment`, whose booking's payments are `siblings`; returns the verdict in words.

    Amount, currency and order are compared with our own row first (P-17, F-86): a difference opens a case and moves
    nothing. The first proof moves the payment, the rest is ignored with a reason.
    """
    if mismatch := _mismatch(payment, seen):
        effects.open_case(mismatch)
        return f"refused: {mismatch.kind}"
    if seen.gateway_order_id not in payment.orders:
        _adopt_order(payment, seen.gateway_order_id, effects)
    if seen.dispute is not None:
        return apply_dispute(payment, seen, seen.dispute, effects)
    if seen.setup is not None:
        return apply_setup(payment, seen, seen.setup, effects)
    verdict = _attempt(siblings, payment, seen, effects)
    if seen.refund is not None and payment.attempts[seen.gateway_payment_id].status is Seen.CAPTURED:
        verdict = apply_refund(payment, payment.attempts[seen.gateway_payment_id], seen, seen.refund, effects)
    return verdict


def _adopt_order(payment: Payment, gateway_order_id: str, effects: Effects) -> None:
    """The order whose making was never answered: the gateway speaks of it under our own payment id."""
    payment.orders[payment.orders.index(None)] = gateway_order_id
    payment.gateway_order_id = gateway_order_id
    effects.adopted_orders.append((payment, gateway_order_id))
    effects.touch(payment)


def _mismatch(payment: Payment, seen: Observation) -> Case | None:
    differences = {
        "order-mismatch": seen.gateway_order_id not in payment.orders and None not in payment.orders,
        "currency-mismatch": payment.currency != seen.currency and seen.setup is None,
        "amount-mismatch": payment.amount_minor != seen.amount_minor and seen.dispute is None and seen.setup is None,
    }
    for kind, differs in differences.items():
        if differs:
            detail = (
                f"{seen.source} says {seen.status} of {seen.amount_minor} {seen.currency} for order "
                f"{seen.gateway_order_id}; our row has {payment.amount_minor} {payment.currency} for order "
                f"{payment.gateway_order_id}. Nothing was moved: look at the gateway and give the money back there."
            )
            dedupe = f"{kind}/{seen.gateway}/{seen.gateway_payment_id}"
            return Case(kind, dedupe, detail, payment, payment.amount_minor, seen.amount_minor)
    return None


def _attempt(siblings: Sequence[Payment], payment: Payment, seen: Observation, effects: Effects) -> str:
    attempt = payment.attempts.get(seen.gateway_payment_id)
    if attempt is None:
        attempt = Attempt(
            seen.gateway_payment_id, seen.gateway_order_id, Seen.PENDING, seen.amount_minor, seen.currency
        )
        payment.attempts[seen.gateway_payment_id] = attempt
    elif _RANK[attempt.status] >= _RANK[seen.status]:
        _learn_fee(payment, attempt, seen, effects)
        return f"ignored: the attempt is {attempt.status} already"
    attempt.status, attempt.reason = seen.status, seen.reason
    attempt.late = attempt.late or seen.late
    effects.touch(payment, attempt)
    if seen.status in _SUCCESS:
        return _succeed(siblings, payment, attempt, seen, effects)
    released = seen.status is Seen.VOIDED and lapse(payment, attempt, seen.source, effects)
    if payment.gateway_payment_id not in (None, attempt.gateway_payment_id):
        return "ignored: another attempt secured the payment"
    trigger = _TRIGGERS[seen.status]
    if not move(payment, trigger, seen.source, effects, seen.reason or ""):
        return why_not(payment, trigger)
    effects.evidence.append(Evidence(payment.id, payment.status, seen))
    if payment.status is PaymentState.FAILED:
        effects.facts.append(Fact(FactKind.FAILED, payment, reason=seen.reason or "the payment failed"))
    payment.capture_at = None
    if payment.status is PaymentState.VOIDED and not released:
        detail = "The gateway gave the authorized money back because it was not captured in time."
        effects.open_case(
            Case("authorization-lapsed", f"lapsed/{payment.id}", detail, payment, payment.amount_minor, 0)
        )
    return f"moved: {payment.status}"


def _succeed(
    siblings: Sequence[Payment], payment: Payment, attempt: Attempt, seen: Observation, effects: Effects
) -> str:
    attempt.authorized_minor = seen.amount_minor
    if seen.status is Seen.CAPTURED:
        attempt.captured_minor = seen.amount_minor if seen.captured_minor is None else seen.captured_minor
        attempt.fee_minor = seen.fee_minor or 0
        effects.book(JournalKind.CAPTURE, payment, attempt.gateway_payment_id, attempt.captured_minor)
        effects.book(JournalKind.FEE, payment, attempt.gateway_payment_id, attempt.fee_minor)
    if payment.gateway_payment_id not in (None, attempt.gateway_payment_id):
        attempt.surplus = True
        _give_back(payment, attempt, "second success for one order", effects)
        return "ignored: a second success; it is given back"
    if payment.secured_at is None and (holder := _secured_sibling(siblings, payment)) is not None:
        payment.duplicate_of = holder.id
    was_late = seen.late or payment.status in _LATE_FROM
    trigger = _TRIGGERS[seen.status]
    if not move(payment, trigger, seen.source, effects, "late_authorization" if was_late else ""):
        return why_not(payment, trigger)
    effects.evidence.append(Evidence(payment.id, payment.status, seen))
    attempt.late = attempt.late or was_late
    payment.gateway_payment_id, payment.gateway_order_id = attempt.gateway_payment_id, attempt.gateway_order_id
    payment.authorized_minor, payment.captured_minor = attempt.authorized_minor, attempt.captured_minor
    payment.fee_minor = attempt.fee_minor
    payment.charge_at = None
    _tell_success(payment, effects)
    if payment.duplicate_of is not None:
        _give_back(payment, attempt, "second success for one booking", effects)
    elif payment.status is PaymentState.AUTHORIZED:
        _plan_capture(payment, seen, effects)
    else:
        payment.capture_at = None
        release(payment, attempt, seen.source, effects)
    return f"moved: {payment.status}"


def _plan_capture(payment: Payment, seen: Observation, effects: Effects) -> None:
    """An authorization is captured soon where the gateway should have done it by itself, else when the plan says."""
    payment.capture_before = seen.capture_before
    if payment.collection is Collection.CAPTURE_NOW:
        effects.captures.append(payment)
        return
    plan_capture(payment, effects)


def _learn_fee(payment: Payment, attempt: Attempt, seen: Observation, effects: Effects) -> None:
    """A later word on the same capture may be the first that names the gateway's fee."""
    if seen.status is Seen.CAPTURED and seen.fee_minor and not attempt.fee_minor:
        attempt.fee_minor = seen.fee_minor
        effects.book(JournalKind.FEE, payment, attempt.gateway_payment_id, attempt.fee_minor)
        if payment.gateway_payment_id == attempt.gateway_payment_id:
            payment.fee_minor = attempt.fee_minor
        effects.touch(payment, attempt)


def _tell_success(payment: Payment, effects: Effects) -> None:
    first = payment.secured_at is None
    if first:
        payment.secured_at = effects.now
    if payment.duplicate_of is not None:
        return
    if first:
        effects.facts.append(Fact(FactKind.SECURED, payment, secured_as=payment.status))
    if payment.status is PaymentState.CAPTURED:
        effects.facts.append(Fact(FactKind.CAPTURED, payment))


def _secured_sibling(siblings: Sequence[Payment], payment: Payment) -> Payment | None:
    for other in siblings:
        if other.id != payment.id and other.secured_at is not None and other.duplicate_of is None:
            return other
    return None


def _give_back(payment: Payment, attempt: Attempt, why: str, effects: Effects) -> None:
    key = f"surplus-{attempt.gateway_payment_id}"
    if request_refund(payment, attempt, key, attempt.amount_minor, why, effects) is not None:
        detail = f"{why}: gateway payment {attempt.gateway_payment_id} is being refunded by itself."
        effects.open_case(Case("second-payment", key, detail, payment, 0, attempt.amount_minor))
