"""What is sold and whose time it takes: offers, experts, and a cart's lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any

SESSION, COURSE, QUOTATION = "session", "course", "quotation"
PARTNER_BPS = 8_000
"""A partner's share in basis points where nothing else was agreed: 80/20 (S1-19)."""


@dataclass(frozen=True, slots=True)
class OpenHours:
    """One stretch of an expert's week in the expert's own time zone; Monday is 0."""

    weekday: int
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Expert:
    """Who gives a session: `room_url` is the standing room where it takes place unless a provider makes a meeting."""

    expert_id: str
    name: str
    email: str
    time_zone: str
    room_url: str
    hours: tuple[OpenHours, ...]
    active: bool = True


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer as the price book has it; `prices` maps the number of sessions to minor units, `partner_bps` is the
    partner's share of them."""

    offer_id: str
    kind: str
    title: str
    course_id: str | None
    specialty: str | None
    prices: dict[int, int]
    currency: str
    capture_policy: str
    refund_policy: dict[str, Any]
    session_minutes: int
    seats_left: int | None
    active: bool
    partner_id: str | None = None
    partner_bps: int = PARTNER_BPS
    expert: Expert | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A cart line: the offer, how many, and the buyer's wish as it was asked. `is_taken`: its time is somebody else's."""

    line_id: str
    offer: Offer
    quantity: int
    wish: dict[str, Any]
    is_taken: bool = False


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of an expert's time that a line wants."""

    line_id: str
    expert_id: str
    starts_at: datetime
    ends_at: datetime


_THE_BUYERS = ("line_id", "offer_id", "kind", "title", "quantity", "unit_minor", "total_minor", "course", "answers")
_OF_A_SESSION = ("expert_id", "expert_name", "starts_at", "ends_at", "time_zone")


def shown(line: dict[str, Any]) -> dict[str, Any]:
    """What the buyer may see of a priced line: not where they meet before it is paid (S0-03), nor the expert's address and
    share."""
    seen = {name: line[name] for name in _THE_BUYERS if name in line}
    if line.get("session"):
        seen["session"] = {name: line["session"][name] for name in _OF_A_SESSION}
    return seen


@dataclass(frozen=True, slots=True)
class Priced:
    """A cart with its prices, the seats and the slots that it takes. `problems` is empty when it may be checked out."""

    lines: tuple[dict[str, Any], ...]
    amount_minor: int
    currency: str
    places: dict[str, int]
    slots: tuple[Slot, ...] = ()
    problems: tuple[dict[str, str], ...] = field(default=())
