"""What booking tells becomes payment's own view, and moves what is planned: captures and charges follow the service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from chassis.ids import uuid7
from chassis.steps import Message
from chassis.work import Work
from contracts.booking_events import (
    BookingCancelled,
    BookingConfirmed,
    BookingRescheduled,
    CheckoutOpened,
    HoldExpired,
    SessionCompleted,
    SessionContested,
)
from services.payment.adapters.gateways.registry import Gateways
from services.payment.domain.capabilities import Capabilities
from services.payment.domain.capturing import capture_now, follow_service, hold_back
from services.payment.domain.payment import Effects, Payment
from services.payment.domain.saving import give_up
from services.payment.domain.shares import SoldLine
from services.payment.handlers.observations import Observing
from services.payment.storage import bookings, books, checkouts, payments

Change = HoldExpired | BookingCancelled | BookingRescheduled | SessionCompleted | SessionContested
_CANNOT = Capabilities(frozenset())


class Bookings:
    """The handler of `payment.bookings`: the view, and new plans for the money where a service moves or ends."""

    def __init__(self, gateways: Gateways, observing: Observing) -> None:
        self._gateways, self._observing = gateways, observing

    async def record_many(self, work: Work, messages: Sequence[Message]) -> None:
        """Keep what was told, and plan anew what it is about. All payments are locked first and at once: sharing out
        the money of one booking and moving the plan of another must not lock in two steps."""
        changes: list[Change] = [m.event for m in messages if isinstance(m.event, Change)]
        if not changes:
            await record_many(work, messages)
            return
        loaded = await payments.lock_bookings(work, sorted({m.event.booking_id for m in messages}))
        await record_many(work, messages)
        effects = Effects(loaded.now or datetime.now(UTC), uuid7)
        for change in changes:
            for payment in loaded.by_booking.get(change.booking_id, ()):
                self._follow(payment, change, effects)
        await self._observing.settle(work, effects)

    def _follow(self, payment: Payment, change: Change, effects: Effects) -> None:
        """What `change` means for one payment of its booking. A second payment goes back anyway."""
        if payment.duplicate_of is not None:
            return
        if isinstance(change, BookingRescheduled):
            gateway = self._gateways.get(payment.gateway)
            can = _CANNOT if gateway is None else gateway.capabilities
            follow_service(payment, change.service_ends_at, can, effects)
        elif isinstance(change, SessionCompleted):
            if change.last:
                capture_now(payment, effects)
        elif isinstance(change, SessionContested):
            hold_back(payment, effects)
        else:
            give_up(payment, "the place is held no longer", effects)
            if isinstance(change, BookingCancelled) and change.refund_minor == 0:
                capture_now(payment, effects)  # the policy keeps it all, and nobody will say more


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
