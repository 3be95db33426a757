"""What the routes take and give, with an example of each."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chassis.problems import MEDIA_TYPE, TYPES
from contracts.values import Identifier

_PAYMENT_ID = "0199a1f2-6c1b-7c3a-9f43-2f6d7c8a9b01"
_BOOKING_ID = "0199a1f2-5a00-7d11-8e22-aa33bb44cc55"


def problems_of(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with problems of `kinds`, an example for each."""
    listed: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        status, title = TYPES[kind]
        example = {
            "type": f"https://payfirst.dev/problems/{kind}",
            "title": title,
            "status": status,
            "detail": title,
            "instance": f"urn:uuid:{_PAYMENT_ID}",
        }
        entry = listed.setdefault(status, {"description": title, "content": {MEDIA_TYPE: {"examples": {}}}})
        entry["content"][MEDIA_TYPE]["examples"][kind] = {"value": example}
    return listed


class Taken(BaseModel):
    """Base of request bodies: unknown fields are refused, amounts among them."""

    model_config = ConfigDict(extra="forbid")


class Given(BaseModel):
    """Base of answers."""

    model_config = ConfigDict(from_attributes=True)


class CreateOrder(Taken):
    """What opens a payment: the token that booking gave at checkout, and the gateway of the buyer's choice."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"checkout_token": "eyJ…", "gateway": "razorpay"}]}
    )

    checkout_token: str = Field(min_length=1, max_length=8192)
    gateway: Identifier


class CreatedOrder(Given):
    """A payment that can be paid now (S0-05). `amount` is in minor units, as this contract always had it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "payment_id": _PAYMENT_ID,
                    "gateway": "razorpay",
                    "status": "created",
                    "amount": 99900,
                    "amount_minor": 99900,
                    "currency": "INR",
                    "razorpay_order_id": "order_9A33XWu170gUtm",
                    "key_id": "rzp_test_1DP5mmOlF5G5ag",
                }
            ]
        }
    )

    payment_id: UUID
    gateway: str
    status: str
    amount: int
    amount_minor: int
    currency: str
    razorpay_order_id: str | None = None
    key_id: str | None = None


class Verify(Taken):
    """What Razorpay's checkout gave to the browser (S0-06)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "razorpay_order_id": "order_9A33XWu170gUtm",
                    "razorpay_payment_id": "pay_29QQoUBi66xm2f",
                    "razorpay_signature": "9ef4dffbfd84f1318f6739a3ce19f9d85851857ae648f114332d8401e0949a3d",
                }
            ]
        },
    )

    razorpay_order_id: Identifier
    razorpay_payment_id: Identifier
    razorpay_signature: str = Field(min_length=1, max_length=256)


class VerifiedBooking(Given):
    """The booking that the payment made; `total_amount` in minor units."""

    book_id: str
    booking_id: str
    status: str
    total_amount: int


class VerifiedOrder(Given):
    """One vendor's order, for purchases that have them (S3-04)."""

    order_id: str
    vendor_name: str
    amount: int
    status: str


class Verified(Given):
    """What is known now; `status_url` tells the rest (S0-06, S3-04). Amounts in minor units."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "success": True,
                    "payment_id": _PAYMENT_ID,
                    "payment_status": "captured",
                    "booking_created": True,
                    "booking": {
                        "book_id": "BK-449034CB",
                        "booking_id": _BOOKING_ID,
                        "status": "CONFIRMED",
                        "total_amount": 99900,
                    },
                    "orders": [],
                    "total_amount": 99900,
                    "amount_minor": 99900,
                    "currency": "INR",
                    "status_url": f"/api/v1/payments/{_PAYMENT_ID}/check-booking",
                }
            ]
        }
    )

    success: bool
    payment_id: UUID
    payment_status: str
    booking_created: bool
    booking: VerifiedBooking | None
    orders: list[VerifiedOrder] = []
    total_amount: int
    amount_minor: int
    currency: str
    status_url: str


class CheckedBooking(Given):
    """A booking as S4 shows it; `total_amount` is decimal text."""

    book_id: str
    booking_id: str
    status: str
    total_amount: str


class Checked(Given):
    """Where payment and booking stand (S4-04)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "success": True,
                    "payment_status": "captured",
                    "booking_created": True,
                    "booking": {
                        "book_id": "BK-449034CB",
                        "booking_id": _BOOKING_ID,
                        "status": "CONFIRMED",
                        "total_amount": "999.00",
                    },
                }
            ]
        }
    )

    success: bool
    payment_status: str
    booking_created: bool
    booking: CheckedBooking | None


class AttemptShown(Given):
    """One try of the buyer at the gateway."""

    gateway_payment_id: str
    status: str
    amount_minor: int
    currency: str
    captured_minor: int
    refunded_minor: int
    surplus: bool
    late: bool
    reason: str | None
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
    attempts: list[AttemptShown]
    refunds: list[RefundShown]
    transitions: list[TransitionShown]


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


class Acknowledged(Given):
    """The event is on record."""

    status: str = "stored"
