"""Which event makes which notice, for whom, and whether the recipient may decline it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel

from contracts.booking_events import BookingCancelled, HoldExtended
from contracts.fulfillment_events import AllocationPending, FulfillmentCompleted, TrainerAssigned
from contracts.payment_events import PaymentFailed, RefundSucceeded

BUYER = "buyer"


class Kind(StrEnum):
    """What a notice says. One template pair, text and MJML, has the same name."""

    CONFIRMATION = "confirmation"
    TRAINER_ASSIGNMENT = "trainer-assignment"
    ALLOCATION_PENDING = "allocation-pending"
    CANCELLATION = "cancellation"
    REFUND = "refund"
    CARD_SAVED = "card-saved"
    CHARGE_DECLINED = "charge-declined"


OPTIONAL = frozenset({Kind.ALLOCATION_PENDING})
PUSHED = frozenset({Kind.CONFIRMATION})


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell one recipient. (booking_id, kind, recipient, about) is unique: it is owed once.

    `recipient` is `buyer`, `trainer:<id>` or `device:<id>`, never an address. `about` is the purchase, refund or
    booking that it speaks of, so that two courses of one booking give their trainer two notices. `facts` is JSON text.
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


def _pending(event: AllocationPending) -> Notice:
    return Notice(event.booking_id, Kind.ALLOCATION_PENDING, BUYER, event.purchase_id, event.encode().decode())


def _cancelled(event: BookingCancelled) -> Notice:
    return Notice(event.booking_id, Kind.CANCELLATION, BUYER, event.booking_id, event.encode().decode())


def _refunded(event: RefundSucceeded) -> Notice:
    return Notice(event.booking_id, Kind.REFUND, BUYER, event.refund_id, event.encode().decode())


def _extended(event: HoldExtended) -> Notice:
    # The buyer's address stays in `contacts`.
    return Notice(event.booking_id, Kind.CARD_SAVED, BUYER, event.payment_id, event.model_dump_json(exclude={"unmade"}))


def _declined(event: PaymentFailed) -> Notice | None:
    # Who is at the checkout was told there; one mail says it, though the card is tried again.
    if event.pay_by is None:
        return None
    return Notice(event.booking_id, Kind.CHARGE_DECLINED, BUYER, event.payment_id, event.encode().decode())


_NOTICES: dict[str, Callable[[Any], Notice | None]] = {
    FulfillmentCompleted.type: _completed,
    TrainerAssigned.type: _assigned,
    AllocationPending.type: _pending,
    BookingCancelled.type: _cancelled,
    RefundSucceeded.type: _refunded,
    HoldExtended.type: _extended,
    PaymentFailed.type: _declined,
}
EVENTS = (
    FulfillmentCompleted,
    TrainerAssigned,
    AllocationPending,
    BookingCancelled,
    RefundSucceeded,
    HoldExtended,
    PaymentFailed,
)


def notice_of(event: Any) -> Notice | None:
    """The notice that `event` makes, None where this one tells nobody anything. Raises `KeyError` for an event that never does."""
    return _NOTICES[event.type](event)
