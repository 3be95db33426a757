"""`payment.method_saved` → the hold keeps its places until the charge and its grace; nothing is booked before money is secured."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from chassis.machine import Move
from chassis.outcomes import Dead
from chassis.steps import Message
from chassis.work import Work
from contracts.booking_events import Buyer, ConfirmedLine, HoldExpired, HoldExtended, UnmadeBooking, time_zone_of
from contracts.payment_events import PaymentMethodSaved
from services.booking.domain.confirming import SAVED_GRACE
from services.booking.domain.states import HoldState, HoldTrigger
from services.booking.domain.transitions import HOLD
from services.booking.storage import holds

_LINES = TypeAdapter(tuple[ConfirmedLine, ...])


async def extend_many(work: Work, messages: Sequence[Message]) -> None:
    """Move the deadlines of the holds whose methods were saved. Raises `Dead` for a booking id that we never gave out.

    A hold that has ended says so again: its places may be somebody else's, and payment must not charge for them.
    """
    locked = await holds.lock_many(work, sorted({message.key for message in messages})) if messages else {}
    extended: dict[str, datetime] = {}
    for message in messages:
        saved: PaymentMethodSaved = message.event
        hold = locked.get(message.key)
        if hold is None:
            raise Dead(f"no checkout has the booking id {message.key}")
        until = saved.pay_by + SAVED_GRACE
        if not isinstance(HOLD.decide(HoldState(hold.state), HoldTrigger.METHOD_SAVED), Move):
            if hold.state != HoldState.CONVERTED:
                work.tell(HoldExpired(booking_id=message.key, expired_at=datetime.now(UTC)), causation=message.id)
        elif (saved.amount_minor, saved.currency) != (hold.amount_minor, hold.currency):
            detail = {"saved_minor": saved.amount_minor, "currency": saved.currency, "payment_id": saved.payment_id}
            await holds.open_case(work, "payment-mismatch", message.key, detail)
        elif until > extended.get(message.key, hold.expires_at):
            extended[message.key] = until
            work.tell(_event(hold, saved, until), causation=message.id)
    if extended:
        await holds.extend_many(work, sorted(extended.items()))


def _event(hold: Any, saved: PaymentMethodSaved, until: datetime) -> HoldExtended:
    return HoldExtended(
        booking_id=hold.booking_id,
        payment_id=saved.payment_id,
        amount_minor=hold.amount_minor,
        currency=hold.currency,
        charge_at=saved.charge_at,
        pay_by=saved.pay_by,
        expires_at=until,
        extended_at=saved.saved_at,
        unmade=unmade(hold),
    )


def unmade(hold: Any) -> UnmadeBooking:
    """Whom notification has to tell while there is no booking: nobody else says it. No phone: no need."""
    lines = lines_of(hold)
    return UnmadeBooking(
        reference=hold.reference,
        buyer=Buyer.model_validate_json(hold.buyer).model_copy(update={"phone": None}),
        time_zone=time_zone_of(lines),
        titles=tuple(line.title for line in lines),
    )


def lines_of(hold: Any) -> tuple[ConfirmedLine, ...]:
    """What was put into the cart, as it is told."""
    return _LINES.validate_json(hold.lines)
