"""The delivery machine, pair by pair."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from chassis.machine import Ignore, Move, Refuse
from services.notification.domain.delivery import MACHINE, Answer, State, Trigger

README = Path(__file__).parents[2] / "README.md"
MOVES = {
    (State.QUEUED, Trigger.ACCEPTED): State.SENT,
    (State.QUEUED, Trigger.REFUSED): State.FAILED,
    (State.QUEUED, Trigger.OPTED_OUT): State.SUPPRESSED,
    (State.QUEUED, Trigger.OVERTAKEN): State.SUPPRESSED,
    (State.FAILED, Trigger.ACCEPTED): State.SENT,
}


@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(State, Trigger)))
def test_every_pair_has_its_answer(state: State, trigger: Trigger) -> None:
    decision = MACHINE.decide(state, trigger)
    if (state, trigger) in MOVES:
        assert decision == Move(MOVES[state, trigger])
    else:
        assert isinstance(decision, Ignore | Refuse)
        assert decision.reason


def test_a_suppressed_notice_is_never_sent() -> None:
    assert isinstance(MACHINE.decide(State.SUPPRESSED, Trigger.ACCEPTED), Refuse)


def test_an_answer_is_a_trigger() -> None:
    assert Answer(True, "accepted-250").trigger is Trigger.ACCEPTED
    assert Answer(False, "refused-550").trigger is Trigger.REFUSED


def test_the_readme_shows_the_machine_as_it_is() -> None:
    drawn = re.search(r"```mermaid\n(stateDiagram.*?)\n```", README.read_text(), re.DOTALL)
    assert drawn is not None
    assert drawn[1] == MACHINE.mermaid()
