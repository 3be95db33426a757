"""How a session went: the expert's word, none within half an hour of its end, or the buyer's complaint (S1-02, S1-21, C5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import orjson

from chassis.machine import Move
from chassis.problems import Problem
from chassis.work import Database, Row, Work
from contracts.booking_events import SessionCompleted, SessionContested
from services.booking.domain.sessions import CONTESTED_WITHIN, WAIT_FOR_WORD
from services.booking.domain.states import BookingState, BookingTrigger, SlotState
from services.booking.domain.transitions import BOOKING
from services.booking.storage import bookings, holds, slots

Outcome = Literal["took_place", "buyer_absent"]
BY_THE_CLOCK = "time"
_BATCH = 200


async def complete(work: Work, booking: Row, line_ids: Sequence[str], outcome: Outcome, actor: str) -> dict[str, Any]:
    """The sessions `line_ids` of the locked `booking` ended with `outcome`; saying so again changes nothing.

    Raises `state-conflict` for a session that has not begun, was given up, or ended otherwise.
    """
    taken = {slot.line_id: slot for slot in await slots.of_booking(work, booking.booking_id, lock=True)}
    open_lines = [line_id for line_id in line_ids if _is_open(booking, taken[line_id], outcome)]
    if open_lines:
        await slots.end(work, booking.booking_id, open_lines, outcome, actor)
        await _follow(work, booking, taken, open_lines, outcome, actor)
    return {"booking_id": booking.booking_id, "lines": [{"line_id": id_, "outcome": outcome} for id_ in line_ids]}


async def contest(work: Work, booking: Row, line_ids: Sequence[str]) -> dict[str, Any]:
    """The buyer of the locked `booking` says that the expert did not come: a person decides, and nothing is captured
    before as far as the gateway's deadline allows (C5). Saying so again changes nothing.

    Raises `state-conflict` for a session that has not begun, was given up, or ended longer than a day ago.
    """
    taken = {slot.line_id: slot for slot in await slots.of_booking(work, booking.booking_id, lock=True)}
    for slot in (taken[line_id] for line_id in line_ids):
        if slot.state == SlotState.FREED or booking.state is None:
            raise Problem("state-conflict", "The booking was cancelled, or is not paid.", booking_id=booking.booking_id)
        if not slot.starts_at <= booking.at <= slot.ends_at + CONTESTED_WITHIN:
            hours = CONTESTED_WITHIN // timedelta(hours=1)
            words = f"That can be said from its beginning until {hours} hours after its end; write to us otherwise."
            raise Problem("state-conflict", words, booking_id=booking.booking_id)
    for line_id in await slots.contest(work, booking.booking_id, line_ids):
        expert_id = taken[line_id].expert_id
        await holds.open_case(
            work, "session-contested", booking.booking_id, {"line_id": line_id, "expert_id": expert_id}
        )
        work.tell(SessionContested(booking_id=booking.booking_id, line_id=line_id, contested_at=datetime.now(UTC)))
    return {"booking_id": booking.booking_id, "lines": [{"line_id": id_, "outcome": "contested"} for id_ in line_ids]}


async def complete_past(database: Database) -> int:
    """Sessions that ended half an hour ago without a word took place. Returns how many bookings it was about."""
    async with database.transaction() as work:
        due = await slots.over_since(work, WAIT_FOR_WORD, _BATCH)
    for booking_id in due:
        async with database.transaction() as work:
            booking = await bookings.lock(work, booking_id)
            assert booking is not None
            over = [
                slot.line_id
                for slot in await slots.of_booking(work, booking_id)
                if slot.state == SlotState.CLAIMED
                and slot.contested_at is None
                and slot.ends_at + WAIT_FOR_WORD <= booking.at
            ]
            if over and booking.state in (BookingState.CONFIRMED, BookingState.IN_PROGRESS):
                await complete(work, booking, over, "took_place", BY_THE_CLOCK)
    return len(due)


def _is_open(booking: Row, slot: Row, outcome: Outcome) -> bool:
    if slot.state == SlotState.ENDED and slot.outcome == outcome:
        return False
    if slot.state == SlotState.ENDED:
        raise Problem("state-conflict", f"It was said before that the session ended otherwise: {slot.outcome}.")
    if slot.state == SlotState.FREED or booking.state not in (BookingState.CONFIRMED, BookingState.IN_PROGRESS):
        raise Problem("state-conflict", "The booking was cancelled, or is not paid.", booking_id=booking.booking_id)
    if slot.starts_at > booking.at:
        raise Problem("state-conflict", "The session has not begun yet.", booking_id=booking.booking_id)
    return True


async def _follow(
    work: Work, booking: Row, taken: dict[str, Row], ended: Sequence[str], outcome: Outcome, actor: str
) -> None:
    """Tell it, and move the booking: begun with the first session, over with the last if sessions are all it has."""
    awaited = [slot for slot in taken.values() if slot.state == SlotState.CLAIMED and slot.line_id not in ended]
    only_sessions = all(line.get("session") for line in orjson.loads(booking.lines))
    last = not awaited and only_sessions
    trigger = BookingTrigger.LAST_SESSION_HELD if last else BookingTrigger.FIRST_SESSION_HELD
    decision = BOOKING.decide(BookingState(booking.state), trigger)
    if isinstance(decision, Move):
        await bookings.move(work, booking, decision.to, trigger, actor)
    for line_id in ended:
        work.tell(
            SessionCompleted(
                booking_id=booking.booking_id,
                line_id=line_id,
                outcome=outcome,
                last=not awaited and line_id == ended[-1],
                completed_at=datetime.now(UTC),
            )
        )
