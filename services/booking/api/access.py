"""Whose booking it is: the buyer's, the expert's whose time it takes, or staff's; for anybody else there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import orjson

from chassis.identity import Principal
from chassis.problems import Problem
from chassis.work import Row, Work
from services.booking.storage import bookings, slots

Part = Literal["buyer", "expert", "admin", "reader"]


def part_of(caller: Principal, booking_id: str, buyer: Any, taken: Sequence[Row]) -> Part | None:
    """What the caller is to the booking; None for a stranger. A reader (ops) may look and change nothing."""
    if caller.owns("booking", booking_id, orjson.loads(buyer)["student_id"]):
        return "buyer"
    if "expert" in caller.roles and any(slot.expert_id == caller.subject for slot in taken):
        return "expert"
    if "admin" in caller.roles:
        return "admin"
    return "reader" if caller.is_staff else None


async def locked(work: Work, booking_id: str, caller: Principal, *parts: Part) -> tuple[Row, Part, Sequence[Row]]:
    """The booking, locked, for a caller who has one of `parts` in it; which one, and its slots. Raises `not-found` for
    strangers, else `forbidden`."""
    booking = await bookings.lock(work, booking_id)
    taken = await slots.of_booking(work, booking_id)
    part = None if booking is None else part_of(caller, booking_id, booking.buyer, taken)
    if booking is None or part is None:
        raise Problem("not-found", "There is no such booking, or its token is another one.")
    if part not in parts:
        raise Problem("forbidden", f"This is for the booking's {' or '.join(parts)}.", booking_id=booking_id)
    return booking, part, taken
