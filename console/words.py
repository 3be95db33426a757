"""How instants, lengths of time and counts are said, on pages and on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

from chassis.pages import instant


def stamp(value: object) -> str:
    """An instant as `2026-11-20 23:43:20.123`, in UTC; empty for none."""
    moment = instant(value) if value else None
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def span(seconds: float | None) -> str:
    """A length of time as people say it: `0.4 s`, `3 min`, `2 h 5 min`, `4 d`; a dash for unknown."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds else "0 s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def ago(value: object) -> str:
    """How long since an instant."""
    moment = instant(value) if value else None
    return "" if moment is None else f"{span(max(0.0, (datetime.now(UTC) - moment).total_seconds()))} ago"


def counted(number: int | None, one: str, many: str) -> str:
    """`1 booking`, `3 bookings`."""
    return f"{'–' if number is None else f'{number:,}'} {one if number == 1 else many}"
