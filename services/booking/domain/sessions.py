"""A session line: one expert's time (S0-12, S1-02), and what its end, its move and its absence mean."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from services.booking.domain.hours import is_bookable
from services.booking.domain.offers import Expert, Line, Slot

NOTICE = timedelta(hours=1)
"""How long before its start a session can be booked or moved to at the latest."""
HORIZON = timedelta(days=365)
"""How far ahead times are offered."""
WAIT_FOR_WORD = timedelta(minutes=30)
"""How long after its end a session waits for its expert's word; then it took place (S1-21)."""

CONTESTED_WITHIN = timedelta(hours=24)
"""How long after its end a buyer may say that the expert did not come."""


def problems_of(line: Line, now: datetime) -> list[str]:
    """What keeps the line from being bought, in words."""
    slot = slot_of(line)
    if why := why_not_at(expert_of(line), line.offer.session_minutes, slot.starts_at, now):
        return [why]
    return ["this time was taken; choose another one"] if line.is_taken else []


def why_not_at(expert: Expert, minutes: int, starts_at: datetime, now: datetime) -> str | None:
    """Why a session can't begin at `starts_at`, in words; None when it can, as far as the expert's hours go."""
    if starts_at < now + NOTICE:
        return f"a session is booked {NOTICE // timedelta(minutes=1)} minutes ahead at least"
    if starts_at > now + HORIZON:
        return f"times are given {HORIZON.days} days ahead at most"
    if not (expert.active and is_bookable(expert, minutes, starts_at)):
        return f"{expert.name} has no session at this time; see the slots of the expert"
    return None


def sessions_of(line: Line) -> int:
    """One: the price book's key."""
    return 1


def expert_of(line: Line) -> Expert:
    """Whose time it is; the database lets no session offer be without."""
    assert line.offer.expert is not None
    return line.offer.expert


def slot_of(line: Line) -> Slot:
    """The time that the line takes."""
    starts_at = datetime.fromisoformat(line.wish["starts_at"])
    ends_at = starts_at + timedelta(minutes=line.offer.session_minutes)
    return Slot(line.line_id, expert_of(line).expert_id, starts_at, ends_at)


def wish_of(line: Line) -> dict[str, Any]:
    """The shape of `contracts.booking_events.SessionWish`."""
    return session_wish(expert_of(line), slot_of(line), line.wish["time_zone"])


def session_wish(expert: Expert, slot: Slot, time_zone: str) -> dict[str, Any]:
    """What a session at `slot` asks of `expert`, in the buyer's `time_zone`: `contracts.booking_events.SessionWish`."""
    return {
        "expert_id": expert.expert_id,
        "expert_name": expert.name,
        "expert_email": expert.email,
        "expert_time_zone": expert.time_zone,
        "room_url": expert.room_url,
        "starts_at": slot.starts_at.isoformat(),
        "ends_at": slot.ends_at.isoformat(),
        "time_zone": time_zone,
    }
