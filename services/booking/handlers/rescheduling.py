"""Another time for a session: the booking and its payment stay the same ones, payment plans anew (C4, C5)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from chassis.clock import rfc3339
from chassis.machine import Move
from chassis.problems import Problem
from chassis.work import Row, Work
from contracts.booking_events import BookingRescheduled
from services.booking.domain.refund_policy import RefundPolicy
from services.booking.domain.sessions import why_not_at
from services.booking.domain.states import HoldState, SlotState, SlotTrigger
from services.booking.domain.transitions import SLOT
from services.booking.handlers.cancellations import refund_percent
from services.booking.storage import bookings, experts, slots

_WHOLE = 100


async def reschedule(
    work: Work, booking: Row, line_id: str | None, starts_at: datetime, actor: str, *, by_seller: bool
) -> dict[str, Any]:
    """Move a session of the locked `booking` to `starts_at`; the same time again changes nothing.

    The buyer keeps to the purchase's policy, and a late move keeps its claim to money (`refund_percent_cap`); a move by
    the expert or by us costs the buyer nothing. Raises `state-conflict`, `validation` for a time that is not the
    expert's, `slot-taken`.
    """
    _refuse_unless_movable(booking)
    taken = await slots.of_booking(work, booking.booking_id, lock=True)
    slot = _chosen(taken, line_id)
    policy = RefundPolicy(**orjson.loads(booking.refund_policy))
    if slot.starts_at != starts_at:
        if not by_seller and (why := policy.why_not_moved(slot.starts_at, booking.at, slot.late_moves)):
            raise Problem("state-conflict", why, booking_id=booking.booking_id)
        await _move(work, booking, taken, slot, starts_at, policy, actor, by_seller=by_seller)
    ends_at = starts_at + (slot.ends_at - slot.starts_at)
    return {
        "booking_id": booking.booking_id,
        "reference": booking.reference,
        "line_id": slot.line_id,
        "starts_at": rfc3339(starts_at),
        "ends_at": rfc3339(ends_at),
    }


async def _move(
    work: Work,
    booking: Row,
    taken: Any,
    slot: Row,
    starts_at: datetime,
    policy: RefundPolicy,
    actor: str,
    *,
    by_seller: bool,
) -> None:
    expert = experts.expert_of(await experts.find(work, slot.expert_id))
    assert expert is not None
    length = slot.ends_at - slot.starts_at
    if why := why_not_at(expert, int(length.total_seconds() // 60), starts_at, booking.at):
        where = [{"pointer": "/starts_at", "in": "body", "detail": why}]
        raise Problem("validation", "Choose one of the expert's slots.", errors=where)
    late = not by_seller and policy.is_late(slot.starts_at, booking.at)
    if not await slots.move(work, slot, starts_at, starts_at + length, late=late):
        raise Problem("slot-taken", "This time was taken; choose another one.", booking_id=booking.booking_id)
    ends = [other.ends_at for other in taken if other.line_id != slot.line_id and other.state != SlotState.FREED]
    service_ends_at = max([*ends, starts_at + length])
    percent = _WHOLE if by_seller or booking.state is None else refund_percent(booking, taken)
    lines = orjson.loads(booking.lines)
    line = next(line for line in lines if line["line_id"] == slot.line_id)
    line["session"] |= {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + length).isoformat()}
    await bookings.reschedule(work, booking.booking_id, orjson.dumps(lines), service_ends_at, percent, actor)
    work.tell(
        BookingRescheduled(
            booking_id=booking.booking_id,
            reference=booking.reference,
            line_id=slot.line_id,
            title=line["title"],
            starts_at=starts_at,
            ends_at=starts_at + length,
            previous_starts_at=slot.starts_at,
            service_ends_at=service_ends_at,
            rescheduled_at=datetime.now(UTC),
        )
    )


def _refuse_unless_movable(booking: Row) -> None:
    """Paid, or waiting for the charge of a saved card; an unpaid checkout is done again instead."""
    waits_for_charge = booking.hold_state == HoldState.HELD and booking.is_saved
    if booking.state is None and not waits_for_charge:
        raise Problem("state-conflict", "It is not paid: cancel it and check out at another time.")
    if booking.state in ("completed", "cancelled"):
        raise Problem("state-conflict", f"It can't be moved: it is {booking.state}.", booking_id=booking.booking_id)


def _chosen(taken: Any, line_id: str | None) -> Row:
    movable = [
        slot
        for slot in taken
        if line_id in (None, slot.line_id) and isinstance(SLOT.decide(SlotState(slot.state), SlotTrigger.MOVED), Move)
    ]
    if not movable:
        raise Problem("state-conflict", "The booking has no session that could be moved.")
    if len(movable) > 1:
        where = [{"pointer": "/line_id", "in": "body", "detail": "the booking has several sessions"}]
        raise Problem("validation", "Say with line_id which session is moved.", errors=where)
    chosen: Row = movable[0]
    return chosen
