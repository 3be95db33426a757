"""What booking tells becomes payment's own view: the checkouts that process-cart pays, and the booking part of verify."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.steps import Message
from chassis.work import Work
from contracts.booking_events import BookingCancelled, BookingConfirmed, CheckoutOpened, HoldExpired
from services.payment.domain.shares import SoldLine
from services.payment.handlers.charges import Charges
from services.payment.storage import bookings, books, checkouts


class Bookings:
    """The handler of `payment.bookings`: the view, and an end to charges for what nobody can get any more."""

    def __init__(self, charges: Charges) -> None:
        self._charges = charges

    async def record_many(self, work: Work, messages: Sequence[Message]) -> None:
        """Keep what was told; the saved methods of holds that ended and bookings that were cancelled are not charged."""
        await record_many(work, messages)
        ended = {m.event.booking_id for m in messages if isinstance(m.event, HoldExpired | BookingCancelled)}
        if ended:
            await self._charges.stop(work, sorted(ended))


async def record_many(work: Work, messages: Sequence[Message]) -> None:
    """Keep checkouts, confirmed and cancelled bookings, and share out the money that was captured for the confirmed
    ones: at most seven statements for any number of messages."""
    if opened := [m.event for m in messages if isinstance(m.event, CheckoutOpened)]:
        await checkouts.keep(work, opened)
    confirmed = {m.event.booking_id: m.event for m in messages if isinstance(m.event, BookingConfirmed)}
    cancelled = {m.event.booking_id: m.event for m in messages if isinstance(m.event, BookingCancelled)}
    if confirmed:
        await bookings.confirm(
            work,
            [
                (e.booking_id, e.reference, e.amount_minor, e.currency, e.confirmed_at, _sold(e))
                for _, e in sorted(confirmed.items())
            ],
        )
        await books.share(work, sorted(confirmed))
    if cancelled:
        await bookings.cancel(work, [(e.booking_id, e.reference, e.cancelled_at) for _, e in sorted(cancelled.items())])


def _sold(event: BookingConfirmed) -> list[SoldLine]:
    return [SoldLine(line.line_id, line.total_minor, line.partner_id, line.partner_bps) for line in event.lines]
