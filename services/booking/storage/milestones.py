"""Milestones: what other services said about a booking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from chassis.work import Work

_ADD = """
INSERT INTO milestones (booking_id, name, subject, at, detail)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::jsonb[])
ON CONFLICT DO NOTHING
"""
Milestone = tuple[str, str, str, datetime, bytes]


async def add_many(work: Work, milestones: Sequence[Milestone]) -> None:
    """Append milestones of (booking id, name, subject, at, detail as JSON); one that is there stays."""
    ordered = sorted(milestones, key=lambda item: item[:3])
    ids, names, subjects, instants, details = zip(*ordered, strict=True)
    await work.execute(
        _ADD, list(ids), list(names), list(subjects), list(instants), [detail.decode() for detail in details]
    )


async def of_booking(work: Work, booking_id: str) -> list[dict[str, Any]]:
    """A booking's milestones in order of time."""
    rows = await work.fetch(
        "SELECT name, subject, at, detail FROM milestones WHERE booking_id = $1 ORDER BY at", booking_id
    )
    return [
        {"name": row.name, "subject": row.subject, "at": row.at, "detail": orjson.loads(row.detail)} for row in rows
    ]
