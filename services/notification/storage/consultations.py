"""Experts, and whose session each line is. Their addresses live here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from chassis.work import Row, Work
from contracts.booking_events import BookingConfirmed

# As with trainers: an expert who is known as told is not written or locked again.
_RECORD_EXPERTS = """
INSERT INTO experts AS known (expert_id, name, email, time_zone)
SELECT told.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS told (expert_id, name, email, time_zone)
WHERE NOT EXISTS (SELECT 1 FROM experts e WHERE (e.expert_id, e.name, e.email, e.time_zone)
                                              = (told.expert_id, told.name, told.email, told.time_zone))
ORDER BY told.expert_id
ON CONFLICT (expert_id) DO UPDATE
SET name = excluded.name, email = excluded.email, time_zone = excluded.time_zone
"""
_RECORD = """
INSERT INTO consultations (booking_id, line_id, expert_id, title, bought_for, starts_at)
SELECT booking_id, line_id, expert_id, title, at, at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) AS c (booking_id, line_id, expert_id, title, at)
ON CONFLICT (booking_id, line_id) DO NOTHING
"""


async def record(work: Work, events: Sequence[BookingConfirmed]) -> None:
    """Keep the experts of `events`, the latest word of the batch counts, and whose session each of their lines is."""
    lines = [(event.booking_id, line, line.session) for event in events for line in event.lines if line.session]
    if not lines:
        return
    latest = {wish.expert_id: wish for _, _, wish in lines}
    people = [(w.expert_id, w.expert_name, w.expert_email, w.expert_time_zone) for w in latest.values()]
    await work.execute(_RECORD_EXPERTS, *(list(column) for column in zip(*people, strict=True)))
    bought = [(booking_id, line.line_id, w.expert_id, line.title, w.starts_at) for booking_id, line, w in lines]
    await work.execute(_RECORD, *(list(column) for column in zip(*bought, strict=True)))


_LOCK = """
SELECT booking_id, line_id, expert_id, title, starts_at, rescheduled_at, ended_at FROM consultations
WHERE booking_id = ANY($1::text[]) ORDER BY booking_id, line_id FOR UPDATE
"""


async def lock(work: Work, booking_ids: list[str]) -> Sequence[Row]:
    """The consultations of `booking_ids` that are known, locked in order."""
    return await work.fetch(_LOCK, booking_ids)


class Standing(NamedTuple):
    """One consultation as it stands now."""

    booking_id: str
    line_id: str
    starts_at: datetime
    rescheduled_at: datetime | None
    ended_at: datetime | None


async def save(work: Work, standing: Sequence[Standing]) -> None:
    """Write consultations as they stand; their rows are locked."""
    if standing:
        await work.execute(
            """UPDATE consultations c
               SET starts_at = n.starts_at, rescheduled_at = n.rescheduled_at, ended_at = n.ended_at
               FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[])
                    AS n (booking_id, line_id, starts_at, rescheduled_at, ended_at)
               WHERE c.booking_id = n.booking_id AND c.line_id = n.line_id""",
            *(list(column) for column in zip(*standing, strict=True)),
        )
