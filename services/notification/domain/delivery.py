"""The delivery machine: what is owed to one recipient is queued, then sent, failed or suppressed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chassis.machine import Ignore, Machine, Move, Refuse


class State(StrEnum):
    """Where a delivery stands. `queued` includes every retry: it is still owed."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


class Trigger(StrEnum):
    """What was seen of a delivery."""

    ACCEPTED = "accepted"  # the mail server or the push service took it
    REFUSED = "refused"  # it will never take it: unknown address, unregistered device
    OPTED_OUT = "opted_out"  # the recipient does not want notices of this kind
    OVERTAKEN = "overtaken"  # what it says is no longer so, and who would read it was told that


_Q, _S, _F, _X = State
_A, _R, _O, _V = Trigger
MACHINE = Machine(
    "delivery",
    State,
    Trigger,
    {
        (_Q, _A): Move(_S),
        (_Q, _R): Move(_F),
        (_Q, _O): Move(_X),
        (_Q, _V): Move(_X),
        (_S, _A): Ignore("accepted before: the copy carries the same Message-ID"),
        (_S, _R): Ignore("a copy was refused after the first one was accepted"),
        (_S, _O): Ignore("it was sent before the recipient opted out"),
        (_S, _V): Ignore("it was sent before it was overtaken"),
        (_F, _A): Move(_S),
        (_F, _R): Ignore("refused before"),
        (_F, _O): Ignore("it failed before the recipient opted out"),
        (_F, _V): Ignore("it failed before it was overtaken"),
        (_X, _A): Refuse("a suppressed notice may not be sent"),
        (_X, _R): Refuse("a suppressed notice may not be sent"),
        (_X, _O): Ignore("suppressed before"),
        (_X, _V): Ignore("suppressed before"),
    },
    terminal={State.SENT, State.SUPPRESSED},
)

MOST_UNSETTLED_TRIES = 3
"""So often one delivery is handed over without knowing what became of it; N-1 allows no more copies."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the outside finally said of one delivery; `gone` means that the recipient's device is no more."""

    accepted: bool
    reason: str
    gone: bool = False

    @property
    def trigger(self) -> Trigger:
        """The trigger that this answer is."""
        return Trigger.ACCEPTED if self.accepted else Trigger.REFUSED
