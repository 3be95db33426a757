"""Money going back: asking for a refund, and what the gateway says of one."""

from __future__ import annotations

from chassis.machine import Ignore, Move
from services.payment.domain.observation import Observation, RefundPart, RefundSeen
from services.payment.domain.payment import (
    Attempt,
    Case,
    Effects,
    Evidence,
    Fact,
    FactKind,
    Payment,
    Refund,
    Transition,
)
from services.payment.domain.states import JournalKind, PaymentTrigger, RefundState, RefundTrigger
from services.payment.domain.transitions import PAYMENT, REFUND

_SEEN = {
    RefundSeen.PENDING: RefundTrigger.PENDING_SEEN,
    RefundSeen.PROCESSED: RefundTrigger.PROCESSED_SEEN,
    RefundSeen.FAILED: RefundTrigger.FAILED_SEEN,
}


def request_refund(
    payment: Payment, attempt: Attempt, key: str, amount_minor: int, reason: str, effects: Effects
) -> Refund | None:
    """Ask for `amount_minor` of `attempt` back under the intent `key`; None when that intent is known already (M-10)."""
    if any(refund.refund_key == key for refund in payment.refunds.values()):
        return None
    refund = Refund(effects.new_id(), key, attempt.gateway_payment_id, RefundState.REQUESTED, amount_minor, reason)
    payment.refunds[refund.id] = refund
    effects.touch(payment, attempt, refund)
    effects.refund_moves.append(Transition(refund.id, None, refund.status, "requested", reason, "booking"))
    effects.refund_runs.append((payment, refund))
    return refund


def move_refund(
    payment: Payment, refund: Refund, trigger: RefundTrigger, source: str, effects: Effects, reason: str = ""
) -> bool:
    """Ask the table; on Move change the state and write the trail. Returns whether it moved."""
    decision = REFUND.decide(refund.status, trigger)
    if not isinstance(decision, Move):
        return False
    effects.refund_moves.append(
        Transition(refund.id, refund.status, decision.to, trigger, reason or trigger.replace("_", " "), source)
    )
    refund.status = decision.to
    effects.touch(payment, refund=refund)
    return True


def apply_refund(payment: Payment, attempt: Attempt, seen: Observation, part: RefundPart, effects: Effects) -> str:
    """What the gateway said of a refund: the sums, the payment's state and what is told. Returns the verdict in words."""
    refund = _known(payment, part)
    if refund is None:
        refund = _made_at_the_gateway(payment, attempt, part, effects)
    if refund.amount_minor != part.amount_minor:
        detail = (
            f"refund {part.gateway_refund_id} has {part.amount_minor}, ours {refund.amount_minor}; nothing was moved"
        )
        dedupe = f"refund-amount/{refund.id}"
        effects.open_case(
            Case("refund-amount-mismatch", dedupe, detail, payment, refund.amount_minor, part.amount_minor)
        )
        return "refused: refund-amount-mismatch"
    if refund.gateway_refund_id is None and part.gateway_refund_id is not None:
        refund.gateway_refund_id = part.gateway_refund_id
        effects.touch(payment, attempt, refund)
    trigger = _SEEN[part.status]
    before = refund.status
    would_be = attempt.refunded_minor + refund.amount_minor
    if (
        trigger is RefundTrigger.PROCESSED_SEEN
        and before is not RefundState.SUCCEEDED
        and would_be > attempt.captured_minor
    ):
        detail = "The gateway gave back more than it took; compare the books."
        dedupe = f"over-refunded/{refund.id}"
        effects.open_case(
            Case("refund-over-captured", dedupe, detail, payment, attempt.captured_minor, refund.amount_minor)
        )
        return "refused: refund-over-captured"
    if not move_refund(payment, refund, trigger, seen.source, effects, seen.reason or ""):
        decision = REFUND.decide(before, trigger)
        return f"ignored: {getattr(decision, 'reason', '')}"
    _settle(payment, attempt, refund, seen, effects)
    return f"moved: refund {refund.status}"


def _known(payment: Payment, part: RefundPart) -> Refund | None:
    if part.refund_id is not None and part.refund_id in payment.refunds:
        return payment.refunds[part.refund_id]
    for refund in payment.refunds.values():
        if part.gateway_refund_id is not None and refund.gateway_refund_id == part.gateway_refund_id:
            return refund
    return None


def _made_at_the_gateway(payment: Payment, attempt: Attempt, part: RefundPart, effects: Effects) -> Refund:
    """A refund that somebody made in the gateway's dashboard: it is money all the same, so it gets its row."""
    key = f"gateway-{part.gateway_refund_id}"
    refund = Refund(
        effects.new_id(),
        key,
        attempt.gateway_payment_id,
        RefundState.REQUESTED,
        part.amount_minor,
        "made at the gateway",
        part.gateway_refund_id,
    )
    payment.refunds[refund.id] = refund
    effects.touch(payment, attempt, refund)
    effects.refund_moves.append(Transition(refund.id, None, refund.status, "requested", refund.reason, "gateway"))
    return refund


def _settle(payment: Payment, attempt: Attempt, refund: Refund, seen: Observation, effects: Effects) -> None:
    sign = {RefundState.SUCCEEDED: 1, RefundState.REVERSED: -1}.get(refund.status, 0)
    if refund.status is RefundState.SUCCEEDED:
        effects.facts.append(Fact(FactKind.REFUND_SUCCEEDED, payment, refund, reason=refund.reason))
    elif refund.status in (RefundState.FAILED, RefundState.REVERSED):
        reason = seen.reason or f"the refund {refund.status}"
        effects.facts.append(Fact(FactKind.REFUND_FAILED, payment, refund, reason=reason))
        detail = f"Refund {refund.id} ({refund.reason}) {refund.status}: {reason}."
        dedupe = f"refund-{refund.status}/{refund.id}"
        effects.open_case(Case(f"refund-{refund.status}", dedupe, detail, payment, refund.amount_minor, 0))
    if not sign:
        return
    kind = JournalKind.REFUND if sign > 0 else JournalKind.REFUND_REVERSED
    effects.book(kind, payment, refund.id, refund.amount_minor)
    attempt.refunded_minor += sign * refund.amount_minor
    effects.touch(payment, attempt, refund)
    if attempt.surplus:
        return
    payment.refunded_minor += sign * refund.amount_minor
    _follow(payment, seen, effects)


def _follow(payment: Payment, seen: Observation, effects: Effects) -> None:
    """Let the payment's state follow its sums."""
    if payment.refunded_minor == 0:
        trigger = PaymentTrigger.REFUNDS_UNDONE
    elif payment.refunded_minor == payment.captured_minor:
        trigger = PaymentTrigger.REFUNDED_IN_FULL
    else:
        trigger = PaymentTrigger.REFUNDED_IN_PART
    decision = PAYMENT.decide(payment.status, trigger)
    if isinstance(decision, Move):
        effects.payment_moves.append(
            Transition(payment.id, payment.status, decision.to, trigger, trigger.replace("_", " "), seen.source)
        )
        payment.status = decision.to
        effects.evidence.append(Evidence(payment.id, payment.status, seen))
    elif not isinstance(decision, Ignore):
        effects.open_case(
            Case(
                "refused-observation",
                f"refused/{payment.id}/{trigger}",
                f"{payment.status}: {decision.reason}",
                payment,
            )
        )


def lapse(payment: Payment, attempt: Attempt, source: str, effects: Effects) -> bool:
    """Authorized money went back without capture: refunds of it are done, without touching the sums.

    Returns whether anybody had asked for it.
    """
    return _close_uncaptured(payment, attempt, source, effects, "never captured; the gateway released it")


def release(payment: Payment, attempt: Attempt, source: str, effects: Effects) -> bool:
    """Less was captured than authorized: refunds of just the rest are done with that."""
    rest = attempt.authorized_minor - attempt.captured_minor
    if rest == 0 or sum(refund.amount_minor for refund in _waiting(payment, attempt)) != rest:
        return False
    return _close_uncaptured(payment, attempt, source, effects, "captured without this part")


def _waiting(payment: Payment, attempt: Attempt) -> list[Refund]:
    waiting = (RefundState.REQUESTED, RefundState.SENT, RefundState.FAILED)
    refunds = payment.refunds.values()
    return [r for r in refunds if r.gateway_payment_id == attempt.gateway_payment_id and r.status in waiting]


def _close_uncaptured(payment: Payment, attempt: Attempt, source: str, effects: Effects, why: str) -> bool:
    asked = _waiting(payment, attempt)
    for refund in asked:
        move_refund(payment, refund, RefundTrigger.PROCESSED_SEEN, source, effects, why)
        effects.facts.append(Fact(FactKind.REFUND_SUCCEEDED, payment, refund, reason=refund.reason, released=True))
    return bool(asked)
