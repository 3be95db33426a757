"""Experts, their weekly hours, and the times that are claimed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any

import orjson

from chassis.work import Row, Work
from services.booking.domain.offers import Expert, OpenHours

HOURS = """(SELECT coalesce(jsonb_agg(jsonb_build_array(h.weekday, h.opens, h.closes) ORDER BY h.weekday, h.opens), '[]')
            FROM expert_hours h WHERE h.expert_id = e.expert_id) AS expert_hours"""
_FIND = f"""
SELECT e.expert_id, e.name AS expert_name, e.email AS expert_email, e.time_zone AS expert_time_zone, e.room_url,
       e.active AS expert_active, e.bio, e.skills, {HOURS}
FROM experts e WHERE e.expert_id = $1
"""  # noqa: S608 - a constant text
_SAVE = """
INSERT INTO experts (expert_id, name, email, bio, skills, time_zone, room_url) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (expert_id) DO UPDATE
SET name = excluded.name, email = excluded.email, bio = excluded.bio, skills = excluded.skills,
    time_zone = excluded.time_zone, room_url = excluded.room_url
"""
_SAVE_HOURS = """
INSERT INTO expert_hours (expert_id, weekday, opens, closes)
SELECT $1, * FROM unnest($2::smallint[], $3::time[], $4::time[]) ON CONFLICT DO NOTHING
"""


def expert_of(row: Any) -> Expert | None:
    """The expert in a row that has the columns of `_FIND`; None for an offer of nobody's time."""
    if row.expert_id is None:
        return None
    hours = tuple(
        OpenHours(weekday, time.fromisoformat(opens), time.fromisoformat(closes))
        for weekday, opens, closes in orjson.loads(row.expert_hours)
    )
    return Expert(
        row.expert_id,
        row.expert_name,
        row.expert_email,
        row.expert_time_zone,
        row.room_url,
        hours,
        row.expert_active,
    )


async def find(work: Work, expert_id: str) -> Row | None:
    """The expert's row, or None."""
    return await work.fetch_one(_FIND, expert_id)


async def offers_of(work: Work, expert_id: str) -> Sequence[Row]:
    """The expert's offers that are sold, in order of id."""
    return await work.fetch("SELECT * FROM offers WHERE expert_id = $1 AND active ORDER BY offer_id", expert_id)


async def busy(work: Work, expert_id: str, first: datetime, last: datetime) -> Sequence[tuple[datetime, datetime]]:
    """The expert's claimed times that touch the stretch from `first` to `last`."""
    rows = await work.fetch(
        """SELECT starts_at, ends_at FROM slots WHERE expert_id = $1 AND state = 'claimed'
             AND tstzrange(starts_at, ends_at) && tstzrange($2, $3) ORDER BY starts_at""",
        expert_id,
        first,
        last,
    )
    return [(row.starts_at, row.ends_at) for row in rows]


async def save(work: Work, experts: Sequence[dict[str, Any]]) -> None:
    """Write experts, replacing what they say; hours that are there stay."""
    for expert in experts:
        await work.execute(
            _SAVE,
            *(expert[name] for name in ("expert_id", "name", "email", "bio", "skills", "time_zone", "room_url")),
        )
        days, opens, closes = zip(*expert["hours"], strict=True)
        await work.execute(_SAVE_HOURS, expert["expert_id"], list(days), list(opens), list(closes))
