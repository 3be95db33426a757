"""An expert's bookable times: opening hours of a week, in the expert's own zone, cut into sessions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.booking.domain.offers import Expert, OpenHours


def bookable(expert: Expert, minutes: int, first: datetime, last: datetime) -> Iterator[datetime]:
    """Every start (UTC, in order) of a session of `minutes` at `first` or later and before `last`.

    Starts follow each other from the opening on. A local time that the clocks skip is no start; one that they show
    twice is the earlier one.
    """
    zone = ZoneInfo(expert.time_zone)
    day, end = first.astimezone(zone).date(), last.astimezone(zone).date()
    while day <= end:
        yield from (start for start in _of_day(expert.hours, zone, minutes, day) if first <= start < last)
        day += timedelta(days=1)


def is_bookable(expert: Expert, minutes: int, starts_at: datetime) -> bool:
    """Whether a session of `minutes` may begin at `starts_at`."""
    return starts_at in bookable(expert, minutes, starts_at, starts_at + timedelta(seconds=1))


def _of_day(hours: Sequence[OpenHours], zone: ZoneInfo, minutes: int, day: date) -> list[datetime]:
    starts = set()
    step = timedelta(minutes=minutes)
    for stretch in hours:
        local, closes = datetime.combine(day, stretch.opens), datetime.combine(day, stretch.closes)
        while day.weekday() == stretch.weekday and local + step <= closes:
            start = local.replace(tzinfo=zone).astimezone(UTC)
            if start.astimezone(zone).replace(tzinfo=None) == local:
                starts.add(start)
            local += step
    return sorted(starts)
