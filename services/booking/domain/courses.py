"""A course line: tiers of 10, 20 or 30 sessions (S2-03), wished days and a time slot."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.booking.domain.offers import Line


def problems_of(line: Line, now: datetime) -> list[str]:
    """What keeps the line from being bought, in words."""
    found = []
    if line.wish["tier"] not in line.offer.prices:
        found.append(f"this course has no tier of {line.wish['tier']} sessions")
    if date.fromisoformat(line.wish["starts_on"]) < now.date():
        found.append("the first day lies in the past")
    return found


def sessions_of(line: Line) -> int:
    """How many sessions are bought: the price book's key."""
    return int(line.wish["tier"])


def wish_of(line: Line) -> dict[str, Any]:
    """The shape of `contracts.booking_events.CourseWish`."""
    offer, wish = line.offer, line.wish
    return {
        "course_id": offer.course_id,
        "tier": wish["tier"],
        "specialty": offer.specialty,
        "time_slot": wish["time_slot"],
        "weekdays": wish["weekdays"],
        "starts_on": wish["starts_on"],
        "time_zone": wish["time_zone"],
        "session_minutes": offer.session_minutes,
        "preferences": wish["preferences"],
    }


def first_session_at(course: dict[str, Any]) -> datetime:
    """When a course (a `CourseWish`) begins: its first wished weekday at its time slot, UTC."""
    day = date.fromisoformat(course["starts_on"])
    while day.weekday() not in course["weekdays"]:
        day += timedelta(days=1)
    local = datetime.combine(day, time.fromisoformat(course["time_slot"]), ZoneInfo(course["time_zone"]))
    return local.astimezone(UTC)
