"""Remember whom to tell: the buyer of each booking and the expert of each session; and tell experts what booking says.

Buyers are told by `notification.deliveries`. An expert is told here: this step alone reads a session's confirmation and
all that booking says of it later, in their order, so it knows whom to tell and when the session was to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chassis.steps import Message
from chassis.work import Work
from contracts.booking_events import BookingConfirmed
from services.notification.domain.consultations import Consultation, News
from services.notification.handlers.deliveries import queue
from services.notification.storage import consultations, contacts


async def record_many(work: Work, messages: Sequence[Message]) -> None:
    """A fixed number of statements for any number of events, with the effect of taking them in their order.

    A session may be moved before it is paid: then its expert does not know of it, and its confirmation names the time
    that stands. So what a batch says of a booking before its confirmation comes first.
    """
    first: dict[str, int] = {}
    buyers: list[Any] = []
    news: list[tuple[int, News]] = []
    for position, event in enumerate(message.event for message in messages):
        if isinstance(event, News):
            news.append((position, event))
            continue
        buyers.append(event)
        if isinstance(event, BookingConfirmed):
            first.setdefault(event.booking_id, position)
    await _tell_experts(work, [said for position, said in news if position < first.get(said.booking_id, 0)])
    await contacts.record_buyers(work, buyers)
    await consultations.record(work, [event for event in buyers if isinstance(event, BookingConfirmed)])
    await _tell_experts(work, [said for position, said in news if position >= first.get(said.booking_id, 0)])


async def _tell_experts(work: Work, news: Sequence[News]) -> None:
    if not news:
        return
    rows = await consultations.lock(work, sorted({event.booking_id for event in news}))
    by_booking: dict[str, list[Consultation]] = {}
    for row in rows:
        by_booking.setdefault(row.booking_id, []).append(_known(row))
    told = [known.hear(event) for event in news for known in by_booking.get(event.booking_id, ())]
    await consultations.save(
        work,
        [
            consultations.Standing(
                known.booking_id, known.line_id, known.starts_at, known.rescheduled_at, known.ended_at
            )
            for group in by_booking.values()
            for known in group
        ],
    )
    await queue(work, [notice for notice in told if notice is not None])


def _known(row: Any) -> Consultation:
    return Consultation(
        row.booking_id, row.line_id, row.expert_id, row.title, row.starts_at, row.rescheduled_at, row.ended_at
    )
