"""The relay's producer: idempotent, own partitioning, batches of our making, built anew after any error (ADR 0002)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from contracts.topics import partitions_of

log = logging.getLogger(__name__)
_BATCH_BYTES = 524_288
_REQUEST_BYTES = 1_400_000


@dataclass(slots=True)
class Publication:
    """Where a row now lies in Kafka."""

    partition: int
    offset: int


@dataclass(slots=True)
class Outbound:
    """A record ready for the producer."""

    topic: str
    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]


def partition_of(topic: str, key: bytes) -> int:
    """The partition of `key`, as Kafka's own default partitioner computes it (murmur2)."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions_of(topic))


class Producer:
    """Publishes rows in order. `publish` raises when the outcome is unknown: send the same rows again."""

    def __init__(self, servers: list[str], compression: str = "lz4") -> None:
        self._servers, self._compression = servers, None if compression == "none" else compression
        self._producer: Any = None

    async def _open(self) -> Any:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._servers,
                acks="all",
                enable_idempotence=True,
                linger_ms=0,
                max_batch_size=_BATCH_BYTES,
                max_request_size=_REQUEST_BYTES,
                request_timeout_ms=10_000,
                compression_type=self._compression,
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def drop(self) -> None:
        """Give the producer up: after an error the sequence of a partition may be broken for good."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        producer._message_accumulator.fail_all(KafkaError("given up"))  # else stop() waits for an absent broker
        try:
            await asyncio.wait_for(producer.stop(), 3)
        except Exception:
            log.warning("a producer did not close in time")

    async def close(self) -> None:
        """Close cleanly; nothing is pending between two calls of `publish`."""
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                await asyncio.wait_for(producer.stop(), 3)
            except Exception:
                log.warning("the producer did not close in time")

    async def publish(self, rows: list[Outbound], timeout_seconds: float = 30.0) -> list[Publication]:
        """Send `rows`, order kept for each key; returns where each lies. Any error means: unknown, send all again."""
        producer = await self._open()
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._send(producer, rows)
        except BaseException:
            await self.drop()
            raise

    async def _send(self, producer: Any, rows: list[Outbound]) -> list[Publication]:
        filling: dict[tuple[str, int], tuple[Any, list[int]]] = {}
        sent: list[tuple[int, list[int], Any]] = []

        async def ship(target: tuple[str, int]) -> None:
            batch, indexes = filling.pop(target)
            sent.append((target[1], indexes, await producer.send_batch(batch, target[0], partition=target[1])))

        for index, row in enumerate(rows):
            target = (row.topic, partition_of(row.topic, row.key))
            record = {"key": row.key, "value": row.value, "timestamp": None, "headers": row.headers}
            if target in filling:
                if filling[target][0].append(**record) is not None:
                    filling[target][1].append(index)
                    continue
                await ship(target)
            batch = producer.create_batch()
            batch.append(**record)
            filling[target] = (batch, [index])
        for target in list(filling):
            await ship(target)
        places: list[Publication | None] = [None] * len(rows)
        for partition, indexes, future in sent:
            metadata = await asyncio.shield(future)
            for step, index in enumerate(indexes):
                places[index] = Publication(partition, metadata.offset + step)
        return [place for place in places if place is not None]
