"""A payment with its attempts and refunds as they are inside one transaction, and what deciding about it brings about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.payment.domain.observation import Observation, Seen
from services.payment.domain.planning import Collection
from services.payment.domain.states import DisputeState, JournalKind, PaymentState, RefundState


@dataclass(slots=True)
class Attempt:
    """One payment of the gateway under an order of ours. `surplus`: a success beside the one that counts."""

    gateway_payment_id: str
    gateway_order_id: str
    status: Seen
    amount_minor: int
    currency: str
    authorized_minor: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    surplus: bool = False
    fee_minor: int = 0
    late: bool = False
    reason: str | None = None


@dataclass(slots=True)
class Refund:
    """Money going back: `refund_key` is the intent, unique for the payment (M-10)."""

    id: UUID
    refund_key: str
    gateway_payment_id: str
    status: RefundState
    amount_minor: int
    reason: str
    gateway_refund_id: str | None = None


@dataclass(slots=True)
class Dispute:
    """Money that the buyer's bank claims back; `respond_by`: until when it takes our answer."""

    id: UUID
    gateway_dispute_id: str
    gateway_payment_id: str
    status: DisputeState
    amount_minor: int
    reason: str
    respond_by: datetime | None = None


@dataclass(slots=True)
class Payment:
    """Money from one buyer for one booking id through one gateway, locked by the transaction that holds it.

    `orders`: the gateway's orders made for it, oldest first; None stands for one whose making was not answered yet.
    `authorize_at`: when a saved method is to be charged; `charge_at`: when it is tried next; `expires_at`: until when it
    may be paid at all. `saved_customer` and `saved_method` are the gateway's ids of what was saved.
    """

    id: UUID
    booking_id: str
    gateway: str
    status: PaymentState
    amount_minor: int
    currency: str
    authorized_minor: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    gateway_order_id: str | None = None
    gateway_payment_id: str | None = None
    duplicate_of: UUID | None = None
    secured_at: datetime | None = None
    collection: Collection = Collection.CAPTURE_NOW
    service_ends_at: datetime | None = None
    capture_before: datetime | None = None
    capture_at: datetime | None = None
    fee_minor: int = 0
    expires_at: datetime | None = None
    authorize_at: datetime | None = None
    charge_at: datetime | None = None
    saved_customer: str | None = None
    saved_method: str | None = None
    orders: list[str | None] = field(default_factory=list)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    refunds: dict[UUID, Refund] = field(default_factory=dict)
    disputes: dict[str, Dispute] = field(default_factory=dict)

    def owed(self, gateway_payment_id: str) -> int:
        """What of an attempt's captured money is going back or went back, minor units."""
        live = (RefundState.REQUESTED, RefundState.SENT, RefundState.SUCCEEDED)
        return sum(
            refund.amount_minor
            for refund in self.refunds.values()
            if refund.gateway_payment_id == gateway_payment_id and refund.status in live
        )


class FactKind(StrEnum):
    """What other services are told."""

    METHOD_SAVED = "method_saved"
    SECURED = "secured"
    CAPTURED = "captured"
    FAILED = "failed"
    EXPIRED = "expired"
    REFUND_SUCCEEDED = "refund_succeeded"
    REFUND_FAILED = "refund_failed"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something to tell about `payment`; `secured_as` and `reason` where the kind has them. `released`: the refund is of
    money that was never taken."""

    kind: FactKind
    payment: Payment
    refund: Refund | None = None
    secured_as: PaymentState | None = None
    reason: str = ""
    released: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """One move of a payment or refund: a row of the audit trail."""

    subject: UUID
    from_status: str | None
    to_status: str
    trigger: str
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a payment's move rested on (P-17)."""

    payment_id: UUID
    to_status: str
    seen: Observation


@dataclass(frozen=True, slots=True)
class Case:
    """Something a person must decide. `dedupe` keeps repeats of one trouble one case; without a deadline of its own the
    usual one counts."""

    kind: str
    dedupe: str
    detail: str
    payment: Payment
    expected_minor: int | None = None
    seen_minor: int | None = None
    deadline_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that moved and has to be booked: `reference` names its cause, `amount_minor` how much."""

    kind: JournalKind
    payment: Payment
    reference: str
    amount_minor: int


@dataclass(slots=True)
class Effects:
    """All that one transaction has to write and tell besides the payments themselves."""

    now: datetime
    new_id: Callable[[], UUID]
    payment_moves: list[Transition] = field(default_factory=list)
    refund_moves: list[Transition] = field(default_factory=list)
    dispute_moves: list[Transition] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    cases: dict[str, Case] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    adopted_orders: list[tuple[Payment, str]] = field(default_factory=list)
    ended_orders: list[tuple[Payment, str]] = field(default_factory=list)
    captures: list[Payment] = field(default_factory=list)
    refund_runs: list[tuple[Payment, Refund]] = field(default_factory=list)
    touched_payments: dict[UUID, Payment] = field(default_factory=dict)
    touched_attempts: dict[str, tuple[Payment, Attempt]] = field(default_factory=dict)
    touched_refunds: dict[UUID, tuple[Payment, Refund]] = field(default_factory=dict)
    touched_disputes: dict[UUID, tuple[Payment, Dispute]] = field(default_factory=dict)

    def touch(self, payment: Payment, attempt: Attempt | None = None, refund: Refund | None = None) -> None:
        """Remember that these rows must be written."""
        self.touched_payments[payment.id] = payment
        if attempt is not None:
            self.touched_attempts[attempt.gateway_payment_id] = (payment, attempt)
        if refund is not None:
            self.touched_refunds[refund.id] = (payment, refund)

    def book(self, kind: JournalKind, payment: Payment, reference: object, amount_minor: int) -> None:
        """Remember that this money moved; nothing moved where the amount is zero."""
        if amount_minor:
            self.movements.append(Movement(kind, payment, str(reference), amount_minor))

    def open_case(self, case: Case) -> None:
        """Put `case` before a person, once."""
        self.cases.setdefault(case.dedupe, case)
