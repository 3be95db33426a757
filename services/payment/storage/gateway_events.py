"""Raw webhooks, stored once for each event of a gateway: the intake queue (models-to-follow 3.4)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.work import Work


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An authentic webhook: our id for it, the gateway's, the bytes as they came, and what it is about."""

    id: UUID
    gateway: str
    event_id: str
    body: bytes
    key: str

    @property
    def digest(self) -> bytes:
        """Tells one body from another under the same event id."""
        return hashlib.sha256(self.body).digest()


_STORE = """
INSERT INTO gateway_events (id, gateway, event_id, body, digest)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::bytea[])
ON CONFLICT (gateway, event_id) DO NOTHING RETURNING id
"""
_DIGESTS = """
SELECT e.gateway, e.event_id, e.digest FROM gateway_events e
JOIN unnest($1::text[], $2::text[]) AS k (gateway, event_id) ON e.gateway = k.gateway AND e.event_id = k.event_id
"""
_BODIES = "SELECT id, gateway, body FROM gateway_events WHERE id = ANY($1::uuid[])"
_OUTCOMES = """
UPDATE gateway_events e SET outcome = u.outcome, handled_at = now()
FROM unnest($1::uuid[], $2::text[]) AS u (id, outcome) WHERE e.id = u.id
"""


async def store(work: Work, events: Sequence[RawEvent]) -> set[UUID]:
    """Insert `events`, in the order of their event ids so that two batches never wait crosswise; the new ones' ids."""
    ordered = sorted({(e.gateway, e.event_id): e for e in reversed(events)}.values(), key=lambda e: e.event_id)
    rows = await work.fetch(
        _STORE,
        [e.id for e in ordered],
        [e.gateway for e in ordered],
        [e.event_id for e in ordered],
        [e.body for e in ordered],
        [e.digest for e in ordered],
    )
    return {row.id for row in rows}


async def digests(work: Work, events: Sequence[RawEvent]) -> dict[tuple[str, str], bytes]:
    """The digests of the bodies that are stored under the ids of `events`."""
    rows = await work.fetch(_DIGESTS, [e.gateway for e in events], [e.event_id for e in events])
    return {(row.gateway, row.event_id): bytes(row.digest) for row in rows}


async def bodies(work: Work, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """The stored rows by id: `gateway` and `body`."""
    return {row.id: row for row in await work.fetch(_BODIES, list(ids))}


async def mark(work: Work, outcomes: dict[UUID, str]) -> None:
    """Say what became of the events."""
    await work.execute(_OUTCOMES, list(outcomes), [outcome[:300] for outcome in outcomes.values()])
