"""Experts and their free times, for anyone to read (S1-25, S1-30)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import orjson
from fastapi import APIRouter, Query

from chassis.problems import Problem, documented
from chassis.serving import Db
from chassis.work import Row
from services.booking.api.schemas import Zone
from services.booking.api.views import instant
from services.booking.domain.hours import bookable
from services.booking.domain.sessions import HORIZON, NOTICE
from services.booking.storage import experts

router = APIRouter(prefix="/api/v1/experts", tags=["experts"])
_MOST_DAYS = 62
_SKILLS_SHOWN = 5


@router.get("/{expert_id}", responses=documented("not-found"))
async def show_expert(expert_id: str, database: Db) -> dict[str, Any]:
    """Name, bio, the first five skills, and what can be booked at which price (S1-25)."""
    async with database.transaction() as work:
        row = await experts.find(work, expert_id)
        sold = await experts.offers_of(work, expert_id)
    if row is None or not row.expert_active:
        raise Problem("not-found", "There is no such expert.")
    return {
        "expert_id": row.expert_id,
        "name": row.expert_name,
        "bio": row.bio,
        "skills": list(row.skills)[:_SKILLS_SHOWN],
        "time_zone": row.expert_time_zone,
        "offers": [_offer(offer) for offer in sold],
    }


@router.get("/{expert_id}/slots", responses=documented("not-found", "validation"))
async def list_slots(
    expert_id: str,
    database: Db,
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="to")] = None,
    time_zone: Zone = "UTC",
    offer_id: str | None = None,
) -> dict[str, Any]:
    """Free times from the day `from` to the day `to` (at most 62 days) as the clocks of `time_zone` have them.

    They are as long as the offer's session: that of `offer_id`, else the expert's first.
    """
    zone, now = ZoneInfo(time_zone), datetime.now(UTC)
    begin = first or now.astimezone(zone).date()
    end = last or begin + timedelta(days=7)
    if not begin <= end <= begin + timedelta(days=_MOST_DAYS):
        where = [{"pointer": "/to", "in": "query", "detail": f"0 to {_MOST_DAYS} days after from"}]
        raise Problem("validation", "Ask for fewer days, in order.", errors=where)
    earliest = max(datetime.combine(begin, time(), zone).astimezone(UTC), now + NOTICE)
    until = min(datetime.combine(end + timedelta(days=1), time(), zone).astimezone(UTC), now + HORIZON)
    latest = max(earliest, until)  # nothing is free in the past: an empty stretch
    async with database.transaction() as work:
        row = await experts.find(work, expert_id)
        sold = [offer for offer in await experts.offers_of(work, expert_id) if offer_id in (None, offer.offer_id)]
        busy = await experts.busy(work, expert_id, earliest, latest + timedelta(days=1))
    if row is None or not row.expert_active or not sold:
        raise Problem("not-found", "There is no such expert, or no such offer of theirs.")
    expert, length = experts.expert_of(row), timedelta(minutes=sold[0].session_minutes)
    assert expert is not None
    starts = bookable(expert, sold[0].session_minutes, earliest, latest)
    free = [start for start in starts if not any(a < start + length and start < b for a, b in busy)]
    return {
        "expert_id": expert_id,
        "offer_id": sold[0].offer_id,
        "time_zone": time_zone,
        "slots": [
            {
                "starts_at": instant(start),
                "ends_at": instant(start + length),
                "local": start.astimezone(zone).isoformat(timespec="minutes"),
            }
            for start in free
        ],
    }


def _offer(row: Row) -> dict[str, Any]:
    (price_minor,) = orjson.loads(row.prices).values()
    return {
        "offer_id": row.offer_id,
        "title": row.title,
        "session_minutes": row.session_minutes,
        "amount_minor": price_minor,
        "currency": row.currency,
        "capture_policy": row.capture_policy,
    }
