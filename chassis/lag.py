"""Lag: how far each step is behind, in messages and in seconds, also when its consumer is dead."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from chassis import telemetry
from chassis.steps import AnyStep
from chassis.work import Database
from contracts.topics import partitions_of


@dataclass(slots=True)
class StepLag:
    """One step's lag: `messages` behind, `oldest_seconds` of age, `rate` per second, `drain_seconds` or None."""

    step: str
    messages: int
    oldest_seconds: float
    rate_per_second: float
    drain_seconds: float | None


class LagProbe:
    """Asks the broker for committed and end offsets; keeps its connections and the last answer for the rate."""

    def __init__(self, servers: list[str]) -> None:
        self.servers = servers
        self._admin: Any = None
        self._consumer: Any = None
        self._last: dict[str, tuple[float, int]] = {}
        self._lock = asyncio.Lock()

    async def measure(self, steps: Sequence[AnyStep]) -> list[StepLag]:
        """The lag of every step that reads topics. Raises aiokafka's errors when the broker is away."""
        async with self._lock, asyncio.timeout(8):
            try:
                await self._open()
                return [await self._one(step) for step in steps if step.step.topics]
            except BaseException:
                await self._end()
                raise

    async def close(self) -> None:
        """Close the connections; the next measurement opens new ones."""
        async with self._lock:
            await self._end()

    async def _open(self) -> None:
        if self._admin is None:
            self._admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
            self._consumer = AIOKafkaConsumer(bootstrap_servers=self.servers, enable_auto_commit=False)
            await self._admin.start()
            await self._consumer.start()

    async def _end(self) -> None:
        admin, consumer, self._admin, self._consumer = self._admin, self._consumer, None, None
        for part, end in ((admin, "close"), (consumer, "stop")):
            if part is not None:
                try:
                    await asyncio.wait_for(getattr(part, end)(), 2)
                except Exception:
                    telemetry.COMMIT_FAILURES.labels("lag-probe").inc()

    async def _one(self, step: AnyStep) -> StepLag:
        partitions = [TopicPartition(t, p) for t in step.step.topics for p in range(partitions_of(t))]
        committed = await self._admin.list_consumer_group_offsets(step.name)
        ends = await self._consumer.end_offsets(partitions)
        starts = await self._consumer.beginning_offsets(partitions)
        positions = {
            tp: max(committed[tp].offset if tp in committed and committed[tp].offset >= 0 else 0, starts[tp])
            for tp in partitions
        }
        behind = {tp: ends[tp] - positions[tp] for tp in partitions if ends[tp] > positions[tp]}
        oldest = await self._oldest_seconds({tp: positions[tp] for tp in behind})
        now, done = time.monotonic(), sum(positions.values())
        before, self._last[step.name] = self._last.get(step.name), (now, done)
        rate = (done - before[1]) / (now - before[0]) if before and now > before[0] else 0.0
        messages = sum(behind.values())
        drain = 0.0 if not messages else (messages / rate if rate > 0 else None)
        return StepLag(step.name, messages, round(oldest, 3), round(max(rate, 0.0), 1), drain)

    async def _oldest_seconds(self, positions: dict[TopicPartition, int]) -> float:
        """Age of the oldest record not taken, by its own timestamp; reads one record of each partition behind."""
        if not positions:
            return 0.0
        self._consumer.assign(list(positions))
        for partition, offset in positions.items():
            self._consumer.seek(partition, offset)
        oldest = 0.0
        waiting = set(positions)
        end = time.monotonic() + 1.0
        while waiting and time.monotonic() < end:
            for partition, records in (await self._consumer.getmany(*waiting, timeout_ms=200, max_records=200)).items():
                if records:
                    waiting.discard(partition)
                    oldest = max(oldest, time.time() - records[0].timestamp / 1000)
        self._consumer.unsubscribe()  # else it reads on, and keeps what nobody asks for
        return oldest


_probes: dict[tuple[str, ...], LagProbe] = {}


def probe_for(servers: list[str]) -> LagProbe:
    """The process's probe for `servers`; one set of connections however many ask."""
    return _probes.setdefault(tuple(servers), LagProbe(servers))


async def observe(database: Database, service: str, steps: Sequence[AnyStep], servers: list[str]) -> int:
    """Refresh the gauges of outbox, tasks and lag; returns 0, so that it runs by the clock."""
    async with database.transaction() as work:
        unpublished = await work.fetch_one(
            """SELECT count(*) AS n, coalesce(extract(epoch FROM clock_timestamp() - min(e.created_at)), 0)::float8 AS age
               FROM (SELECT id FROM outbox ORDER BY id LIMIT 10000) o JOIN events e ON e.id = o.id"""
        )
        tasks = await work.fetch("SELECT step, state, count(*) AS n FROM tasks GROUP BY step, state")
    if unpublished is not None:
        telemetry.OUTBOX_UNPUBLISHED.labels(service).set(unpublished.n)
        telemetry.OUTBOX_OLDEST_SECONDS.labels(service).set(unpublished.age)
    counts = {(row.step, row.state): row.n for row in tasks}
    for step in steps:
        for state in ("ready", "blocked", "held", "running", "dead"):
            telemetry.TASKS.labels(step.name, state).set(counts.get((step.name, state), 0))
    for lag in await probe_for(servers).measure(steps):
        telemetry.CONSUMER_LAG.labels(lag.step).set(lag.messages)
        telemetry.CONSUMER_LAG_SECONDS.labels(lag.step).set(lag.oldest_seconds)
    return 0
