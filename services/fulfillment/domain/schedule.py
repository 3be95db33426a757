"""When a course's sessions take place: the wished weekdays at the wished local hour, stored in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def lay_out(
    tier: int, weekdays: tuple[int, ...], time_slot: str, starts_on: str, time_zone: str
) -> tuple[datetime, ...]:
    """The `tier` session starts from the day `starts_on`, in UTC, in order.

    Local wall time stays the same across clock changes; an hour that does not exist that day moves forward by the gap.
    """
    hour, minute = (int(part) for part in time_slot.split(":"))
    zone, days, day = ZoneInfo(time_zone), set(weekdays), date.fromisoformat(starts_on)
    found: list[datetime] = []
    while len(found) < tier:
        if day.weekday() in days:
            found.append(datetime.combine(day, time(hour, minute), zone).astimezone(UTC))
        day += timedelta(days=1)
    return tuple(found)
