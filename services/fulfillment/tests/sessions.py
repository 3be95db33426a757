"""What the tests of sessions speak with: bookings of sessions and courses, and what booking says of them later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.ids import uuid7
from chassis.steps import Message
from contracts.booking_events import (
    BookingCancelled,
    BookingConfirmed,
    BookingRescheduled,
    ConfirmedLine,
    SessionCompleted,
    SessionWish,
)
from contracts.event import Event
from contracts.samples import samples

AT = datetime(2027, 1, 4, 4, 30, tzinfo=UTC)
SAID = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def message(event: Event) -> Message:
    """`event` as a step receives it."""
    return Message(uuid7(), event.type, event.booking_id, event, body=event.encode(), topic=event.topic.name)


def session(line_id: str = "line-1", starts_at: datetime = AT, expert_id: str = "exp-maya") -> ConfirmedLine:
    """A session line with an expert."""
    wish = SessionWish(
        expert_id=expert_id,
        expert_name="Maya Iyer",
        expert_email="maya@experts.example.com",
        expert_time_zone="Asia/Kolkata",
        room_url=f"https://rooms.example.com/{expert_id}",
        starts_at=starts_at,
        ends_at=starts_at + HOUR,
        time_zone="Europe/Berlin",
    )
    return ConfirmedLine(
        line_id=line_id,
        offer_id="ofr-strategy",
        kind="session",
        title="Strategy session",
        quantity=1,
        unit_minor=250000,
        total_minor=250000,
        session=wish,
    )


def course(line_id: str = "line-2", specialty: str = "mathematics", slot: str = "10:00") -> ConfirmedLine:
    """A course line."""
    sample: Any = samples()["booking.confirmed"]
    (line,) = sample.lines
    wish = line.course.model_copy(update={"specialty": specialty, "time_slot": slot})
    changed: ConfirmedLine = line.model_copy(update={"line_id": line_id, "course": wish})
    return changed


def confirmed(*lines: ConfirmedLine, booking_id: str | None = None) -> Message:
    """A confirmed booking of `lines`, one session when there are none."""
    sample: Any = samples()["booking.confirmed"]
    bought = lines or (session(),)
    return message(sample.model_copy(update={"booking_id": booking_id or str(uuid7()), "lines": bought}))


def rescheduled(booking_id: str, days: int = 1, said_minutes: int = 0, line_id: str = "line-1") -> Message:
    """The session takes place `days` later than bought, as was said at `said_minutes`."""
    starts_at = AT + timedelta(days=days)
    return message(
        BookingRescheduled(
            booking_id=booking_id,
            reference="BK-449034CB",
            line_id=line_id,
            title="Strategy session",
            starts_at=starts_at,
            ends_at=starts_at + HOUR,
            previous_starts_at=AT,
            service_ends_at=starts_at + HOUR,
            rescheduled_at=SAID + timedelta(minutes=said_minutes),
        )
    )


def completed(booking_id: str, line_id: str = "line-1") -> Message:
    """The expert says that the session took place."""
    return message(
        SessionCompleted(
            booking_id=booking_id, line_id=line_id, outcome="took_place", last=True, completed_at=AT + HOUR
        )
    )


def cancelled(booking_id: str) -> Message:
    """The booking is over."""
    return message(
        BookingCancelled(booking_id=booking_id, reference="BK-449034CB", reason="asked by the buyer", cancelled_at=SAID)
    )


def booking_of(made: Message) -> BookingConfirmed:
    """The booking in `made`."""
    booking: BookingConfirmed = made.event
    return booking
