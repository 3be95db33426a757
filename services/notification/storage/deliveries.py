"""Deliveries: what is owed to whom, how often it was tried, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
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
       t.name AS trainer_name, t.email AS trainer_email, v.target, v.registration, p.push, p.optional_mail
FROM deliveries d
LEFT JOIN contacts c ON c.booking_id = d.booking_id
LEFT JOIN trainers t ON t.trainer_id = substring(d.recipient FROM '^trainer:(.*)$')
LEFT JOIN devices v ON v.device_id = substring(d.recipient FROM '^device:(.*)$')::uuid
LEFT JOIN LATERAL (
    SELECT bool_and(push) AS push, bool_and(optional_mail) AS optional_mail
    FROM preferences WHERE owner IN (c.student_id, 'booking:' || d.booking_id)
) p ON true
WHERE d.delivery_id = $1
FOR UPDATE OF d
"""


async def to_send(work: Work, delivery_id: UUID) -> Row | None:
    """The delivery with everything that sending it needs, locked; what is not known is null."""
    return await work.fetch_one(_TO_SEND, delivery_id)


async def begin_try(work: Work, delivery_id: UUID, address_masked: str) -> None:
    """Record the intent: from now on it may have been sent."""
    await work.execute(
        "UPDATE deliveries SET tries_unsettled = tries_unsettled + 1, address_masked = $2 WHERE delivery_id = $1",
        delivery_id,
        address_masked,
    )


async def take_back_try(work: Work, delivery_id: UUID) -> None:
    """The try is proven not to have been sent: it does not count towards the copies that N-1 allows."""
    await work.execute(
        "UPDATE deliveries SET tries_unsettled = tries_unsettled - 1 WHERE delivery_id = $1 AND tries_unsettled > 0",
        delivery_id,
    )


async def locked_state(work: Work, delivery_id: UUID) -> State:
    """The delivery's state, its row locked."""
    row = await work.fetch_one("SELECT state FROM deliveries WHERE delivery_id = $1 FOR UPDATE", delivery_id)
    if row is None:
        raise LookupError(f"delivery {delivery_id} does not exist")
    return State(row.state)


_MOVE = """
WITH moved AS (
    UPDATE deliveries SET state = $4, reason = $5, settled_at = now(), tries_unsettled = 0
    WHERE delivery_id = $1 AND state = $2
    RETURNING delivery_id
)
INSERT INTO delivery_transitions (delivery_id, from_state, trigger, to_state, reason)
SELECT delivery_id, $2, $3, $4, $5 FROM moved
"""


async def move(work: Work, delivery_id: UUID, state: State, trigger: Trigger, to: State, reason: str) -> bool:
    """Take the delivery from `state` to `to` and keep the transition. False when it is in another state."""
    return await work.execute(_MOVE, delivery_id, state, trigger, to, reason) == 1


_LIST = """
SELECT delivery_id, booking_id, kind, recipient, about, state, address_masked, reason, queued_at, settled_at
FROM deliveries
WHERE ($1::text IS NULL OR booking_id = $1) AND ($2::text IS NULL OR state = $2)
  AND ($3::uuid IS NULL OR delivery_id < $3) AND ($4 OR recipient !~ '^trainer:')
ORDER BY delivery_id DESC LIMIT $5
"""


async def page(
    work: Work, booking_id: str | None, state: str | None, before: UUID | None, *, trainers: bool, limit: int
) -> Sequence[Row]:
    """Up to `limit` deliveries, newest first, older than `before`; with those to trainers only when asked."""
    return await work.fetch(_LIST, booking_id, state, before, trainers, limit)
