"""Task workers: retries of inline steps in batches, calls of queued steps side by side, all under renewed leases."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

import orjson

from chassis import faults, tasks, telemetry
from chassis.calls import Calls, Leased, message_of
from chassis.dead_letters import letter
from chassis.ids import uuid7
from chassis.outcomes import Dead, Failure, Held, LeaseLost, RetryAfter, Verdict, failure_of, verdict
from chassis.steps import AnyStep, InlineStep, QueuedStep
from chassis.tasks import NewTask
from chassis.work import Database

log = logging.getLogger(__name__)
INLINE_BATCH = 200
MAX_INTERRUPTIONS = 20
READ_AHEAD = 4


class TaskRunner:
    """Runs the due tasks of a service's steps. `run()` never ends by itself; a dead database is waited for."""

    def __init__(
        self, database: Database, steps: Sequence[AnyStep], lease_seconds: float = 5.0, poll: float = 0.1
    ) -> None:
        self.database, self.lease_seconds, self.poll_seconds = database, lease_seconds, poll
        self.steps = {step.name: step for step in steps}
        self._wake = asyncio.Event()
        self._tokens: Counter[UUID] = Counter()
        self._calls = {step.name: Calls(database, step) for step in steps if isinstance(step, QueuedStep)}
        self._running: dict[str, set[asyncio.Task[None]]] = {name: set() for name in self.steps}

    def wake(self) -> None:
        """A task may be due now: look at once."""
        self._wake.set()

    async def run(self) -> None:
        """Claim, run, renew and recover until cancelled; then let running calls end."""
        loops = [self._claim_loop(), self._renew_loop(), self._recover_loop()]
        try:
            await asyncio.gather(*loops)
        finally:
            waiting = [task for group in self._running.values() for task in group]
            if waiting:
                await asyncio.wait(waiting, timeout=5)

    async def _claim_loop(self) -> None:
        while True:
            try:
                busy = await self._claim()
            except Exception as error:
                log.warning("tasks can't be claimed: %r", failure_of(error))
                await asyncio.sleep(0.5)
                continue
            if not busy:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self.poll_seconds)
                self._wake.clear()

    async def _renew_loop(self) -> None:
        while True:
            await asyncio.sleep(self.lease_seconds / 4)
            if self._tokens:
                try:
                    await tasks.renew(self.database, list(self._tokens), self.lease_seconds)
                except Exception as error:
                    log.warning("leases can't be renewed: %r", failure_of(error))

    async def _recover_loop(self) -> None:
        while True:
            try:
                if await tasks.recover(self.database):
                    self.wake()
            except Exception as error:
                log.warning("lost tasks can't be recovered: %r", failure_of(error))
            await asyncio.sleep(0.5)

    async def _claim(self) -> bool:
        """Claim what is due for the places that are free, in one statement; run it, inline steps at once."""
        token, rooms = uuid7(), {name: self._room(step) for name, step in self.steps.items()}
        rows = await tasks.claim(self.database, rooms, token, self.lease_seconds) if any(rooms.values()) else []
        if rows:
            self._tokens[token] = len(rows)
        faults.point("task.claimed")
        inline: dict[str, list[Leased]] = {}
        for item in [Leased(row, token) for row in rows]:
            step = self.steps[item.row.step]
            if isinstance(step, InlineStep):
                inline.setdefault(step.name, []).append(item)
                continue
            task = asyncio.create_task(self._run_queued(step, item))
            self._running[step.name].add(task)
            task.add_done_callback(partial(self._ended, step))
        try:
            for name, leased in inline.items():
                await self._divide(self.steps[name], leased)
        finally:
            self._release(token, sum(map(len, inline.values())))
        return bool(rows)

    def _room(self, step: AnyStep) -> int:
        """How many tasks of `step` to claim. Some wait here for their turn: a claim for each that ends costs too much."""
        if isinstance(step, InlineStep):
            return INLINE_BATCH
        running = len(self._running[step.name])
        return READ_AHEAD * step.concurrency - running if running <= step.concurrency else 0

    def _release(self, token: UUID, count: int) -> None:
        """`count` tasks under `token` have ended: when they were the last, their lease is renewed no longer."""
        self._tokens[token] -= count
        if not self._tokens[token]:
            del self._tokens[token]

    def _ended(self, step: QueuedStep, done: asyncio.Task[None]) -> None:
        self._running[step.name].discard(done)
        if self._room(step):
            self._wake.set()
        if not done.cancelled() and (error := done.exception()):
            log.error("a task's end could not be recorded: %r", failure_of(error))

    async def _divide(self, step: AnyStep, leased: list[Leased]) -> None:
        assert isinstance(step, InlineStep)
        try:
            await self._run_inline(step, leased)
        except Exception as error:
            if verdict(error) is Verdict.AWAY:
                raise
            if len(leased) > 1:
                middle = len(leased) // 2
                await self._divide(step, leased[:middle])
                await self._divide(step, leased[middle:])
            else:
                await self._settle(step, leased[0], error)

    async def _run_inline(self, step: InlineStep, leased: list[Leased]) -> None:
        messages = {item.row.id: message_of(step, item.row) for item in leased}
        with telemetry.handling(step.name, list(messages.values())) as traceparents:
            async with self.database.transaction(traceparents) as work:
                mine = await tasks.finish(work, list(messages), [item.token for item in leased])
                ours = [item for item in leased if item.row.id in mine]
                if ours:
                    await step.handle_many(work, [messages[item.row.id] for item in ours])
                    await tasks.free_next(work, {(item.row.step, item.row.key) for item in ours})
                faults.point("task.before_commit")
        telemetry.TASK_ATTEMPTS.labels(step.name, "done").inc(len(leased))

    async def _run_queued(self, step: QueuedStep, item: Leased) -> None:
        try:
            await self._calls[step.name].run(item)
        except LeaseLost:
            log.info("%s %s was taken over", step.name, item.row.message_id)
        except Exception as error:
            if verdict(error) is Verdict.AWAY and not isinstance(error, RetryAfter | Held):
                error = RetryAfter(1.0, f"{type(error).__name__}: {error}")
            await self._settle(step, item, error)
        finally:
            self._release(item.token, 1)

    async def _settle(self, step: AnyStep, item: Leased, error: Exception) -> None:
        """Record a failed attempt: later, held or dead. If even this fails, the lease ends and another worker tries."""
        row, failure = item.row, failure_of(error)
        attempt = row.attempts + 1
        wait = error.seconds if isinstance(error, RetryAfter) else step.ladder.seconds_before(attempt)
        spent = step.ladder.seconds_before(attempt) is None or row.interruptions >= MAX_INTERRUPTIONS
        async with self.database.transaction() as work:
            if isinstance(error, Held):
                await tasks.postpone(work, row.id, item.token, error.seconds, None, held_by=error.by)
                return
            if isinstance(error, Dead) or spent:
                disposition = error.disposition if isinstance(error, Dead) else "RETRIES_EXHAUSTED"
                dead = await tasks.bury(work, row.id, item.token, disposition, failure, step.deadline_seconds)
                if dead is None:
                    return
                record = dead_task(dead)
                work.tell_raw(letter(step, record, episode=dead.episode, first_failed_at=dead.first_failed_at))
                telemetry.DEAD_LETTERS.labels(step.name, disposition).inc()
            elif not await tasks.postpone(work, row.id, item.token, wait or 0.0, failure):
                return
            await tasks.record_attempt(work, step.name, row.message_id, attempt, row.episode, failure)
        telemetry.TASK_ATTEMPTS.labels(step.name, "failed").inc()
        log.warning("%s %s attempt %d: %s %s", step.name, row.message_id, attempt, failure.error_class, failure.message)


def dead_task(row: Any) -> NewTask:
    """A dead task's row as the record of its dead letter."""
    return NewTask(
        step=row.step,
        message_id=row.message_id,
        key=row.key,
        type=row.type,
        body=None if row.body is None else bytes(row.body),
        state="dead",
        attempts=row.attempts,
        headers=orjson.loads(row.headers) if row.headers else None,
        topic=row.topic,
        partition=row.partition,
        offset=row.offset,
        traceparent=row.traceparent,
        disposition=row.disposition,
        failure=Failure(row.error_class, row.error_message, row.fingerprint),
    )
