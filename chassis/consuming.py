"""The door to Kafka: FastStream batch subscribers that never lose a record (reference: ADR 0002)."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Union

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy, BaseMiddleware
from faststream.kafka import KafkaBroker
from faststream.kafka.subscriber.usecase import BatchSubscriber
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from chassis import faults, telemetry
from chassis.steps import AnyStep, event_models

log = logging.getLogger(__name__)
SESSION_TIMEOUT_MS = 6000
COMMIT_EVERY_SECONDS = 0.5
PARTITION_FETCH_BYTES = 524_288
"""What is read ahead of each partition: a batch of the relay's size. A larger one comes alone, as Kafka has it (KIP-74)."""


async def parse(records: Sequence[Any], original: Callable[[Any], Awaitable[Any]]) -> Any:
    """Wrap a batch without looking at its content: the stock parser sees one bare record, so it cannot raise."""
    message = await original((dataclasses.replace(records[0], key=None, value=b"", headers=()),))
    message.raw_message = records
    message.body = [record.value or b"" for record in records]
    message.batch_headers = []
    return message


async def decode(message: Any) -> Any:
    """The handler gets the records themselves."""
    return message.raw_message


class Guard(BaseMiddleware):
    """Outermost: whatever escapes the handler, the batch is read again after a pause, and the loop lives on."""

    failures: Counter[Any] = Counter()

    async def __aexit__(self, kind: Any = None, error: Any = None, trace: Any = None) -> bool | None:
        """Seek back to the batch's first offsets when anything but a real stop raised."""
        subscriber: Any = self.context.get("handler_")
        if kind is None:
            self.failures.pop(subscriber, 0)
            return await super().__aexit__(kind, error, trace)
        task = asyncio.current_task()
        if issubclass(kind, asyncio.CancelledError) and (not subscriber.running or (task and task.cancelling())):
            return False
        records: Any = self.msg
        await self._seek_back(subscriber, records)
        self.failures[subscriber] += 1
        telemetry.GUARD_FAILURES.labels(subscriber.group_id).inc()
        log.warning("%s: a batch of %d will be read again: %r", subscriber.group_id, len(records), error)
        end = time.monotonic() + min(2 ** self.failures[subscriber] / 8, 2)
        while subscriber.running and time.monotonic() < end:
            await asyncio.sleep(0.1)
        return True

    async def _seek_back(self, subscriber: Any, records: Sequence[Any]) -> None:
        first: dict[TopicPartition, int] = {}
        for record in records:
            first.setdefault(TopicPartition(record.topic, record.partition), record.offset)
        for partition, offset in first.items():
            try:
                if await asyncio.wait_for(subscriber.consumer.position(partition), 2) > offset:
                    subscriber.consumer.seek(partition, offset)
            except (KafkaError, TimeoutError, AssertionError, ValueError) as gone:
                log.info("%s is not ours any more: %r", partition, gone)  # its new owner starts at the committed offset


class PromptBatch(BatchSubscriber):
    """A batch subscriber without the second nap after an empty poll (FastStream 0.7.8 sleeps `batch_timeout_ms`)."""

    __slots__ = ()

    async def get_msg(self, consumer: Any) -> Any:
        """The next records, over all partitions; empty after `batch_timeout_ms`."""
        got = await consumer.getmany(timeout_ms=self.batch_timeout_ms, max_records=self.max_records)
        return tuple(record for records in got.values() for record in records)


class Offsets(ConsumerRebalanceListener):  # type: ignore[misc]
    """Commits what the database has, by a timer, and notices records that never came (retention was faster)."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.subscriber: Any = None
        self.epoch = 0
        self._done: dict[TopicPartition, int] = {}
        self._expected: dict[TopicPartition, int] = {}

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Forget everything: the next owner decides from the committed offsets and the inbox."""
        self.epoch += 1
        self._done.clear()
        self._expected.clear()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Nothing to do; expectations are read with the first batch."""

    async def check(self, records: Sequence[Any]) -> None:
        """Raise the alarm for a gap between what was expected and what came."""
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            want = self._expected.get(partition)
            if want is None:
                want = await asyncio.wait_for(self.subscriber.consumer.committed(partition), 5) or 0
            if record.offset > want:
                telemetry.OFFSET_GAPS.labels(self.group).inc(record.offset - want)
                log.error("gap in %s: offsets %d to %d never came", partition, want, record.offset - 1)
            self._expected[partition] = record.offset + 1

    def mark(self, records: Sequence[Any], epoch: int) -> None:
        """`records` are in the database; unless a rebalance came between, they may be committed."""
        if epoch == self.epoch:
            for record in records:
                self._done[TopicPartition(record.topic, record.partition)] = record.offset + 1

    async def flush(self) -> None:
        """Commit what is marked. A failure costs re-reads only: the offset is a hint."""
        batch, self._done = self._done, {}
        if not batch or not self.subscriber.consumer:
            return
        try:
            await asyncio.wait_for(self.subscriber.consumer.commit(batch), 5)
            faults.point("offsets.committed")
        except (KafkaError, TimeoutError) as error:
            telemetry.COMMIT_FAILURES.labels(self.group).inc()
            log.info("%s: offsets not committed: %r", self.group, error)

    async def run(self) -> None:
        """Flush for ever, every half second."""
        while True:
            await asyncio.sleep(COMMIT_EVERY_SECONDS)
            await self.flush()


def payload_of(step: AnyStep) -> Any:
    """An annotation that shows the step's events in AsyncAPI and validates nothing at run time."""
    union: Any = Union[tuple(event_models(step).values())]  # noqa: UP007 - built from a tuple at run time

    class Payload:
        """Any record of the step."""

        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
            return core_schema.any_schema()

        @classmethod
        def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
            return handler(TypeAdapter(union).core_schema)

    Payload.__name__ = Payload.__qualname__ = f"{step.name.title().replace('.', '')}Payload"
    return Payload


def subscribe(
    broker: KafkaBroker, step: AnyStep, apply: Callable[[Sequence[Any]], Awaitable[None]], max_records: int = 500
) -> Offsets:
    """Subscribe `step` to its topics: `apply(records)` is one transaction and returns after its commit."""
    offsets = Offsets(step.name)
    subscriber: Any = broker.subscriber(
        *step.step.topics,
        group_id=step.name,
        batch=True,
        max_records=max_records,
        batch_timeout_ms=500,
        ack_policy=AckPolicy.MANUAL,
        no_reply=True,
        auto_offset_reset="earliest",
        parser=parse,
        decoder=decode,
        listener=offsets,
        max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
        session_timeout_ms=SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=1000,
        rebalance_timeout_ms=30000,
        title=step.name,
    )
    subscriber.__class__ = PromptBatch
    offsets.subscriber = subscriber

    async def handler(records: Any) -> None:
        epoch = offsets.epoch
        await offsets.check(records)
        await apply(records)
        offsets.mark(records, epoch)
        if not subscriber.running:
            await offsets.flush()

    handler.__annotations__["records"] = payload_of(step)
    subscriber(handler)
    return offsets


def make_broker(servers: list[str]) -> KafkaBroker:
    """The broker of a service's subscribers: guard outermost, no automatic topics."""
    return KafkaBroker(
        servers,
        allow_auto_create_topics=False,
        apply_types=False,
        middlewares=[Guard],
        log_level=logging.DEBUG,
        graceful_timeout=15.0,
    )
