"""An expert's free times as a week of the visitor's own calendar: zone, week, days. Nothing here decides what is free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chassis.pages import instant
from storefront.wishes import ZONES

_DAYS = 7
_HORIZON_DAYS = 365
_OLD_NAMES = {"Asia/Calcutta": "Asia/Kolkata", "Etc/UTC": "UTC", "Etc/GMT": "UTC"}
"""What Chromium calls a zone where the list calls it otherwise: one zone shall not stand in it twice."""


def zone_of(*wished: object) -> str:
    """The first of `wished` that is a time zone; the list's first when none is."""
    for name in wished:
        if isinstance(name, str) and name:
            current = _OLD_NAMES.get(name, name)
            try:
                ZoneInfo(current)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                continue
            return current
    return ZONES[0]


def zones_with(zone: str) -> tuple[str, ...]:
    """The short list, with `zone` where that is another one."""
    return ZONES if zone in ZONES else (zone, *ZONES)


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days from `first` on; `earlier` and `later` are the first days of the weeks beside it, None where there is none."""

    first: date
    last: date
    earlier: date | None
    later: date | None


def week_of(wished: str, zone: str, now: datetime) -> Week:
    """The week from the day `wished` (`2026-11-30`) on; today's in `zone` for a day that is none, past or too far."""
    today = now.astimezone(ZoneInfo(zone)).date()
    try:
        first = date.fromisoformat(wished)
    except ValueError:
        first = today
    end = today + timedelta(days=_HORIZON_DAYS)
    if not today <= first <= end:
        first = today
    step = timedelta(days=_DAYS)
    return Week(
        first=first,
        last=first + timedelta(days=_DAYS - 1),
        earlier=None if first == today else max(today, first - step),
        later=None if first + step > end else first + step,
    )


def by_day(slots: Sequence[Mapping[str, Any]], zone: str) -> list[tuple[date, list[tuple[str, str]]]]:
    """Free times by day of `zone`, as (instant, what the clock shows); an hour that comes twice says which of both it is."""
    days: dict[date, list[datetime]] = {}
    for slot in slots:
        start = instant(slot["starts_at"])
        if start is not None:
            local = start.astimezone(ZoneInfo(zone))
            days.setdefault(local.date(), []).append(local)
    return [(day, [(_instant(time), _clock(time, starts)) for time in starts]) for day, starts in sorted(days.items())]


def _instant(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _clock(time: datetime, beside: Sequence[datetime]) -> str:
    twice = sum(other.replace(tzinfo=None, fold=0) == time.replace(tzinfo=None, fold=0) for other in beside) > 1
    return f"{time:%H:%M} {time.tzname()}" if twice else f"{time:%H:%M}"


def moment(value: object, zone: object) -> str:
    """An instant as the clocks of `zone` have it: `Tue 24 November 2026, 18:30 (Asia/Kolkata)`."""
    found = instant(value) if value else None
    name = zone_of(zone, "UTC")
    return "" if found is None else f"{found.astimezone(ZoneInfo(name)):%a %-d %B %Y, %H:%M} ({name})"
