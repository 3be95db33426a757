"""Which event makes which notice, for whom, and whether the recipient may decline it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, TypeAdapter

from contracts.booking_events import BookingCancelled, BookingRescheduled, HoldExtended, QuotationSent
from contracts.fulfillment_events import AllocationPending, FulfillmentCompleted, MeetingReady, TrainerAssigned
from contracts.payment_events import PaymentFailed, RefundSucceeded

BUYER = "buyer"
_FACTS = TypeAdapter(dict[str, Any])


class Kind(StrEnum):
    """What a notice says. One template pair, text and MJML, has the same name."""

    CONFIRMATION = "confirmation"
    TRAINER_ASSIGNMENT = "trainer-assignment"
    EXPERT_BOOKING = "expert-booking"
    ALLOCATION_PENDING = "allocation-pending"
    RESCHEDULE = "reschedule"
    CANCELLATION = "cancellation"
    EXPERT_CANCELLATION = "expert-cancellation"
    REFUND = "refund"
    CARD_SAVED = "card-saved"
    CHARGE_DECLINED = "charge-declined"
    QUOTATION = "quotation"


OPTIONAL = frozenset({Kind.ALLOCATION_PENDING})
PUSHED = frozenset({Kind.CONFIRMATION})


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell one recipient. (booking_id, kind, recipient, about) is unique: it is owed once.

    `recipient` is `buyer`, `trainer:<id>`, `expert:<id>` or `device:<id>`, never an address. `about` is the purchase,
    refund, line, move or booking that it speaks of, so that two courses of one booking give their trainer two notices.
    `facts` is JSON text.
    """

    booking_id: str
    kind: Kind
    recipient: str
    about: str
    facts: str


class SendDelivery(BaseModel):
    """Task body of `notification.sending`: hand this delivery over."""

    type: ClassVar[str] = "delivery.send"
    delivery_id: UUID


def _completed(event: FulfillmentCompleted) -> Notice:
    return Notice(event.booking_id, Kind.CONFIRMATION, BUYER, event.booking_id, event.encode().decode())


def _assigned(event: TrainerAssigned) -> Notice:
    # The address stays in `trainers`, where it can be corrected and forgotten.
    facts = event.model_dump_json(exclude={"trainer_email"})
    return Notice(event.booking_id, Kind.TRAINER_ASSIGNMENT, f"trainer:{event.trainer_id}", event.purchase_id, facts)


def _ready(event: MeetingReady) -> Notice | None:
    # Fulfillment names the expert of every session; where it names none, nobody is told.
    if event.expert_id is None or event.purchase_id is None:
        return None
    facts = event.model_dump_json(exclude={"expert_email"})
    return Notice(event.booking_id, Kind.EXPERT_BOOKING, f"expert:{event.expert_id}", event.purchase_id, facts)


def _pending(event: AllocationPending) -> Notice:
    return Notice(event.booking_id, Kind.ALLOCATION_PENDING, BUYER, event.purchase_id, event.encode().decode())


def _cancelled(event: BookingCancelled) -> Notice:
    return Notice(event.booking_id, Kind.CANCELLATION, BUYER, event.booking_id, event.encode().decode())


def _move(event: BookingRescheduled) -> str:
    """What tells one move of a session from every other, also from one back to a time that it had before."""
    return f"{event.line_id}@{event.rescheduled_at.astimezone(UTC).isoformat()}"


def _rescheduled(event: BookingRescheduled) -> Notice:
    return Notice(event.booking_id, Kind.RESCHEDULE, BUYER, _move(event), event.encode().decode())


def rescheduled_for_expert(event: BookingRescheduled, expert_id: str) -> Notice:
    """The same move, for the expert."""
    return Notice(event.booking_id, Kind.RESCHEDULE, f"expert:{expert_id}", _move(event), event.encode().decode())


def cancelled_for_expert(
    event: BookingCancelled, expert_id: str, line_id: str, title: str, starts_at: datetime
) -> Notice:
    """One session that will not be, for its expert: neither the buyer's reason nor the buyer's money."""
    facts = _FACTS.dump_json({"title": title, "starts_at": starts_at}).decode()
    return Notice(event.booking_id, Kind.EXPERT_CANCELLATION, f"expert:{expert_id}", line_id, facts)


def _refunded(event: RefundSucceeded) -> Notice:
    return Notice(event.booking_id, Kind.REFUND, BUYER, event.refund_id, event.encode().decode())


def _extended(event: HoldExtended) -> Notice:
    # The buyer's address stays in `contacts`.
    return Notice(event.booking_id, Kind.CARD_SAVED, BUYER, event.payment_id, event.model_dump_json(exclude={"unmade"}))


def _quoted(event: QuotationSent) -> Notice:
    # One that ended unpaid may be sent anew: it has another booking id then, and is told again.
    facts = event.model_dump_json(exclude={"unmade"})
    return Notice(event.booking_id, Kind.QUOTATION, BUYER, event.quotation_id, facts)


def _declined(event: PaymentFailed) -> Notice | None:
    # Who is at the checkout was told there; one mail says it, though the card is tried again.
    if event.pay_by is None:
        return None
    return Notice(event.booking_id, Kind.CHARGE_DECLINED, BUYER, event.payment_id, event.encode().decode())


_NOTICES: dict[str, Callable[[Any], Notice | None]] = {
    FulfillmentCompleted.type: _completed,
    TrainerAssigned.type: _assigned,
    MeetingReady.type: _ready,
    AllocationPending.type: _pending,
    BookingRescheduled.type: _rescheduled,
    BookingCancelled.type: _cancelled,
    RefundSucceeded.type: _refunded,
    HoldExtended.type: _extended,
    QuotationSent.type: _quoted,
    PaymentFailed.type: _declined,
}
EVENTS = (
    FulfillmentCompleted,
    TrainerAssigned,
    MeetingReady,
    AllocationPending,
    BookingRescheduled,
    BookingCancelled,
    RefundSucceeded,
    HoldExtended,
    QuotationSent,
    PaymentFailed,
)


def notice_of(event: Any) -> Notice | None:
    """The notice that `event` makes, None where this one tells nobody anything. Raises `KeyError` for an event that never does."""
    return _NOTICES[event.type](event)
