"""The relay: one leader per service carries outbox rows to Kafka in id order, then marks them; it owes every row."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from aiokafka.errors import MessageSizeTooLargeError

from chassis import faults, telemetry
from chassis.ids import uuid7
from chassis.outcomes import failure_of
from chassis.producing import Outbound, Producer, Publication
from chassis.work import Database
from contracts.event import REGISTRY

log = logging.getLogger(__name__)
LEASE_SECONDS = 3.0
_IDLE_POLL_SECONDS = 0.1
_BUSY_POLL_SECONDS = 0.02
_FOREIGN_SECONDS = 10.0

_LEAD = """
INSERT INTO leases AS l (name, owner, until) VALUES ($1, $2, now() + make_interval(secs => $3))
ON CONFLICT (name) DO UPDATE SET owner = $2, until = now() + make_interval(secs => $3),
    epoch = l.epoch + CASE WHEN l.owner = $2 THEN 0 ELSE 1 END
WHERE l.owner = $2 OR l.until < now()
RETURNING epoch
"""
_READ = """
SELECT id, event_id, topic, key, type, body, headers, causation_id, traceparent, created_at
FROM events WHERE id = ANY(ARRAY(SELECT id FROM outbox ORDER BY id LIMIT $1)) ORDER BY id
"""
_MARK = """
WITH sent AS (DELETE FROM outbox WHERE id = ANY($1::bigint[]))
INSERT INTO publications (id, partition, "offset")
SELECT * FROM unnest($1::bigint[], $2::int[], $3::bigint[]) ON CONFLICT DO NOTHING RETURNING id
"""


async def lead(database: Database, name: str, owner: UUID, seconds: float) -> int | None:
    """Take or keep the lease `name`; its epoch, or None while another owner holds it."""
    rows = await database.alone(_LEAD, name, owner, seconds)
    return int(rows[0].epoch) if rows else None


@lru_cache(maxsize=1024)
def _fixed_headers(event_type: str, source: str) -> tuple[tuple[str, bytes], ...]:
    """The headers that are the same for all events of a type."""
    return (
        ("ce_specversion", b"1.0"),
        ("ce_type", event_type.encode()),
        ("ce_source", source.encode()),
        ("ce_dataschema", f"{event_type}.v{REGISTRY[event_type].version}".encode()),
        ("content-type", b"application/json"),
    )


def outbound(row: Any, source: str) -> Outbound:
    """The Kafka record of an outbox row: CloudEvents 1.0 binary mode, or a dead letter's own headers."""
    _, event_id, topic, text_key, event_type, body, raw_headers, causation_id, traceparent, created_at = row
    key = text_key.encode()
    if raw_headers is not None:
        headers = [(name, value.encode()) for name, value in orjson.loads(raw_headers).items()]
        return Outbound(topic, key, body, headers)
    headers = [
        *_fixed_headers(event_type, source),
        ("ce_id", str(event_id).encode()),
        ("ce_time", created_at.isoformat().encode()),
        ("ce_subject", key),
        ("ce_correlationid", key),
    ]
    if causation_id is not None:
        headers.append(("ce_causationid", str(causation_id).encode()))
    if traceparent is not None:
        headers.append(("traceparent", traceparent.encode()))
    return Outbound(topic, key, body, headers)


class Relay:
    """Carries a service's outbox. `run()` never ends by itself; errors of broker or database are waited out."""

    def __init__(self, database: Database, service: str, producer: Producer, batch_rows: int = 1000) -> None:
        self.database, self.service, self.producer, self.batch_rows = database, service, producer, batch_rows
        self.owner = uuid7()
        self._wake = asyncio.Event()
        self._lead_until = 0.0
        self._woken, self._foreign_at = False, 0.0
        self._unmarked: set[int] = set()
        self._marking: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """An event was committed in this process: look at once."""
        self._wake.set()

    async def run(self) -> None:
        """Lead when nobody else does, and publish until cancelled."""
        pause = 0.1
        while True:
            try:
                if not await self._leading():
                    await asyncio.sleep(0.5)
                    continue
                published = await self.pass_once()
                pause = 0.1
                if published < self.batch_rows:
                    await self._idle(published)
            except Exception as error:
                telemetry.RELAY_ERRORS.labels(self.service).inc()
                log.warning("the relay will send the same rows again: %r", failure_of(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1.0)

    async def _leading(self) -> bool:
        now = time.monotonic()
        if now < self._lead_until - LEASE_SECONDS / 2:
            return True
        epoch = await lead(self.database, f"relay.{self.service}", self.owner, LEASE_SECONDS)
        telemetry.RELAY_LEADER.labels(self.service).set(0 if epoch is None else 1)
        self._lead_until = 0.0 if epoch is None else now + LEASE_SECONDS
        return epoch is not None

    async def _idle(self, published: int) -> None:
        """Wait to be woken. Rows that came without a wake are another process's: only then is it worth asking often."""
        now = time.monotonic()
        if published and not self._woken:
            self._foreign_at = now
        poll = _BUSY_POLL_SECONDS if now - self._foreign_at < _FOREIGN_SECONDS else _IDLE_POLL_SECONDS
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), poll)
        self._woken = self._wake.is_set()
        self._wake.clear()

    async def pass_once(self) -> int:
        """Publish the oldest visible rows that are not on their way to be marked; returns how many."""
        if len(self._unmarked) > self.batch_rows // 4:  # else a backlog's pass would read mostly what was sent
            await self._marked()
        rows = [row for row in await self.database.alone(_READ, self.batch_rows) if row.id not in self._unmarked]
        if not rows:
            await self._marked()
            return 0
        faults.point("relay.read")
        places = await self._publish(rows)
        faults.point("relay.published")
        await self._marked()
        self._unmarked = {row.id for row, _ in places}
        self._marking = asyncio.create_task(self._mark(places))
        telemetry.RELAY_PUBLISHED.labels(self.service).inc(len(places))
        return len(places)

    async def _mark(self, places: list[tuple[Any, Publication]]) -> None:
        """Marks go beside the next pass; if they fail, their rows are published once more and the inbox drops them."""
        await self.database.alone(
            _MARK, [row.id for row, _ in places], [p.partition for _, p in places], [p.offset for _, p in places]
        )
        faults.point("relay.marked")

    async def _marked(self) -> None:
        marking, self._marking = self._marking, None
        try:
            if marking is not None:
                await marking
        finally:
            self._unmarked = set()

    async def _publish(self, rows: list[Any]) -> list[tuple[Any, Publication]]:
        source = f"/payfirst/{self.service}"
        try:
            places = await self.producer.publish([outbound(row, source) for row in rows])
            return list(zip(rows, places, strict=True))
        except MessageSizeTooLargeError:
            return await self._one_by_one(rows, source)

    async def _one_by_one(self, rows: list[Any], source: str) -> list[tuple[Any, Publication]]:
        """A row that the broker refuses holds its own key only; it is reported at every pass."""
        done: list[tuple[Any, Publication]] = []
        refused: set[str] = set()
        for row in rows:
            if row.key in refused:
                continue
            try:
                done += [(row, place) for place in await self.producer.publish([outbound(row, source)])]
            except MessageSizeTooLargeError:
                refused.add(row.key)
                telemetry.RELAY_ERRORS.labels(self.service).inc()
                log.error("the broker refuses event %s of %s: too large", row.event_id, row.key)
        return done

    async def close(self) -> None:
        """Give up the lease, so that another process leads at once, and close the producer."""
        await self.producer.close()
        try:
            await self._marked()
            async with self.database.transaction() as work:
                await work.execute(
                    "UPDATE leases SET until = now() WHERE name = $1 AND owner = $2",
                    f"relay.{self.service}",
                    self.owner,
                )
        except Exception as error:
            log.info("the relay's lease was not given up: %r", failure_of(error))
