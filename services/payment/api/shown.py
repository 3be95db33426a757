"""What the reading routes and the cases show."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from services.payment.api.schemas import Given, Taken


class AttemptShown(Given):
    """One try of the buyer at the gateway. `decline`: the class of a failed one, for words in the buyer's language."""

    gateway_payment_id: str
    status: str
    amount_minor: int
    currency: str
    captured_minor: int
    refunded_minor: int
    surplus: bool
    late: bool
    reason: str | None
    decline: str | None = None
    created_at: datetime


class RefundShown(Given):
    """Money on its way back."""

    id: UUID
    status: str
    amount_minor: int
    currency: str
    reason: str
    gateway_payment_id: str
    gateway_refund_id: str | None
    created_at: datetime
    updated_at: datetime


class TransitionShown(Given):
    """One move of the payment."""

    from_status: str | None
    to_status: str
    trigger: str
    reason: str
    source: str
    at: datetime


class PaymentShown(Given):
    """A payment: state, attempts, refunds and money so far (S3-12)."""

    payment_id: UUID
    booking_id: str
    reference: str
    gateway: str
    status: str
    amount_minor: int
    currency: str
    authorized_minor: int
    captured_minor: int
    refunded_minor: int
    gateway_order_id: str | None
    gateway_payment_id: str | None
    duplicate_of: UUID | None
    expires_at: datetime
    secured_at: datetime | None
    created_at: datetime
    collection: str
    plan_why: str
    capture_before: datetime | None
    capture_at: datetime | None
    authorize_at: datetime | None
    charge_at: datetime | None
    fee_minor: int
    attempts: list[AttemptShown]
    refunds: list[RefundShown]
    transitions: list[TransitionShown]


class Payments(Given):
    """The payments of one booking."""

    payments: list[PaymentShown]


class CaseShown(Given):
    """Something a person must decide."""

    id: UUID
    kind: str
    payment_id: UUID | None
    booking_id: str | None
    expected_minor: int | None
    seen_minor: int | None
    currency: str | None
    detail: str
    opened_at: datetime
    deadline_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    closed_reason: str | None


class Cases(Given):
    """One page of cases; `next_page_token` is null on the last."""

    cases: list[CaseShown]
    next_page_token: str | None


class CloseCase(Taken):
    """Why a person closes a case."""

    reason: str = Field(min_length=3, max_length=500)
