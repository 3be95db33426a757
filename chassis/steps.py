"""How a service declares its work: inline steps, queued steps and periodic jobs, with the ladder of their retries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable
from uuid import UUID

from pydantic import BaseModel
from tenacity import RetryCallState, wait_exponential
from tenacity.wait import wait_base

from contracts.event import REGISTRY
from contracts.topics import Step

if TYPE_CHECKING:
    from chassis.work import Database, Work


@dataclass(frozen=True, slots=True)
class Ladder:
    """How often and how late a failed message is tried again: `retries` times, waiting as `wait` says."""

    retries: int
    wait: wait_base

    def seconds_before(self, retry: int) -> float | None:
        """The wait before the `retry`-th try again (1 is the first); None when they are spent."""
        if retry > self.retries:
            return None
        state = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
        state.attempt_number = retry
        return float(self.wait(state))

    def schedule(self) -> list[float]:
        """All waits in seconds, for people."""
        return [self.seconds_before(n) or 0.0 for n in range(1, self.retries + 1)]


LADDER = Ladder(3, wait_exponential(multiplier=2, min=2, max=8))
"""2 s, 4 s, 8 s (S2-13)."""
SLOW_LADDER = Ladder(10, wait_exponential(multiplier=2, min=2, max=900))
"""2 s doubling to 15 minutes, for gateways and mail (C24)."""


@dataclass(slots=True)
class Message:
    """One message for one step: its decoded body in `event`, `attempt` 0 at first sight. Made once, never changed.

    Not frozen, as it is made 13 times a purchase: a frozen one takes four times as long to make.
    """

    id: UUID
    type: str
    key: str
    event: Any
    attempt: int = 0
    traceparent: str | None = None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None


HandleMany = Callable[["Work", Sequence[Message]], Awaitable[None]]


class QueuedHandler(Protocol):
    """Work that calls the outside: intent row, call outside any transaction, outcome row."""

    async def intend(self, work: Work, message: Message) -> Any | None:
        """First transaction: record the intent. None means that there is nothing to do."""
        ...

    async def call(self, message: Message, intent: Any) -> Any:
        """The call, with an idempotency key made of the message id and the step; may be repeated."""
        ...

    async def conclude(self, work: Work, message: Message, intent: Any, result: Any) -> None:
        """Last transaction: record the outcome; the task is deleted in it."""
        ...


@runtime_checkable
class CallingTogether(Protocol):
    """As `QueuedHandler`, whose first and last transaction may be for many calls at once; one by one gives the same rows.

    It locks rows in one order, whatever the order of the messages.
    """

    async def intend_many(self, work: Work, messages: Sequence[Message]) -> Sequence[Any]:
        """The intent of each message; None: nothing to do; an exception fails that message alone."""
        ...

    async def call(self, message: Message, intent: Any) -> Any:
        """The call, with an idempotency key made of the message id and the step; may be repeated."""
        ...

    async def conclude_many(self, work: Work, concluded: Sequence[tuple[Message, Any, Any]]) -> None:
        """Record the outcomes of (message, intent, result)."""
        ...


@dataclass(frozen=True, slots=True)
class InlineStep:
    """Database work that runs in the batch's transaction: `handle_many(work, messages)` for many at once."""

    step: Step
    accepts: tuple[type[BaseModel], ...]
    handle_many: HandleMany
    critical: bool = True
    ladder: Ladder = LADDER
    deadline_seconds: float = 900.0

    @property
    def name(self) -> str:
        """The step's name, which is also its consumer group."""
        return self.step.name


@dataclass(frozen=True, slots=True)
class QueuedStep:
    """Work outside the database: the consumer only accepts the message as a task, `concurrency` workers run it."""

    step: Step
    accepts: tuple[type[BaseModel], ...]
    handler: QueuedHandler | CallingTogether
    critical: bool = True
    concurrency: int = 4
    ladder: Ladder = LADDER
    deadline_seconds: float = 900.0

    @property
    def name(self) -> str:
        """The step's name, which is also its consumer group."""
        return self.step.name


AnyStep = InlineStep | QueuedStep


@dataclass(frozen=True, slots=True)
class Periodic:
    """A job by the clock: `run(database)` every `every_seconds`, at once again while it returns more than 0."""

    name: str
    every_seconds: float
    run: Callable[[Database], Awaitable[int]]


def body_models(step: AnyStep) -> dict[str, type[BaseModel]]:
    """The models that `step` accepts, by the type on the wire."""
    return {getattr(model, "type"): model for model in step.accepts}  # noqa: B009


def event_models(step: AnyStep) -> dict[str, type[BaseModel]]:
    """The events that `step` takes from its topics: its own task bodies are never read from Kafka."""
    return {name: model for name, model in body_models(step).items() if name in REGISTRY}


def known_types() -> frozenset[str]:
    """Every event type of the contracts: anything else on a topic is a dead letter."""
    return frozenset(REGISTRY)
