"""Calls of queued steps: intent row, call outside any transaction, outcome row; rows of many calls share transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError

from chassis import faults, tasks, telemetry
from chassis.outcomes import Dead, LeaseLost
from chassis.sharing import Shared
from chassis.steps import AnyStep, CallingTogether, Message, QueuedHandler, QueuedStep, body_models
from chassis.work import Database, Work

_MOST_TOGETHER = 200
_GATHER_SECONDS = 0.015


@dataclass(frozen=True, slots=True)
class Leased:
    """A task that this process holds under `token`."""

    row: Any
    token: UUID


@dataclass(frozen=True, slots=True)
class Call:
    """A leased task's message, what is done about it (nothing: None), and what came of it."""

    item: Leased
    message: Message
    traceparents: dict[str, str] | None
    intent: Any = None
    result: Any = None


def message_of(step: AnyStep, row: Any) -> Message:
    """The message in a task's row. Raises `Dead` when its body can't be read (an edited or foreign body)."""
    model = body_models(step).get(row.type)
    if model is None or row.body is None:
        raise Dead(f"{step.name} does not take {row.type!r}", "UNDECODABLE")
    try:
        event = model.model_validate_json(row.body)
    except ValidationError as error:
        raise Dead(f"{error.error_count()} fields of the body are wrong", "SCHEMA_INVALID") from error
    headers = orjson.loads(row.headers) if row.headers else {}
    return Message(
        row.message_id,
        row.type,
        row.key,
        event,
        row.attempts,
        row.traceparent,
        bytes(row.body),
        headers,
        row.topic,
        row.partition,
        row.offset,
    )


class _OneByOne:
    """A handler of single calls where many are asked for."""

    def __init__(self, handler: QueuedHandler) -> None:
        self._handler = handler
        self.call = handler.call

    async def intend_many(self, work: Work, messages: Sequence[Message]) -> list[Any]:
        """The intent of each message."""
        return [await self._handler.intend(work, message) for message in messages]

    async def conclude_many(self, work: Work, concluded: Sequence[tuple[Message, Any, Any]]) -> None:
        """Record each outcome."""
        for message, intent, result in concluded:
            await self._handler.conclude(work, message, intent, result)


class Calls:
    """Makes the calls of one queued step, `concurrency` at the same time; more may wait here under their leases.

    A handler that takes many gets the intents, and the outcomes, of all calls that wait for a transaction at the moment.
    """

    def __init__(self, database: Database, step: QueuedStep) -> None:
        self._database, self._step = database, step
        self._places = asyncio.Semaphore(step.concurrency)
        together = isinstance(step.handler, CallingTogether)
        self._handler = step.handler if isinstance(step.handler, CallingTogether) else _OneByOne(step.handler)
        # Single calls may lock rows in an order of their own: each has its transaction, side by side.
        self._intended, self._concluded = [
            Shared(transact, _MOST_TOGETHER, _GATHER_SECONDS).run if together else partial(_alone, transact)
            for transact in (self._intend, self._conclude)
        ]

    async def run(self, item: Leased) -> None:
        """One task from its intent to its end. Raises `LeaseLost`, and what the handler or the database raised."""
        message = message_of(self._step, item.row)
        async with self._places:
            with telemetry.handling(self._step.name, [message]) as traceparents:
                intent = await self._intended(Call(item, message, traceparents))
                faults.point("task.intended")
                result = None if intent is None else await self._handler.call(message, intent)
                faults.point("task.called")
                await self._concluded(Call(item, message, traceparents, intent, result))
        telemetry.TASK_ATTEMPTS.labels(self._step.name, "done").inc()

    async def _intend(self, calls: Sequence[Call]) -> list[Any]:
        async with self._database.transaction(_contexts(calls)) as work:
            held = await tasks.hold(work, *_leases(calls))
            ours = [call for call in calls if call.item.row.id in held]
            intents = await self._handler.intend_many(work, [call.message for call in ours]) if ours else []
        found = dict(zip([call.item.row.id for call in ours], intents, strict=True))
        return [found[call.item.row.id] if call.item.row.id in held else LeaseLost() for call in calls]

    async def _conclude(self, calls: Sequence[Call]) -> list[LeaseLost | None]:
        async with self._database.transaction(_contexts(calls)) as work:
            mine = await tasks.finish(work, *_leases(calls))
            ours = [call for call in calls if call.item.row.id in mine]
            if called := [(call.message, call.intent, call.result) for call in ours if call.intent is not None]:
                await self._handler.conclude_many(work, called)
            if ours:
                await tasks.free_next(work, {(call.item.row.step, call.item.row.key) for call in ours})
            faults.point("task.before_commit")
        return [None if call.item.row.id in mine else LeaseLost() for call in calls]


def _leases(calls: Sequence[Call]) -> tuple[list[int], list[UUID]]:
    return [call.item.row.id for call in calls], [call.item.token for call in calls]


def _contexts(calls: Sequence[Call]) -> dict[str, str] | None:
    """The trace of each call's message, by its key: what is told for a key continues it."""
    return {key: trace for call in calls for key, trace in (call.traceparents or {}).items()} or None


async def _alone(transact: Callable[[Sequence[Call]], Awaitable[Sequence[Any]]], call: Call) -> Any:
    (result,) = await transact([call])
    if isinstance(result, Exception):
        raise result
    return result
