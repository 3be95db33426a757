"""A batch of records for one step: one transaction for all; split until a bad message stands alone and becomes a task."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Sequence

from chassis import faults, inbox, tasks, telemetry
from chassis.dead_letters import letter
from chassis.outbox import Outgoing
from chassis.outcomes import Dead, Failure, Held, RetryAfter, Verdict, failure_of, verdict
from chassis.records import Reader, Record, Unreadable, record_id, text_headers
from chassis.steps import AnyStep, InlineStep, Message, event_models, known_types
from chassis.tasks import NewTask
from chassis.work import Database, Work

log = logging.getLogger(__name__)
_CONFLICT_RETRIES = 8
_FOLLOW_AGAIN_SECONDS = 5.0
Entry = Message | Unreadable


class BatchStep:
    """Applies records to one step. `apply` returns after the commit and raises only when the database is away."""

    def __init__(self, database: Database, step: AnyStep) -> None:
        self.database, self.step = database, step
        self.recent = inbox.Recent()
        self._reader = Reader(event_models(step), known_types())
        self._followers: list[BatchStep] = []
        self._follow_again_at = 0.0

    def follow_with(self, others: Sequence[BatchStep]) -> None:
        """Run those of `others` in this step's transactions whose messages it tells (ADR 0017)."""
        self._followers = [other for other in others if isinstance(other.step, InlineStep)]

    async def apply(self, records: Sequence[Record]) -> None:
        """Take every record: processed, queued, waiting behind its key, or dead. Raises when the database is away."""
        news = [record for record in records if not self.recent.has(record)]
        if len(news) < len(records):
            telemetry.STEP_MESSAGES.labels(self.step.name, "duplicate").inc(len(records) - len(news))
        entries = [entry for record in news if (entry := self._reader.read(record)) is not None]
        faults.point("consumer.received")
        if entries:
            started = time.monotonic()
            await self._divide(entries)
            telemetry.BATCH_SECONDS.labels(self.step.name).observe(time.monotonic() - started)
        faults.point("consumer.committed")

    async def _divide(self, entries: Sequence[Entry]) -> None:
        for retry in range(_CONFLICT_RETRIES):
            follow = bool(self._followers) and time.monotonic() >= self._follow_again_at
            try:
                await self._transact(entries, follow=follow)
            except Exception as error:
                kind = verdict(error)
                if kind is Verdict.AWAY:
                    raise
                if kind is Verdict.CONFLICT and retry + 1 < _CONFLICT_RETRIES:
                    await asyncio.sleep(random.uniform(0.002, 0.02) * (retry + 1))
                    continue
                if follow:
                    self._follow_again_at = time.monotonic() + _FOLLOW_AGAIN_SECONDS
                    await self._divide(entries)
                    return
                if len(entries) > 1:
                    middle = len(entries) // 2
                    await self._divide(entries[:middle])
                    await self._divide(entries[middle:])
                    return
                await self._park(entries[0], error)
            return

    async def _transact(self, entries: Sequence[Entry], *, follow: bool) -> None:
        followed: list[tuple[BatchStep, list[Message]]] = []
        messages = [entry for entry in entries if isinstance(entry, Message)]
        with telemetry.handling(self.step.name, messages) as traceparents:
            async with self.database.transaction(traceparents) as work:
                runnable, blocked = await self._take(work, messages)
                await self._bury(work, [entry for entry in entries if isinstance(entry, Unreadable)])
                if isinstance(self.step, InlineStep):
                    if runnable:
                        await self.step.handle_many(work, runnable)
                else:
                    self._queue(work, runnable)
                for message in blocked:
                    work.insert_task(new_task(self.step, message, state="blocked"))
                if follow:
                    followed = await self._follow(work)
                faults.point("consumer.before_commit")
        for other, done in followed:
            other.recent.add(done)
            telemetry.STEP_MESSAGES.labels(other.step.name, "done").inc(len(done))
        telemetry.STEP_MESSAGES.labels(self.step.name, "done").inc(len(runnable))
        if blocked:
            telemetry.STEP_MESSAGES.labels(self.step.name, "blocked").inc(len(blocked))

    async def _follow(self, work: Work) -> list[tuple[BatchStep, list[Message]]]:
        """Run the steps of this service that take what was just told, and those that take what they tell."""
        followed: list[tuple[BatchStep, list[Message]]] = []
        start = 0
        while told := work.told(start):
            start += len(told)
            for other in self._followers:
                messages = [_as_message(item) for item in told if item.event and item.type in other._reader.models]
                if messages:
                    await other._run_within(work, messages)
                    followed.append((other, messages))
        return followed

    async def _run_within(self, work: Work, messages: list[Message]) -> None:
        taken = await inbox.take(work, self.step.name, messages)
        if taken.waiting_keys:
            raise RuntimeError(f"{self.step.name} has open work for a key: its messages come by Kafka")
        assert isinstance(self.step, InlineStep)
        with telemetry.handling(self.step.name, messages) as traceparents:
            before, work.traceparents = work.traceparents, traceparents or work.traceparents
            await self.step.handle_many(work, messages)
            work.traceparents = before

    async def _take(self, work: Work, messages: list[Message]) -> tuple[list[Message], list[Message]]:
        if not messages:
            return [], []
        taken = await inbox.take(work, self.step.name, messages)
        if taken.altered:
            await self._bury(work, [_altered(message) for message in messages if message.id in taken.altered])
        runnable: list[Message] = []
        blocked: list[Message] = []
        seen = set()
        for message in messages:
            if message.id not in taken.fresh or message.id in seen:
                telemetry.STEP_MESSAGES.labels(self.step.name, "duplicate").inc()
                continue
            seen.add(message.id)
            (blocked if message.key in taken.waiting_keys else runnable).append(message)
        return runnable, blocked

    def _queue(self, work: Work, messages: list[Message]) -> None:
        keys: set[str] = set()
        for message in messages:
            work.insert_task(new_task(self.step, message, state="blocked" if message.key in keys else "ready"))
            keys.add(message.key)

    async def _bury(self, work: Work, letters: list[Unreadable]) -> None:
        if not letters:
            return
        known = await work.fetch(
            "SELECT message_id FROM tasks WHERE step = $1 AND message_id = ANY($2::uuid[])",
            self.step.name,
            [item.id for item in letters],
        )
        taken = await work.fetch(
            """INSERT INTO inbox (step, message_id, digest) SELECT $1, m, 0 FROM unnest($2::uuid[]) AS m ORDER BY m
               ON CONFLICT DO NOTHING RETURNING message_id""",
            self.step.name,
            [item.id for item in letters],
        )
        fresh = {row.message_id for row in taken} - {row.message_id for row in known}
        for item in letters:
            if item.id in fresh:
                fresh.discard(item.id)
                dead = _dead_record(self.step, item)
                work.insert_task(dead)
                work.tell_raw(letter(self.step, dead))
                telemetry.DEAD_LETTERS.labels(self.step.name, item.disposition).inc()

    async def _park(self, entry: Entry, error: Exception) -> None:
        """The lonely bad message becomes a task: tried again later, held, or dead."""
        if isinstance(entry, Unreadable):
            raise error
        failure = failure_of(error)
        async with self.database.transaction() as work:
            taken = await inbox.take(work, self.step.name, [entry])
            if not taken.fresh:
                return
            task = parked(self.step, entry, error, failure)
            work.insert_task(task)
            if task.state == "dead":
                work.tell_raw(letter(self.step, task))
                telemetry.DEAD_LETTERS.labels(self.step.name, task.disposition or "").inc()
            if task.attempts:
                await tasks.record_attempt(work, self.step.name, entry.id, 1, 0, failure)
        telemetry.STEP_MESSAGES.labels(self.step.name, task.state).inc()
        log.warning("%s %s %s: %s %s", self.step.name, entry.id, task.state, failure.error_class, failure.message)


def parked(step: AnyStep, message: Message, error: Exception, failure: Failure) -> NewTask:
    """The task that the first failure of `message` makes, by the kind of `error`."""
    if isinstance(error, Held):
        return new_task(step, message, state="held", due_in_seconds=error.seconds, held_by=error.by)
    if isinstance(error, Dead):
        return new_task(step, message, state="dead", attempts=1, disposition=error.disposition, failure=failure)
    wait = error.seconds if isinstance(error, RetryAfter) else step.ladder.seconds_before(1)
    if wait is None:
        return new_task(step, message, state="dead", attempts=1, disposition="RETRIES_EXHAUSTED", failure=failure)
    return new_task(step, message, due_in_seconds=wait, attempts=1, failure=failure)


def new_task(
    step: AnyStep,
    message: Message,
    *,
    state: str = "ready",
    due_in_seconds: float = 0.0,
    attempts: int = 0,
    held_by: str | None = None,
    disposition: str | None = None,
    failure: Failure | None = None,
) -> NewTask:
    """`message` as a task of `step`, with everything that a replay needs."""
    return NewTask(
        step=step.name,
        message_id=message.id,
        key=message.key,
        type=message.type,
        body=message.body,
        state=state,
        due_in_seconds=due_in_seconds,
        attempts=attempts,
        headers={name: value.replace("\x00", "\\x00") for name, value in message.headers.items()},
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        traceparent=message.traceparent,
        held_by=held_by,
        disposition=disposition,
        failure=failure,
        deadline_seconds=step.deadline_seconds,
    )


def _as_message(told: Outgoing) -> Message:
    """What was told, as its reader will get it from Kafka; it has no place there yet."""
    return Message(
        told.event_id, told.type, told.key, told.event, 0, told.traceparent, told.body or b"", {}, told.topic
    )


def _dead_record(step: AnyStep, item: Unreadable) -> NewTask:
    record = item.record
    return NewTask(
        step=step.name,
        message_id=item.id,
        key=item.key,
        type=item.type,
        body=record.value,
        state="dead",
        attempts=1,
        headers=text_headers(record),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        disposition=item.disposition,
        failure=Failure(item.disposition, item.why, item.disposition.lower()),
        deadline_seconds=step.deadline_seconds,
    )


class _Source:
    """A message seen as the record that it came from."""

    def __init__(self, message: Message) -> None:
        self.topic, self.partition, self.offset = message.topic or "", message.partition or 0, message.offset or 0
        self.key, self.value = message.key.encode(), message.body
        self.headers = [(name, value.encode()) for name, value in message.headers.items()]


def _altered(message: Message) -> Unreadable:
    source = _Source(message)
    why = f"message {message.id} was taken before with another body"
    return Unreadable(record_id(source), message.key, message.type, "ID_REUSED", why, source)
