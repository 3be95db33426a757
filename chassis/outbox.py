"""The outbox: events written with the state change that they tell of, in the order that readers will see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import orjson

from chassis.ids import uuid7
from contracts.event import Event

if TYPE_CHECKING:
    from chassis.work import Work

MAX_BODY_BYTES = 900_000
_HEX = re.compile("[0-9a-f]{32}")


@dataclass(slots=True)
class Outgoing:
    """A record to be: `headers` is set for dead letters, whose headers are not ours to make and who have no `event`."""

    event_id: UUID
    topic: str
    key: str
    type: str
    body: bytes | None
    headers: dict[str, str] | None = None
    causation_id: UUID | None = None
    traceparent: str | None = None
    event: Event | None = None


def trace_id_of(booking_id: str) -> str | None:
    """The 32 hexadecimal digits of a booking id, which are the purchase's trace id (ADR 0005); None if it is no UUID."""
    digits = booking_id.replace("-", "")
    return digits if _HEX.fullmatch(digits) else None


def outgoing(event: Event, causation: UUID | None, traceparent: str | None) -> Outgoing:
    """The row for `event`. Raises `ValueError` when the body is too large ever to be sent (K-9)."""
    body = event.encode()
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"{event.type} has {len(body)} bytes, more than {MAX_BODY_BYTES}")
    if traceparent is None and (trace_id := trace_id_of(event.booking_id)):
        traceparent = f"00-{trace_id}-{trace_id[16:]}-01"
    return Outgoing(uuid7(), event.topic.name, event.booking_id, event.type, body, None, causation, traceparent, event)


_APPEND = """
WITH told AS (
    INSERT INTO events (event_id, topic, key, type, body, headers, causation_id, traceparent)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::jsonb[], $7::uuid[], $8::text[])
    RETURNING id
)
INSERT INTO outbox (id) SELECT id FROM told
"""


async def append(work: Work, records: list[Outgoing]) -> None:
    """Write `records` in order, in the transaction of `work`."""
    await work.execute(
        _APPEND,
        [r.event_id for r in records],
        [r.topic for r in records],
        [r.key for r in records],
        [r.type for r in records],
        [r.body for r in records],
        [None if r.headers is None else orjson.dumps(r.headers).decode() for r in records],
        [r.causation_id for r in records],
        [r.traceparent for r in records],
    )
