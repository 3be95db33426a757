"""A small service on a real broker and a real database: topics, groups and tables of its own for each test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID, uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from chassis.hosting import Application
from chassis.ids import uuid7
from chassis.lag import probe_for
from chassis.settings import ServiceSettings
from chassis.steps import AnyStep, InlineStep, Message, QueuedStep
from chassis.testing import eventually, fresh_database
from chassis.work import Database, Work
from chassis.working import Worker
from contracts import topics
from contracts.event import REGISTRY, Event
from contracts.topics import Step, Topic

MIGRATIONS = Path(__file__).parent / "migrations"


def event_type(topic: Topic) -> type[Event]:
    """A fresh event type on `topic`, known to the contracts for the length of the test."""

    class Happened(Event):
        """Something happened in the laboratory."""

        type: ClassVar[str] = f"{topic.name.split('.')[0]}.happened"
        n: int = 0
        trouble: str = ""

    Happened.topic = topic
    return Happened


@dataclass
class Lab:
    """One topic, one database, and workers of one step on them."""

    database: Database
    bootstrap: str
    topic: Topic
    happened: Any
    step: Step
    workers: list[tuple[Worker, asyncio.Task[None]]] = field(default_factory=list)
    handled: list[tuple[str, int]] = field(default_factory=list)
    trouble: Callable[[Message], None] = lambda message: None

    async def effect(self, work: Work, messages: Sequence[Message]) -> None:
        """The inline handler: one row a message; `trouble` may raise."""
        for message in messages:
            self.trouble(message)
        await work.execute(
            "INSERT INTO effects (message_id, booking_id, n) SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[])",
            [m.id for m in messages],
            [m.key for m in messages],
            [m.event.n for m in messages],
        )

    def inline(self, **more: Any) -> InlineStep:
        """The laboratory's step, inline."""
        return InlineStep(self.step, (self.happened,), self.effect, **more)

    def queued(self, handler: Any, **more: Any) -> QueuedStep:
        """The laboratory's step, queued."""
        return QueuedStep(self.step, (self.happened,), handler, **more)

    async def start(self, *steps: AnyStep, name: str = "lab") -> Worker:
        """A worker of `steps` (the inline one by default), running until the test ends."""
        settings = ServiceSettings(
            database_url="postgresql://unused",
            token_secret="lab",
            kafka_bootstrap_servers=self.bootstrap,
        )
        application = Application(name, settings, MIGRATIONS, steps=steps or (self.inline(),))
        application.connected = self.database
        worker = Worker(application)
        self.workers.append((worker, asyncio.create_task(worker.run())))
        return worker

    async def stop(self) -> None:
        """Stop every worker in order."""
        for worker, task in self.workers:
            await worker.stop()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self.workers.clear()
        await probe_for([self.bootstrap]).close()

    async def tell(self, *events: Event) -> None:
        """Tell `events` in one transaction."""
        async with self.database.transaction() as work:
            for event in events:
                work.tell(event)

    async def produce(self, *records: dict[str, Any]) -> None:
        """Put raw records on the topic, past our relay: whatever another program could write."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, max_request_size=2_000_000)
        await producer.start()
        try:
            for record in records:
                await producer.send_and_wait(self.topic.name, **record)
        finally:
            await producer.stop()

    def record(self, event: Any, message_id: UUID | None = None, **headers: bytes) -> dict[str, Any]:
        """A good record for `event`, with headers replaced by `headers`."""
        good = {"ce_id": str(message_id or uuid7()).encode(), "ce_type": event.type.encode(), **headers}
        return {"key": event.booking_id.encode(), "value": event.encode(), "headers": list(good.items())}

    async def rows(self, sql: str, *args: Any) -> Sequence[Any]:
        """Rows of `sql` in a transaction of its own."""
        async with self.database.transaction() as work:
            return await work.fetch(sql, *args)

    async def until(self, sql: str, *args: Any, seconds: float = 25.0) -> Any:
        """Poll until the first column of `sql` is true."""

        async def check() -> Any:
            return (await self.rows(sql, *args))[0][0]

        return await eventually(check, seconds, what=sql)

    async def dead_letter_records(self, count: int) -> list[Any]:
        """The first `count` records of the step's dead-letter topic."""
        consumer = AIOKafkaConsumer(
            self.step.dead_letter_topic(self.topic.name), bootstrap_servers=self.bootstrap, auto_offset_reset="earliest"
        )
        await consumer.start()
        found: list[Any] = []
        try:
            async with asyncio.timeout(20):
                while len(found) < count:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        found += records
        finally:
            await consumer.stop()
        return found


@asynccontextmanager
async def laboratory(postgres_server: Any, bootstrap: str, partitions: int = 3) -> AsyncIterator[Lab]:
    """A laboratory with a topic, a dead-letter topic, an event type and a database that nobody else has."""
    name = f"lab{uuid4().hex[:8]}"
    topic = Topic(f"{name}.events.v1", name, partitions)
    step = Step(f"{name}.effects", (topic.name,))
    letters = Topic(step.dead_letter_topic(topic.name), name, partitions)
    happened = event_type(topic)
    REGISTRY[happened.type] = happened
    topics._PARTITIONS.update({topic.name: partitions, letters.name: partitions})
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    limit = {"max.message.bytes": "1200000"}
    await admin.create_topics([NewTopic(t.name, partitions, 1, topic_configs=limit) for t in (topic, letters)])
    await admin.close()
    async with fresh_database(postgres_server, MIGRATIONS) as database:
        lab = Lab(database, bootstrap, topic, happened, step)
        try:
            yield lab
        finally:
            await lab.stop()
            REGISTRY.pop(happened.type, None)


__all__ = ["Lab", "laboratory"]
