"""`booking.rescheduled`, `session.completed`, `booking.cancelled` → the meetings of sessions moved, held or removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chassis.machine import Decision, Move
from chassis.outcomes import Dead
from chassis.steps import Message
from chassis.work import Work
from contracts.booking_events import BookingCancelled, BookingRescheduled, SessionCompleted
from services.fulfillment.domain.meetings import Meeting
from services.fulfillment.domain.states import MeetingState, MeetingTrigger
from services.fulfillment.storage import consultations

News = BookingRescheduled | SessionCompleted | BookingCancelled


async def change_many(work: Work, messages: Sequence[Message]) -> None:
    """Move meetings on as the batch's messages say, in their order; late and repeated words change nothing.

    A move of a session that is not paid yet is nothing to do, its confirmation names the time that stands; nor is the end
    of a booking without sessions. Raises `Dead` for a session that was held and never recorded.
    """
    if not messages:
        return
    rows = await consultations.lock(work, sorted({message.event.booking_id for message in messages}))
    batch = _Batch(rows)
    for message in messages:
        batch.take(message.event)
    await batch.save(work)


class _Batch:
    """Collects what one transaction writes: each meeting as it stands in the end, and every move that led there."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows: dict[str, list[Any]] = {}
        self._meetings: dict[UUID, Meeting] = {}
        self._changed: set[UUID] = set()
        self._transitions: list[consultations.Transition] = []
        for row in rows:
            self._rows.setdefault(row.booking_id, []).append(row)
            self._meetings[row.purchase_id] = Meeting(
                MeetingState(row.state), row.starts_at, row.ends_at, row.rescheduled_at
            )

    def take(self, event: News) -> None:
        for row in self._concerned(event):
            meeting = self._meetings[row.purchase_id]
            before = meeting.state
            trigger, decision = _shown(meeting, event)
            if isinstance(decision, Move):
                self._changed.add(row.purchase_id)
                self._transitions.append(
                    consultations.Transition(row.booking_id, row.meeting_id, before, decision.to, trigger)
                )

    def _concerned(self, event: News) -> list[Any]:
        rows = self._rows.get(event.booking_id, [])
        if isinstance(event, BookingCancelled):
            return rows
        of_line = [row for row in rows if row.line_id == event.line_id]
        if not of_line and isinstance(event, SessionCompleted):
            raise Dead(f"there is no consultation of line {event.line_id}")
        return of_line

    async def save(self, work: Work) -> None:
        ordered = [(purchase_id, self._meetings[purchase_id]) for purchase_id in sorted(self._changed)]
        changed = [
            consultations.Changed(purchase_id, m.state, m.starts_at, m.ends_at, m.rescheduled_at)
            for purchase_id, m in ordered
        ]
        await consultations.save_many(work, changed, self._transitions)


def _shown(meeting: Meeting, event: News) -> tuple[MeetingTrigger, Decision[MeetingState]]:
    """Show `event` to the meeting: as which trigger, and what came of it."""
    if isinstance(event, BookingRescheduled):
        return MeetingTrigger.MOVED, meeting.move(event.starts_at, event.ends_at, event.rescheduled_at)
    trigger = MeetingTrigger.HELD if isinstance(event, SessionCompleted) else MeetingTrigger.CANCELLED
    return trigger, meeting.see(trigger)
