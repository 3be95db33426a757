"""A saved method: what the gateway says of its saving, when it is charged, and what ends that. It proves no money."""

from __future__ import annotations

from collections.abc import Sequence

from services.payment.domain import planning
from services.payment.domain.moving import expire, move, why_not
from services.payment.domain.observation import Observation, Seen, SetupPart
from services.payment.domain.payment import Case, Effects, Evidence, Fact, FactKind, Payment
from services.payment.domain.states import PaymentState, PaymentTrigger

_TRIGGERS = {
    Seen.PENDING: PaymentTrigger.ATTEMPT_SEEN,
    Seen.FAILED: PaymentTrigger.FAILED_SEEN,
    Seen.METHOD_SAVED: PaymentTrigger.METHOD_SAVED_SEEN,
    Seen.VOIDED: PaymentTrigger.FAILED_SEEN,
}
_CHARGEABLE = frozenset({PaymentState.METHOD_SAVED, PaymentState.FAILED, PaymentState.PENDING})


def apply_setup(payment: Payment, seen: Observation, setup: SetupPart, effects: Effects) -> str:
    """What the gateway said of the saving of a method; returns the verdict in words.

    The first proof counts: what is said afterwards of the same or another saving changes nothing. Nothing of it is an
    attempt to pay, and no sum changes.
    """
    if payment.saved_method is not None:
        return "ignored: a method is saved already"
    if seen.status is Seen.VOIDED:
        effects.ended_orders.append((payment, seen.gateway_order_id))
    trigger = _TRIGGERS[seen.status]
    if not move(payment, trigger, seen.source, effects, seen.reason or ""):
        return why_not(payment, trigger)
    effects.evidence.append(Evidence(payment.id, payment.status, seen))
    if payment.status is PaymentState.FAILED:
        effects.facts.append(Fact(FactKind.FAILED, payment, reason=seen.reason or "the method was not saved"))
    if payment.status is PaymentState.METHOD_SAVED:
        planned = max(effects.now, payment.authorize_at or effects.now)
        payment.saved_customer, payment.saved_method = setup.customer_id, setup.method_id
        payment.charge_at = planned
        payment.expires_at = planning.charge_deadline(planned, payment.service_ends_at)
        effects.facts.append(Fact(FactKind.METHOD_SAVED, payment))
    return f"moved: {payment.status}"


def may_charge(siblings: Sequence[Payment], payment: Payment, effects: Effects) -> bool:
    """Whether the saved method of `payment`, whose booking's payments are `siblings`, may be charged now: not when
    anything secured the booking, the deadline has passed, or a bank still decides about an attempt."""
    if payment.saved_method is None or payment.status not in _CHARGEABLE or payment.duplicate_of is not None:
        return False
    if payment.expires_at is not None and payment.expires_at <= effects.now:
        return False
    undecided = any(attempt.status is Seen.PENDING for attempt in payment.attempts.values())
    return not undecided and all(other.secured_at is None for other in siblings)


def begin_charge(payment: Payment, effects: Effects) -> None:
    """The saved method is going to be charged."""
    move(payment, PaymentTrigger.CHARGE_BEGUN, "time", effects, "the saved method is charged")


def refuse_charge(payment: Payment, why: str, effects: Effects) -> None:
    """The gateway did not even try to charge the saved method: told, and put before a person."""
    if move(payment, PaymentTrigger.FAILED_SEEN, "reply", effects, why):
        effects.facts.append(Fact(FactKind.FAILED, payment, reason=why))
    detail = (
        f"{payment.gateway} refuses to charge the saved method: {why}. The buyer can pay until {payment.expires_at}."
    )
    effects.open_case(Case("charge-refused", f"charge-refused/{payment.id}", detail, payment, payment.amount_minor, 0))


def give_up(payment: Payment, why: str, effects: Effects) -> bool:
    """There is nothing left to be paid for: a saved method is not charged any more. Returns whether that changed anything.

    A charge that is under way goes on; its money is a late success.
    """
    if payment.saved_method is None or payment.secured_at is not None:
        return False
    if payment.status is PaymentState.PENDING:
        payment.charge_at, payment.expires_at = None, effects.now
        effects.touch(payment)
        return True
    return expire(payment, effects, why)
