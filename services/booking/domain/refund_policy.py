"""What a cancellation gives back and when a session may be moved: the policy that was copied at purchase (S1-34, C7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

STANDARD = {"full_hours": 24, "partial_hours": 4, "partial_percent": 50, "none_hours": 2}
"""What an offer has unless it says otherwise (S1-34, C7), as it is copied to a purchase."""
_FREE_LATE_MOVES = 1
"""Between `partial_hours` and `none_hours` there is no cash, but one free reschedule (C7)."""


@dataclass(frozen=True, slots=True)
class RefundPolicy:
    """Hours before the start: all money back until `full_hours`, `partial_percent` of it until `partial_hours`, none
    later; a session may be moved until `none_hours`."""

    full_hours: float
    partial_hours: float
    partial_percent: int
    none_hours: float

    def percent(self, starts_at: datetime, now: datetime) -> int:
        """What part of the money goes back when a booking that begins at `starts_at` is cancelled `now`."""
        left = starts_at - now
        if left >= timedelta(hours=self.full_hours):
            return 100
        return self.partial_percent if left >= timedelta(hours=self.partial_hours) else 0

    def why_not_moved(self, starts_at: datetime, now: datetime, late_moves: int) -> str | None:
        """Why a session can't be moved any more, in words; None when it can. `late_moves`: how often it was, lately."""
        if starts_at - now < timedelta(hours=self.none_hours):
            return f"A session can be moved until {self.none_hours:g} hours before it begins."
        if self.is_late(starts_at, now) and late_moves >= _FREE_LATE_MOVES:
            return f"It was moved within {self.partial_hours:g} hours before its start already; that is possible once."
        return None

    def is_late(self, starts_at: datetime, now: datetime) -> bool:
        """Whether a move at `now` counts as the late one."""
        return starts_at - now < timedelta(hours=self.partial_hours)


def quoted_lines(lines: Sequence[dict[str, Any]], percent: int) -> list[dict[str, Any]]:
    """What goes back and what is kept of each line, minor units; the odd minor unit is the buyer's."""
    quoted = []
    for line in lines:
        refund = -(-line["total_minor"] * percent // 100)
        quoted.append(
            {
                "line_id": line["line_id"],
                "title": line["title"],
                "paid_minor": line["total_minor"],
                "refund_minor": refund,
                "kept_minor": line["total_minor"] - refund,
            }
        )
    return quoted
