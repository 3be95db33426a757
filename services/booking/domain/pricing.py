"""What a cart costs and what is wrong with it: prices come from the price book, never from a request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.booking.domain import courses, sessions
from services.booking.domain.offers import COURSE, SESSION, Line, Priced, Slot

_KINDS = {COURSE: courses, SESSION: sessions}


def price(lines: Sequence[Line], now: datetime) -> Priced:
    """Price `lines`; each priced line has the shape of `contracts.booking_events.ConfirmedLine`, and the buyer's answers."""
    problems = [{"line_id": line.line_id, "problem": text} for line in lines for text in _problems_of(line, now)]
    slots = tuple(sessions.slot_of(line) for line in lines if line.offer.kind == SESSION)
    places = Counter[str]()
    for line in lines:
        if line.offer.seats_left is not None:
            places[line.offer.offer_id] += line.quantity
    problems += _too_few_seats(lines, places) + _overlaps(slots)
    currencies = {line.offer.currency for line in lines}
    if len(currencies) > 1:
        problems.append({"line_id": "", "problem": "the lines have different currencies; buy them apart"})
    if not lines:
        problems.append({"line_id": "", "problem": "the cart is empty"})
    priced = tuple(_confirmed(line) for line in lines)
    amount = sum(item["total_minor"] for item in priced)
    return Priced(priced, amount, next(iter(sorted(currencies)), ""), dict(places), slots, tuple(problems))


def _confirmed(line: Line) -> dict[str, Any]:
    offer, kind = line.offer, _KINDS[line.offer.kind]
    unit_minor = offer.prices.get(kind.sessions_of(line), 0)
    return {
        "line_id": line.line_id,
        "offer_id": offer.offer_id,
        "kind": offer.kind,
        "title": offer.title,
        "quantity": line.quantity,
        "unit_minor": unit_minor,
        "total_minor": unit_minor * line.quantity,
        offer.kind: kind.wish_of(line),
        "answers": line.wish.get("answers", {}),
        "partner_id": offer.partner_id,
        "partner_bps": offer.partner_bps,
    }


def _problems_of(line: Line, now: datetime) -> list[str]:
    found = [] if line.offer.active else ["this offer is not sold any more"]
    found.extend(_KINDS[line.offer.kind].problems_of(line, now))
    return found


def _too_few_seats(lines: Sequence[Line], places: Counter[str]) -> list[dict[str, str]]:
    found = []
    for line in {line.offer.offer_id: line for line in lines}.values():
        left = line.offer.seats_left
        if left is not None and places[line.offer.offer_id] > left:
            found.append({"line_id": line.line_id, "problem": f"only {left} places are left"})
    return found


def _overlaps(slots: Sequence[Slot]) -> list[dict[str, str]]:
    found = []
    for slot in slots:
        rivals = [o for o in slots if o.expert_id == slot.expert_id and o.line_id < slot.line_id]
        if any(other.starts_at < slot.ends_at and slot.starts_at < other.ends_at for other in rivals):
            found.append({"line_id": slot.line_id, "problem": "this time overlaps another line's"})
    return found
