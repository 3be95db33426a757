"""What a gateway said, by reply, webhook, poll or verify: one type for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Seen(StrEnum):
    """What the gateway said of one of its payments, in our words. Anything unclear is `pending`."""

    PENDING = "pending"
    FAILED = "failed"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    VOIDED = "voided"
    METHOD_SAVED = "method_saved"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_REVIEWED = "dispute_reviewed"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"


class RefundSeen(StrEnum):
    """What the gateway said of a refund."""

    PENDING = "pending"
    PROCESSED = "processed"
    FAILED = "failed"


class PayoutSeen(StrEnum):
    """What the gateway said of a payout to a partner. `returned`: it arrived nowhere, or came back whole."""

    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"


class Source(StrEnum):
    """The way an observation came."""

    REPLY = "reply"
    WEBHOOK = "webhook"
    POLL = "poll"
    VERIFY = "verify"


NO_CURRENCY = "XXX"
"""ISO 4217 for no currency."""


@dataclass(frozen=True, slots=True)
class RefundPart:
    """The refund that an observation is about: the gateway's id, ours when it carried it, minor units."""

    gateway_refund_id: str | None
    refund_id: UUID | None
    status: RefundSeen
    amount_minor: int


@dataclass(frozen=True, slots=True)
class DisputePart:
    """The dispute that an observation is about: the gateway's id, what is disputed, and until when to answer the bank."""

    gateway_dispute_id: str
    amount_minor: int
    respond_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class SetupPart:
    """The saving of a method that an observation is about: the gateway's ids of customer and method once it is saved."""

    customer_id: str | None = None
    method_id: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing a gateway said about one of its payments.

    `payment_id` is our own id as the gateway's order carries it (receipt or notes), used only while the gateway's order
    id is not stored. `account` is the merchant account as far as the channel tells it. `raw` refers to what was said
    (the id of a stored webhook, or the path of a query). Amounts are minor units: `amount_minor` is the order's,
    `captured_minor` what was taken of it where that is less, `fee_minor` what the gateway keeps, tax included,
    `refunded_minor` the sum of its refunds that are done or on their way, as the gateway counts them.
    `capture_before`: the gateway's own deadline of an authorization. With `setup` it is about the saving of a method, which
    proves no money: the amount is 0 and the currency `NO_CURRENCY`.
    """

    gateway: str
    gateway_order_id: str
    gateway_payment_id: str
    status: Seen
    amount_minor: int
    currency: str
    account: str
    source: Source
    raw: str
    payment_id: UUID | None = None
    late: bool = False
    reason: str | None = None
    refund: RefundPart | None = None
    captured_minor: int | None = None
    fee_minor: int | None = None
    refunded_minor: int | None = None
    capture_before: datetime | None = None
    dispute: DisputePart | None = None
    setup: SetupPart | None = None


@dataclass(frozen=True, slots=True)
class PayoutPart:
    """What a gateway said of one payout: its id, ours when it carried it, to which account of the gateway, minor units.

    `returned_minor`: what came back of it so far. `reason`: the gateway's code when it failed.
    """

    gateway_payout_id: str
    payout_id: UUID | None
    status: PayoutSeen
    amount_minor: int
    currency: str
    destination: str
    returned_minor: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What a webhook said: observations that count as they are, and what to ask about because the event proves nothing.

    `orders`: the gateway's order ids; `refunds`: our refund ids; `payouts`: what it said of payouts, which counts.
    """

    observations: tuple[Observation, ...] = ()
    orders: tuple[str, ...] = ()
    refunds: tuple[UUID, ...] = ()
    payouts: tuple[PayoutPart, ...] = ()
