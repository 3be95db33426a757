"""Disputes: what the buyer's bank claims back, on record with its deadline, and what that does to the payment."""

from __future__ import annotations

from chassis.machine import Move, Refuse
from services.payment.domain.observation import DisputePart, Observation, Seen
from services.payment.domain.payment import Case, Dispute, Effects, Evidence, Payment, Transition
from services.payment.domain.states import DisputeState, DisputeTrigger, JournalKind, PaymentTrigger
from services.payment.domain.transitions import DISPUTE, PAYMENT

TRIGGERS = {
    Seen.DISPUTE_OPENED: DisputeTrigger.OPENED_SEEN,
    Seen.DISPUTE_REVIEWED: DisputeTrigger.REVIEW_SEEN,
    Seen.DISPUTE_WON: DisputeTrigger.WON_SEEN,
    Seen.DISPUTE_LOST: DisputeTrigger.LOST_SEEN,
}
_BOOKED = {DisputeState.WON: JournalKind.DISPUTE_WON, DisputeState.LOST: JournalKind.DISPUTE_LOST}
_OPEN = frozenset({DisputeState.NEEDS_RESPONSE, DisputeState.UNDER_REVIEW})


def apply_dispute(payment: Payment, seen: Observation, part: DisputePart, effects: Effects) -> str:
    """What the gateway said of a dispute; returns the verdict in words. A dispute that is heard of late, with its end,
    is on record all the same. Raises nothing: what can't be is a case.
    """
    dispute = payment.disputes.get(part.gateway_dispute_id) or _opened(payment, seen, part, effects)
    if part.respond_by is not None and dispute.respond_by is None:
        dispute.respond_by = part.respond_by
        effects.touched_disputes[dispute.id] = (payment, dispute)
    trigger = TRIGGERS[seen.status]
    decision = DISPUTE.decide(dispute.status, trigger)
    if isinstance(decision, Move):
        effects.dispute_moves.append(_moved(dispute, decision.to, trigger, seen))
        dispute.status = decision.to
        if decision.to in _BOOKED:
            effects.book(_BOOKED[decision.to], payment, dispute.id, dispute.amount_minor)
        effects.touched_disputes[dispute.id] = (payment, dispute)
        _put_before_a_person(payment, dispute, effects)
    elif isinstance(decision, Refuse):
        dedupe = f"dispute-refused/{dispute.gateway_dispute_id}/{trigger}"
        effects.open_case(Case("refused-observation", dedupe, decision.reason, payment, 0, dispute.amount_minor))
    follow(payment, seen, effects)
    return f"recorded: dispute {dispute.status}"


def follow(payment: Payment, seen: Observation, effects: Effects) -> None:
    """Let the payment's state follow its disputes: disputed while one is open or lost, else as its refunds say."""
    states = {dispute.status for dispute in payment.disputes.values()}
    if states & _OPEN:
        _move(payment, PaymentTrigger.DISPUTE_OPENED, seen, effects)
        return
    ended = states == {DisputeState.WON} and _move(payment, PaymentTrigger.DISPUTE_WON, seen, effects)
    if ended and payment.refunded_minor:
        whole = payment.refunded_minor == payment.captured_minor
        trigger = PaymentTrigger.REFUNDED_IN_FULL if whole else PaymentTrigger.REFUNDED_IN_PART
        _move(payment, trigger, seen, effects)


def _opened(payment: Payment, seen: Observation, part: DisputePart, effects: Effects) -> Dispute:
    dispute = Dispute(
        effects.new_id(),
        part.gateway_dispute_id,
        seen.gateway_payment_id,
        DisputeState.NEEDS_RESPONSE,
        part.amount_minor,
        seen.reason or "no reason given",
        part.respond_by,
    )
    payment.disputes[part.gateway_dispute_id] = dispute
    effects.touched_disputes[dispute.id] = (payment, dispute)
    effects.dispute_moves.append(
        Transition(dispute.id, None, dispute.status, DisputeTrigger.OPENED_SEEN, dispute.reason, seen.source)
    )
    effects.book(JournalKind.DISPUTE_OPENED, payment, dispute.id, dispute.amount_minor)
    _put_before_a_person(payment, dispute, effects)
    return dispute


def _put_before_a_person(payment: Payment, dispute: Dispute, effects: Effects) -> None:
    detail = f"The buyer's bank claims the money back ({dispute.reason}); the dispute {dispute.status}."
    effects.open_case(
        Case(
            f"dispute-{dispute.status}".replace("_", "-"),
            f"dispute/{dispute.gateway_dispute_id}/{dispute.status}",
            detail,
            payment,
            payment.captured_minor,
            dispute.amount_minor,
            dispute.respond_by,
        )
    )


def _move(payment: Payment, trigger: PaymentTrigger, seen: Observation, effects: Effects) -> bool:
    decision = PAYMENT.decide(payment.status, trigger)
    if not isinstance(decision, Move):
        return False
    reason = trigger.replace("_", " ")
    effects.payment_moves.append(Transition(payment.id, payment.status, decision.to, trigger, reason, seen.source))
    payment.status = decision.to
    effects.touch(payment)
    effects.evidence.append(Evidence(payment.id, payment.status, seen))
    return True


def _moved(dispute: Dispute, to: DisputeState, trigger: DisputeTrigger, seen: Observation) -> Transition:
    return Transition(dispute.id, dispute.status, to, trigger, seen.reason or trigger.replace("_", " "), seen.source)
