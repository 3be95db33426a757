"""What a secured payment means for its hold: confirm, ignore, or give the money back and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from chassis.machine import Move
from services.booking.domain.states import HoldState, HoldTrigger
from services.booking.domain.transitions import HOLD

SAVED_GRACE = timedelta(minutes=15)
"""How much longer than a saved method may be charged its hold keeps the places: news of a last success needs a while."""
Answer = Literal["confirm", "ignore", "take_again", "refund"]


@dataclass(frozen=True, slots=True)
class Decision:
    """`refund_key` and `reason` are set when money goes back."""

    answer: Answer
    reason: str = ""
    refund_key: str = ""


def decide(
    state: HoldState, expected: tuple[int, str], paid: tuple[int, str], payment_id: str, confirmed_by: str | None
) -> Decision:
    """Decide about one payment of `paid` (minor units, currency) for a hold that expects `expected`."""
    if confirmed_by == payment_id:
        return Decision("ignore", "this payment confirmed it before")
    if confirmed_by is not None:
        return Decision("refund", "the booking was paid before by another payment", f"second-{payment_id}")
    if paid != expected:
        return Decision("refund", "the amount or currency is not the checkout's", f"mismatch-{payment_id}")
    decision = HOLD.decide(state, HoldTrigger.PAID)
    if not isinstance(decision, Move):
        return Decision("refund", "the place was given up before the payment came", f"released-{payment_id}")
    return Decision("take_again" if state is HoldState.EXPIRED else "confirm")
