"""State machines as complete tables: every (state, trigger) pair is Move, Ignore or Refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

S = TypeVar("S", bound=StrEnum)
T = TypeVar("T", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Move(Generic[S]):
    """Legal: go to state `to`."""

    to: S


@dataclass(frozen=True, slots=True)
class Ignore:
    """A duplicate or a latecomer: nothing changes, and `reason` says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Cannot be right: a typed error at HTTP, a dead letter on Kafka. `reason` says why."""

    reason: str


Decision = Move[S] | Ignore | Refuse


class Machine(Generic[S, T]):
    """A named table over all states and triggers. Raises `ValueError` when built with a hole or a moving terminal."""

    def __init__(
        self,
        name: str,
        states: type[S],
        triggers: type[T],
        table: Mapping[tuple[S, T], Decision[S]],
        terminal: frozenset[S] | set[S] = frozenset(),
    ) -> None:
        self.name, self.states, self.triggers = name, states, triggers
        self.table, self.terminal = dict(table), frozenset(terminal)
        pairs = {(state, trigger) for state in states for trigger in triggers}
        if missing := sorted(pairs - self.table.keys()):
            raise ValueError(f"machine {name} has no answer for {missing}")
        if foreign := sorted(self.table.keys() - pairs):
            raise ValueError(f"machine {name} answers for unknown pairs {foreign}")
        for (state, trigger), decision in self.table.items():
            if state in self.terminal and isinstance(decision, Move):
                raise ValueError(f"machine {name} moves out of terminal {state} on {trigger}")

    def decide(self, state: S, trigger: T) -> Decision[S]:
        """What seeing `trigger` in `state` means."""
        return self.table[state, trigger]

    def next_triggers(self, state: S) -> list[T]:
        """The triggers that would move `state`: what can happen next."""
        return [trigger for trigger in self.triggers if isinstance(self.table[state, trigger], Move)]

    def mermaid(self) -> str:
        """The table's moves as a Mermaid state diagram; triggers of the same edge share an arrow."""
        edges: dict[tuple[S, S], list[str]] = {}
        for (state, trigger), decision in self.table.items():
            if isinstance(decision, Move):
                edges.setdefault((state, decision.to), []).append(trigger.value)
        lines = [f"    {a.value} --> {b.value}: {', '.join(names)}" for (a, b), names in edges.items()]
        first = next(iter(self.states))
        ends = [f"    {state.value} --> [*]" for state in self.states if state in self.terminal]
        return "\n".join(["stateDiagram-v2", f"    [*] --> {first.value}", *lines, *ends])
