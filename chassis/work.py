"""The unit of work: one transaction that saves state and what must be told. The only commit in the repository."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import faults, outbox, tasks
from chassis.ids import uuid7
from chassis.pool import Driver, Row, engine_of, take
from contracts.event import Event
from contracts.topics import Step

__all__ = ["Database", "Row", "Work"]


class Work:
    """What a handler may do inside its transaction: read, write, tell events, schedule tasks. Never commit."""

    def __init__(self, driver: Driver, spans: dict[str, str] | None = None) -> None:
        self._driver = driver
        self._told: list[outbox.Outgoing] = []
        self._scheduled: list[tasks.NewTask] = []
        self.traceparents = spans if spans is not None else {}

    async def fetch(self, sql: str, *args: Any) -> Sequence[Row]:
        """Rows of `sql`; parameters are `$1`, `$2`, … as PostgreSQL has them, lists for arrays."""
        rows: Sequence[Row] = await self._driver.fetch(sql, *args)
        return rows

    async def fetch_one(self, sql: str, *args: Any) -> Row | None:
        """The first row of `sql`, or None."""
        row: Row | None = await self._driver.fetchrow(sql, *args)
        return row

    async def execute(self, sql: str, *args: Any) -> int:
        """Run `sql`; returns how many rows it touched."""
        count = (await self._driver.execute(sql, *args)).rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    def tell(self, told: Event, *, causation: UUID | None = None) -> None:
        """Append `told` to the outbox with this transaction. Raises `ValueError` when its body is over 900,000 bytes."""
        self._told.append(outbox.outgoing(told, causation, self.traceparents.get(told.booking_id)))

    def tell_raw(self, record: outbox.Outgoing) -> None:
        """Append a record that is no event of ours: a dead letter with its original bytes."""
        self._told.append(record)

    def told(self, start: int) -> Sequence[outbox.Outgoing]:
        """What was told in this transaction so far, in order, from the `start`-th on (0 is the first)."""
        return self._told[start:]

    def schedule(
        self,
        step: Step,
        body: BaseModel,
        *,
        key: str,
        due_in_seconds: float = 0.0,
        message_id: UUID | None = None,
        traceparent: str | None = None,
    ) -> None:
        """Give `step` of this service the task `body`, due by the database's clock. One task for a `message_id`."""
        self._scheduled.append(
            tasks.NewTask(
                step=step.name,
                message_id=message_id or uuid7(),
                key=key,
                type=getattr(type(body), "type"),  # noqa: B009 - a class variable that BaseModel does not declare
                body=body.model_dump_json().encode(),
                due_in_seconds=due_in_seconds,
                traceparent=traceparent,
            )
        )

    def insert_task(self, task: tasks.NewTask) -> None:
        """Write `task` with this transaction, as it is: retries, blocked messages and dead letters."""
        self._scheduled.append(task)

    async def _flush(self) -> None:
        if self._scheduled:
            await tasks.insert(self, self._scheduled)
        if self._told:
            await outbox.append(self, self._told)

    async def commit(self) -> None:
        """Write what was told and scheduled, then commit. Only `Database.transaction` calls this."""
        await self._flush()
        faults.point("work.before_commit")
        await self._driver.execute("COMMIT")


class Database:
    """One service's PostgreSQL: a pool, transactions, and the wake-ups that follow a commit."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._on_told: list[Callable[[], None]] = []
        self._on_scheduled: list[Callable[[], None]] = []

    @classmethod
    def connect(cls, url: str, *, connections: int = 12, application: str = "payfirst") -> Database:
        """A pool for `url` (`postgresql://…`); nothing is opened before it is needed."""
        return cls(engine_of(url, connections, application))

    def wake_after_commit(
        self, *, told: Callable[[], None] | None = None, scheduled: Callable[[], None] | None = None
    ) -> None:
        """Call `told` after each commit that told something here, `scheduled` after each that scheduled a task."""
        self._on_told += [told] if told else []
        self._on_scheduled += [scheduled] if scheduled else []

    @asynccontextmanager
    async def transaction(self, traceparents: dict[str, str] | None = None) -> AsyncIterator[Work]:
        """One transaction: commits when the block ends, rolls back when it raises."""
        async with self._begun(traceparents) as work:
            yield work
            await work.commit()
        if work._told:
            for wake in self._on_told:
                wake()
        if work._scheduled:
            self.wake_tasks()

    def wake_tasks(self) -> None:
        """A task may be due now: let this process's runner look at once."""
        for wake in self._on_scheduled:
            wake()

    async def alone(self, sql: str, *args: Any) -> Sequence[Row]:
        """Rows of one statement that is a transaction of its own, in one round trip: no BEGIN, no COMMIT."""
        lent = await take(self.engine)
        try:
            rows: Sequence[Row] = await lent.driver.fetch(sql, *args)
            return rows
        finally:
            lent.give_back()

    @asynccontextmanager
    async def rehearsal(self) -> AsyncIterator[Work]:
        """A transaction that is always rolled back: the dry run of a replay."""
        async with self._begun() as work:
            yield work
            await work._flush()
            await work.execute("ROLLBACK")

    @asynccontextmanager
    async def _begun(self, traceparents: dict[str, str] | None = None) -> AsyncIterator[Work]:
        """A unit of work on a connection of its own; what escapes rolls back."""
        lent = await take(self.engine)
        try:
            await lent.driver.execute("BEGIN")
            yield Work(lent.driver, traceparents)
        except BaseException:
            await lent.give_up()
            raise
        lent.give_back()

    async def close(self) -> None:
        """Close every connection of the pool."""
        await self.engine.dispose()
