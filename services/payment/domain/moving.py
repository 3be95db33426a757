"""Moving a payment: the table is asked, the trail written, and a refusal put before a person."""

from __future__ import annotations

from chassis.machine import Ignore, Move
from services.payment.domain.payment import Case, Effects, Fact, FactKind, Payment, Transition
from services.payment.domain.states import PaymentTrigger
from services.payment.domain.transitions import PAYMENT


def move(payment: Payment, trigger: PaymentTrigger, source: str, effects: Effects, reason: str = "") -> bool:
    """Ask the table; on Move change the state and write the trail. Returns whether it moved; a refusal opens a case."""
    decision = PAYMENT.decide(payment.status, trigger)
    if isinstance(decision, Ignore):
        return False
    if not isinstance(decision, Move):
        effects.open_case(
            Case(
                "refused-observation",
                f"refused/{payment.id}/{trigger}",
                f"{payment.status}: {decision.reason}",
                payment,
            )
        )
        return False
    effects.payment_moves.append(
        Transition(payment.id, payment.status, decision.to, trigger, reason or trigger.replace("_", " "), source)
    )
    payment.status = decision.to
    effects.touch(payment)
    return True


def pass_deadline(payment: Payment, effects: Effects) -> bool:
    """Nobody paid before the deadline: tell it once. A late success is still watched for.

    Nothing is done where the deadline has moved since it was looked at, as the saving of a method moves it.
    """
    if payment.expires_at is not None and payment.expires_at > effects.now:
        return False
    return expire(payment, effects, "nobody paid before the deadline")


def expire(payment: Payment, effects: Effects, why: str) -> bool:
    """Nothing more is charged by us: told once. Returns whether the payment moved."""
    moved = move(payment, PaymentTrigger.DEADLINE_PASSED, "time", effects, why)
    if moved:
        payment.charge_at = None
        effects.facts.append(Fact(FactKind.EXPIRED, payment))
    return moved


def why_not(payment: Payment, trigger: PaymentTrigger) -> str:
    """Why `trigger` does not move `payment`, in words."""
    decision = PAYMENT.decide(payment.status, trigger)
    kind = "ignored" if isinstance(decision, Ignore) else "refused"
    return f"{kind}: {getattr(decision, 'reason', '')}"
