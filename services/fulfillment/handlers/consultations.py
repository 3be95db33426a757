"""`booking.confirmed` → consultations, one for each session line, each with its meeting (S1-02)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from chassis.ids import uuid7
from chassis.work import Work
from contracts.booking_events import BookingConfirmed, ConfirmedLine, SessionWish
from contracts.fulfillment_events import MeetingReady
from services.fulfillment.storage import consultations


class Bought(NamedTuple):
    """One session line about to be recorded: its booking, its wish, and the purchase that it becomes."""

    purchase_id: UUID
    booking: BookingConfirmed
    line: ConfirmedLine
    wish: SessionWish
    cause: UUID


async def record_many(work: Work, bought: Sequence[Bought]) -> int:
    """Record sessions and tell that their meetings are ready; returns how many are new."""
    made = [(one, _meeting(one.wish)) for one in bought]
    new = await consultations.record_many(work, [_row(one, meeting) for one, meeting in made])
    for one, meeting in made:
        if one.purchase_id in new:
            work.tell(_ready(one, meeting), causation=one.cause)
    return len(new)


class _Place(NamedTuple):
    meeting_id: UUID
    provider: str
    join_url: str


def _meeting(wish: SessionWish) -> _Place:
    """Where they meet: the expert's standing room.

    Teams, Meet or Zoom would be asked here. That is a call outward, so it would be a queued step between
    `booking.confirmed` and `meeting.ready`, and this the answer when it can't make one.
    """
    return _Place(uuid7(), "standing_room", wish.room_url)


def _row(one: Bought, meeting: _Place) -> tuple[Any, ...]:
    wish = one.wish
    return (
        one.purchase_id,
        one.booking.booking_id,
        one.line.line_id,
        one.booking.buyer.student_id,
        one.line.title,
        wish.expert_id,
        wish.expert_name,
        wish.expert_email,
        wish.expert_time_zone,
        wish.starts_at,
        wish.ends_at,
        wish.time_zone,
        one.line.total_minor,
        one.booking.currency,
        *meeting,
    )


def _ready(one: Bought, meeting: _Place) -> MeetingReady:
    wish = one.wish
    return MeetingReady(
        booking_id=one.booking.booking_id,
        meeting_id=str(meeting.meeting_id),
        provider=meeting.provider,
        join_url=meeting.join_url,
        starts_at=wish.starts_at,
        ends_at=wish.ends_at,
        purchase_id=str(one.purchase_id),
        title=one.line.title,
        expert_id=wish.expert_id,
        expert_name=wish.expert_name,
        expert_email=wish.expert_email,
        expert_time_zone=wish.expert_time_zone,
    )
