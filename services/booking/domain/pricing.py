"""What a cart costs and what is wrong with it: prices come from the price book, never from a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

TIERS = (10, 20, 30)


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer as the price book has it; `prices` maps tier to minor units, `partner_bps` is the partner's share of them."""

    offer_id: str
    kind: str
    title: str
    course_id: str
    specialty: str
    prices: dict[int, int]
    currency: str
    capture_policy: str
    refund_policy: dict[str, Any]
    session_minutes: int
    seats_left: int | None
    active: bool
    partner_id: str | None = None
    partner_bps: int = 8_000


@dataclass(frozen=True, slots=True)
class Line:
    """A cart line: the offer, how many, and the buyer's wish as it was asked."""

    line_id: str
    offer: Offer
    quantity: int
    wish: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Priced:
    """A cart with its prices. `problems` is empty when it may be checked out."""

    lines: tuple[dict[str, Any], ...]
    amount_minor: int
    currency: str
    places: dict[str, int]
    problems: tuple[dict[str, str], ...] = field(default=())


def price(lines: list[Line], today: date) -> Priced:
    """Price `lines`; each priced line has the shape of `contracts.booking_events.ConfirmedLine`."""
    problems: list[dict[str, str]] = []
    priced: list[dict[str, Any]] = []
    places: dict[str, int] = {}
    for line in lines:
        problems += _problems_of(line, today)
        unit = line.offer.prices.get(line.wish["tier"], 0)
        priced.append(_confirmed(line, unit))
        if line.offer.seats_left is not None:
            places[line.offer.offer_id] = places.get(line.offer.offer_id, 0) + line.quantity
    for line in {line.offer.offer_id: line for line in lines}.values():
        wanted, left = places.get(line.offer.offer_id, 0), line.offer.seats_left
        if left is not None and wanted > left:
            problems.append({"line_id": line.line_id, "problem": f"only {left} places are left"})
    currencies = {line.offer.currency for line in lines}
    if len(currencies) > 1:
        problems.append({"line_id": "", "problem": "the lines have different currencies; buy them apart"})
    if not lines:
        problems.append({"line_id": "", "problem": "the cart is empty"})
    amount = sum(item["total_minor"] for item in priced)
    return Priced(tuple(priced), amount, next(iter(sorted(currencies)), ""), places, tuple(problems))


def _confirmed(line: Line, unit_minor: int) -> dict[str, Any]:
    offer, wish = line.offer, line.wish
    course = {
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
    return {
        "line_id": line.line_id,
        "offer_id": offer.offer_id,
        "kind": offer.kind,
        "title": offer.title,
        "quantity": line.quantity,
        "unit_minor": unit_minor,
        "total_minor": unit_minor * line.quantity,
        "course": course,
        "partner_id": offer.partner_id,
        "partner_bps": offer.partner_bps,
    }


def _problems_of(line: Line, today: date) -> list[dict[str, str]]:
    found = []
    if not line.offer.active:
        found.append("this offer is not sold any more")
    if line.wish["tier"] not in line.offer.prices:
        found.append(f"this course has no tier of {line.wish['tier']} sessions")
    if date.fromisoformat(line.wish["starts_on"]) < today:
        found.append("the first day lies in the past")
    return [{"line_id": line.line_id, "problem": text} for text in found]
