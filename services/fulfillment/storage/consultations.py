"""Consultations: recorded, moved on and read for a whole batch in one statement each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from chassis.work import Row, Work

_RECORD = """
WITH recorded AS (
    INSERT INTO consultations
        (purchase_id, booking_id, line_id, student_id, title, expert_id, expert_name, expert_email, expert_time_zone,
         starts_at, ends_at, time_zone, amount_minor, currency, meeting_id, provider, join_url)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                         $9::text[], $10::timestamptz[], $11::timestamptz[], $12::text[], $13::bigint[], $14::text[],
                         $15::uuid[], $16::text[], $17::text[])
    ON CONFLICT (booking_id, line_id) DO NOTHING
    RETURNING purchase_id, booking_id, meeting_id, state
), begun AS (
    INSERT INTO fulfillment_transitions (booking_id, noun, noun_id, moved_to, trigger)
    SELECT booking_id, 'meeting', meeting_id, state, 'confirmed' FROM recorded
)
SELECT purchase_id FROM recorded
"""


async def record_many(work: Work, consultations: Sequence[tuple[Any, ...]]) -> set[UUID]:
    """Write them, column-wise, their meetings live; returns the purchase ids that are new (a line bought twice is one)."""
    if not consultations:
        return set()
    columns = [list(column) for column in zip(*consultations, strict=True)]
    return {row.purchase_id for row in await work.fetch(_RECORD, *columns)}


_LOCK = """
SELECT purchase_id, booking_id, line_id, meeting_id, state, starts_at, ends_at, rescheduled_at FROM consultations
WHERE booking_id = ANY($1::text[]) ORDER BY purchase_id FOR UPDATE
"""


async def lock(work: Work, booking_ids: list[str]) -> Sequence[Row]:
    """The consultations of `booking_ids`, locked in order of id."""
    return await work.fetch(_LOCK, booking_ids)


class Changed(NamedTuple):
    """What a batch leaves of one consultation's meeting."""

    purchase_id: UUID
    state: str
    starts_at: datetime
    ends_at: datetime
    rescheduled_at: datetime | None


class Transition(NamedTuple):
    """One move of a meeting."""

    booking_id: str
    meeting_id: UUID
    moved_from: str
    moved_to: str
    trigger: str


_SAVE = """
WITH saved AS (
    UPDATE consultations c
    SET state = n.state, starts_at = n.starts_at, ends_at = n.ends_at, rescheduled_at = n.rescheduled_at
    FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[])
         AS n (purchase_id, state, starts_at, ends_at, rescheduled_at)
    WHERE c.purchase_id = n.purchase_id
)
INSERT INTO fulfillment_transitions (booking_id, noun, noun_id, moved_from, moved_to, trigger)
SELECT m.booking_id, 'meeting', m.meeting_id, m.moved_from, m.moved_to, m.trigger
FROM unnest($6::text[], $7::uuid[], $8::text[], $9::text[], $10::text[])
     WITH ORDINALITY AS m (booking_id, meeting_id, moved_from, moved_to, trigger, position) ORDER BY m.position
"""


async def save_many(work: Work, changed: Sequence[Changed], transitions: Sequence[Transition]) -> None:
    """Write meetings as they stand now and every move that led there, in order. The rows are locked (`lock`)."""
    if transitions:
        columns = [*zip(*changed, strict=True), *zip(*transitions, strict=True)]
        await work.execute(_SAVE, *(list(column) for column in columns))


_SHOWN = """
SELECT c.*, f.reference, i.invoice_id, i.issuer, i.year, i.number
FROM consultations c JOIN fulfillments f ON f.booking_id = c.booking_id
LEFT JOIN invoices i ON i.purchase_id = c.purchase_id
"""


async def bought(work: Work, student_id: str | None, booking_id: str | None) -> Sequence[Row]:
    """Consultations of a student or of a booking, the latest bought first, at most 200."""
    where = """WHERE ($1::text IS NULL OR c.student_id = $1) AND ($2::text IS NULL OR c.booking_id = $2)
               ORDER BY c.purchase_id DESC LIMIT 200"""
    return await work.fetch(_SHOWN + where, student_id, booking_id)


async def given(work: Work, expert_id: str, after: UUID | None, limit: int) -> Sequence[Row]:
    """Up to `limit` consultations of an expert, the latest beginning first, those that come after `after`."""
    where = """WHERE c.expert_id = $1 AND ($2::uuid IS NULL OR (c.starts_at, c.purchase_id) <
                   (SELECT a.starts_at, a.purchase_id FROM consultations a WHERE a.purchase_id = $2 AND a.expert_id = $1))
               ORDER BY c.starts_at DESC, c.purchase_id DESC LIMIT $3"""
    return await work.fetch(_SHOWN + where, expert_id, after, limit)
