"""Who is told: buyers by booking id and trainers by id. Addresses live here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.work import Work
from contracts.booking_events import (
    BookingConfirmed,
    HoldExtended,
    QuotationSent,
    RefundDue,
    UnmadeBooking,
    time_zone_of,
)
from contracts.fulfillment_events import TrainerAssigned

BuyerTold = BookingConfirmed | HoldExtended | QuotationSent | RefundDue
"""What says who the buyer of a booking is."""
_RECORD_BUYERS = """
INSERT INTO contacts (booking_id, student_id, name, email, reference, time_zone, titles)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
ON CONFLICT (booking_id) DO NOTHING
"""
# A trainer who is known as told is not written or locked again: batches of busy trainers do not wait for each other.
_RECORD_TRAINERS = """
INSERT INTO trainers AS known (trainer_id, name, email)
SELECT told.* FROM unnest($1::text[], $2::text[], $3::text[]) AS told (trainer_id, name, email)
WHERE NOT EXISTS (SELECT 1 FROM trainers t
                  WHERE t.trainer_id = told.trainer_id AND t.name = told.name AND t.email = told.email)
ORDER BY told.trainer_id
ON CONFLICT (trainer_id) DO UPDATE SET name = excluded.name, email = excluded.email
"""


def _buyer(event: BuyerTold) -> tuple[str, ...] | None:
    """The row of the buyer that `event` tells of, None when it tells of none."""
    if isinstance(event, BookingConfirmed):
        told: BookingConfirmed | UnmadeBooking = event
        zone, titles = time_zone_of(event.lines), [line.title for line in event.lines]
    elif event.unmade is not None:
        told, zone, titles = event.unmade, event.unmade.time_zone, list(event.unmade.titles)
    else:
        return None
    buyer = told.buyer
    return event.booking_id, buyer.student_id, buyer.name, buyer.email, told.reference, zone, " · ".join(titles)


async def record_buyers(work: Work, events: Sequence[BuyerTold]) -> None:
    """Keep each buyer that `events` tell of; one that is known already stays as it is."""
    if rows := [row for event in events if (row := _buyer(event)) is not None]:
        await work.execute(_RECORD_BUYERS, *(list(column) for column in zip(*rows, strict=True)))


async def record_trainers(work: Work, events: Sequence[TrainerAssigned]) -> None:
    """Keep name and address of each trainer in `events`; the latest word of the batch counts."""
    latest = {event.trainer_id: event for event in events}
    await work.execute(
        _RECORD_TRAINERS,
        list(latest),
        [event.trainer_name for event in latest.values()],
        [event.trainer_email for event in latest.values()],
    )


async def student_of(work: Work, booking_id: str) -> str | None:
    """The student id of the booking's buyer, or None while the booking is not known here."""
    row = await work.fetch_one("SELECT student_id FROM contacts WHERE booking_id = $1", booking_id)
    return None if row is None else str(row.student_id)
