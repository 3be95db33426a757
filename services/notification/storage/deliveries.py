"""Deliveries: what is owed to whom, how often it was tried, and what became of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from chassis.ids import uuid7
from chassis.work import Row, Work
from services.notification.domain.delivery import State, Trigger
from services.notification.domain.notices import Notice

_QUEUE = """
INSERT INTO deliveries (delivery_id, booking_id, kind, recipient, about, facts)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[])
ON CONFLICT (booking_id, kind, recipient, about) DO NOTHING
RETURNING delivery_id, booking_id
"""


async def queue(work: Work, notices: Sequence[Notice]) -> Sequence[Row]:
    """Write `notices` as queued deliveries; returns (delivery_id, booking_id) of those that were not owed before."""
    return await work.fetch(
        _QUEUE,
        [uuid7() for _ in notices],
        [notice.booking_id for notice in notices],
        [notice.kind for notice in notices],
        [notice.recipient for notice in notices],
        [notice.about for notice in notices],
        [notice.facts for notice in notices],
    )


_TO_SEND = """
SELECT d.delivery_id, d.booking_id, d.kind, d.recipient, d.about, d.state, d.facts, d.tries_unsettled,
       c.name, c.email, c.reference, c.time_zone, c.titles, c.student_id,
       t.name AS trainer_name, t.email AS trainer_email, e.name AS expert_name, e.email AS expert_email,
       e.time_zone AS expert_time_zone, k.starts_at AS stands_at, k.ended_at, v.target, v.registration, p.push, p.optional_mail
FROM deliveries d
LEFT JOIN contacts c ON c.booking_id = d.booking_id
LEFT JOIN trainers t ON t.trainer_id = substring(d.recipient FROM '^trainer:(.*)$')
LEFT JOIN experts e ON e.expert_id = substring(d.recipient FROM '^expert:(.*)$')
LEFT JOIN consultations k ON d.kind = 'expert-booking' AND k.booking_id = d.booking_id AND k.expert_id = e.expert_id
                         AND k.bought_for = (d.facts ->> 'starts_at')::timestamptz
LEFT JOIN devices v ON v.device_id = substring(d.recipient FROM '^device:(.*)$')::uuid
LEFT JOIN LATERAL (
    SELECT bool_and(push) AS push, bool_and(optional_mail) AS optional_mail
    FROM preferences WHERE owner IN (c.student_id, 'booking:' || d.booking_id)
) p ON true
WHERE d.delivery_id = ANY($1::uuid[])
ORDER BY d.delivery_id FOR UPDATE OF d
"""


async def to_send(work: Work, delivery_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """The deliveries with everything that sending them needs, locked; what is not known is null."""
    return {row.delivery_id: row for row in await work.fetch(_TO_SEND, list(delivery_ids))}


async def begin_tries(work: Work, masked: Mapping[UUID, str]) -> None:
    """Record the intents, to masked addresses: from now on they may have been sent."""
    await work.execute(
        """UPDATE deliveries d SET tries_unsettled = tries_unsettled + 1, address_masked = m.address_masked
           FROM unnest($1::uuid[], $2::text[]) AS m (delivery_id, address_masked) WHERE d.delivery_id = m.delivery_id""",
        list(masked),
        list(masked.values()),
    )


async def take_back_try(work: Work, delivery_id: UUID) -> None:
    """The try is proven not to have been sent: it does not count towards the copies that N-1 allows."""
    await work.execute(
        "UPDATE deliveries SET tries_unsettled = tries_unsettled - 1 WHERE delivery_id = $1 AND tries_unsettled > 0",
        delivery_id,
    )


async def locked_states(work: Work, delivery_ids: Collection[UUID]) -> dict[UUID, State]:
    """The states of deliveries, their rows locked. Raises `LookupError` when one does not exist."""
    rows = await work.fetch(
        "SELECT delivery_id, state FROM deliveries WHERE delivery_id = ANY($1::uuid[]) ORDER BY delivery_id FOR UPDATE",
        list(delivery_ids),
    )
    if len(rows) < len(delivery_ids):
        raise LookupError(f"a delivery of {sorted(delivery_ids)} does not exist")
    return {row.delivery_id: State(row.state) for row in rows}


_MOVE = """
WITH wanted AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
        AS w (delivery_id, from_state, trigger, to_state, reason)
), moved AS (
    UPDATE deliveries d SET state = w.to_state, reason = w.reason, settled_at = now(), tries_unsettled = 0
    FROM wanted w WHERE d.delivery_id = w.delivery_id AND d.state = w.from_state
    RETURNING d.delivery_id
)
INSERT INTO delivery_transitions (delivery_id, from_state, trigger, to_state, reason)
SELECT w.* FROM wanted w JOIN moved USING (delivery_id) RETURNING delivery_id
"""


class Transition(NamedTuple):
    """One delivery's way from a state to another."""

    delivery_id: UUID
    state: State
    trigger: Trigger
    to: State
    reason: str


async def move(work: Work, transitions: Sequence[Transition]) -> set[UUID]:
    """Take the deliveries their ways and keep the transitions; returns those that were where theirs begins."""
    ordered = sorted(transitions)
    rows = await work.fetch(_MOVE, *(list(column) for column in zip(*ordered, strict=True)))
    return {row.delivery_id for row in rows}


_LIST = """
SELECT delivery_id, booking_id, kind, recipient, about, state, address_masked, reason, queued_at, settled_at
FROM deliveries
WHERE ($1::text IS NULL OR booking_id = $1) AND ($2::text IS NULL OR state = $2)
  AND ($3::uuid IS NULL OR delivery_id < $3) AND ($4 OR recipient !~ '^(trainer|expert):')
ORDER BY delivery_id DESC LIMIT $5
"""


async def page(
    work: Work, booking_id: str | None, state: str | None, before: UUID | None, *, givers: bool, limit: int
) -> Sequence[Row]:
    """Up to `limit` deliveries, newest first, older than `before`; those to trainers and experts only when asked."""
    return await work.fetch(_LIST, booking_id, state, before, givers, limit)
