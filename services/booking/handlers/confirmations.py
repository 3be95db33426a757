"""`payment.secured` → the hold becomes a booking, or the money goes back. `payment.method_saved` → it waits for its charge."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from chassis.outcomes import Dead
from chassis.steps import Message
from chassis.work import Work
from contracts.booking_events import BookingConfirmed, Buyer, RefundDue, UnmadeBooking
from contracts.payment_events import PaymentSecured
from services.booking.domain.confirming import Decision, decide
from services.booking.domain.states import HoldState
from services.booking.handlers.extensions import extend_many, lines_of, unmade
from services.booking.storage import holds, offers, slots


async def take_many(work: Work, messages: Sequence[Message]) -> None:
    """Take what payments told, as if one by one: a method counts as saved before its booking was paid, or after."""
    paid = [message for message in messages if isinstance(message.event, PaymentSecured)]
    seen: set[str] = set()
    before: list[Message] = []
    after: list[Message] = []
    for message in messages:
        if isinstance(message.event, PaymentSecured):
            seen.add(message.key)
        else:
            (after if message.key in seen else before).append(message)
    await extend_many(work, before)
    await confirm_many(work, paid)
    await extend_many(work, after)


async def confirm_many(work: Work, messages: Sequence[Message]) -> None:
    """Confirm every paid hold of the batch in one statement. Raises `Dead` for a booking id that we never gave out."""
    locked = await holds.lock_many(work, sorted({message.key for message in messages}))
    confirmed: dict[str, str] = {}
    batch: list[tuple[str, str, str, str]] = []
    for message in messages:
        paid: PaymentSecured = message.event
        hold = locked.get(message.key)
        if hold is None:
            raise Dead(f"no checkout has the booking id {message.key}")
        decision = decide(
            HoldState(hold.state),
            (hold.amount_minor, hold.currency),
            (paid.amount_minor, paid.currency),
            paid.payment_id,
            confirmed.get(message.key, hold.payment_id),
        )
        if decision.answer == "take_again":
            decision = await _late(work, hold, paid.payment_id) or decision
        if decision.answer == "refund":
            booked = message.key in confirmed or hold.payment_id is not None
            await _give_back(work, message, decision, None if booked else unmade(hold))
        elif decision.answer != "ignore":
            confirmed[message.key] = paid.payment_id
            batch.append((message.key, paid.payment_id, hold.state, paid.secured_as))
            work.tell(_event(hold, paid.payment_id), causation=message.id)
    if batch:
        await holds.confirm_many(work, batch)


async def _late(work: Work, hold: Any, payment_id: str) -> Decision | None:
    """What else than a booking a payment after the hold's end is for: nothing when it goes back already, though a place be
    free by now; its refund when the places are gone. None: the places are taken again."""
    if await holds.goes_back(work, payment_id):
        return Decision("ignore", "this money goes back already")
    if await _take_again(work, hold):
        return None
    return Decision("refund", "the place was taken by somebody else", "place-gone")


async def _take_again(work: Work, hold: Any) -> bool:
    """Take the places and times of an expired hold again; what was taken before the first miss is given back."""
    taken: dict[str, int] = {}
    for offer_id, count in sorted(orjson.loads(hold.places).items()):
        if not await offers.take_places(work, {offer_id: count}):
            await offers.give_places_back(work, taken)
            return False
        taken[offer_id] = count
    if not await slots.take_again(work, hold.booking_id):
        await offers.give_places_back(work, taken)
        return False
    return True


async def _give_back(work: Work, message: Message, decision: Decision, unmade: UnmadeBooking | None) -> None:
    paid: PaymentSecured = message.event
    await holds.keep_unbooked(work, paid, decision.refund_key)
    if decision.refund_key.startswith("mismatch"):
        detail = {"paid_minor": paid.amount_minor, "currency": paid.currency, "payment_id": paid.payment_id}
        await holds.open_case(work, "payment-mismatch", message.key, detail)
    work.tell(
        RefundDue(
            booking_id=message.key,
            payment_id=paid.payment_id,
            refund_key=decision.refund_key,
            amount_minor=paid.amount_minor,
            currency=paid.currency,
            reason=decision.reason,
            unmade=unmade,
        ),
        causation=message.id,
    )


def _event(hold: Any, payment_id: str) -> BookingConfirmed:
    return BookingConfirmed(
        booking_id=hold.booking_id,
        reference=hold.reference,
        payment_id=payment_id,
        buyer=Buyer.model_validate_json(hold.buyer),
        lines=lines_of(hold),
        amount_minor=hold.amount_minor,
        currency=hold.currency,
        confirmed_at=datetime.now(UTC),
    )
