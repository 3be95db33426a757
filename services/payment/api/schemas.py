"""What the routes take and give, with an example of each."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.values import Identifier

_PAYMENT_ID = "0199a1f2-6c1b-7c3a-9f43-2f6d7c8a9b01"
_RETURNS = frozenset(
    {
        frozenset({"razorpay_order_id", "razorpay_payment_id", "razorpay_signature"}),
        frozenset({"payment_intent_id"}),
        frozenset({"setup_intent_id"}),
        frozenset({"payment_id"}),
    }
)
_CREATED: dict[str, Any] = {
    "payment_id": _PAYMENT_ID,
    "status": "created",
    "amount": 99900,
    "amount_minor": 99900,
    "currency": "INR",
}
_BOOKING_ID = "0199a1f2-5a00-7d11-8e22-aa33bb44cc55"


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
    """A payment that can be paid now (S0-05). `amount` is in minor units, as this contract always had it.

    What the browser needs is there by gateway: order id and key, intent with its secret, or the address of a page. With
    `collection` "save_method" a card is saved now and `amount` is charged at `charge_at`, not before.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_CREATED,
                    "gateway": "razorpay",
                    "razorpay_order_id": "order_9A33XWu170gUtm",
                    "key_id": "rzp_test_1",
                },
                {
                    **_CREATED,
                    "gateway": "stripe",
                    "payment_intent_id": "pi_3MtwBw",
                    "client_secret": "pi_3MtwBw_secret_YrKJ",
                    "publishable_key": "pk_test_1",
                },
                {
                    **_CREATED,
                    "gateway": "stripe",
                    "setup_intent_id": "seti_1MtwBw",
                    "client_secret": "seti_1MtwBw_secret_YrKJ",
                    "publishable_key": "pk_test_1",
                    "collection": "save_method",
                    "charge_at": "2026-12-30T09:30:00Z",
                },
                {**_CREATED, "gateway": "phonepe", "payment_url": "https://mercury.phonepe.com/transact/…"},
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
    payment_intent_id: str | None = None
    setup_intent_id: str | None = None
    client_secret: str | None = None
    publishable_key: str | None = None
    payment_url: str | None = None
    collection: str | None = None
    charge_at: datetime | None = None


class WaysToPay(Taken):
    """The checkout that somebody wants to pay."""

    checkout_token: str = Field(min_length=1, max_length=8192)


class PaymentOption(Given):
    """One way to pay. `available` is false while the gateway does not answer; `collection` says when money is taken:
    with "save_method" at `charge_at`."""

    gateway: str
    available: bool
    methods: list[str]
    collection: str
    why: str
    charge_at: datetime | None = None


class PaymentOptions(Given):
    """The ways to pay a checkout, the ones that answer at the moment first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "amount_minor": 99900,
                    "currency": "INR",
                    "expires_at": "2026-11-20T22:30:00Z",
                    "options": [
                        {
                            "gateway": "phonepe",
                            "available": True,
                            "methods": ["upi", "card", "netbanking"],
                            "collection": "capture_now",
                            "why": "the offer is paid at once",
                        }
                    ],
                }
            ]
        }
    )

    amount_minor: int
    currency: str
    expires_at: datetime
    options: list[PaymentOption]


class Verify(Taken):
    """What the checkout gave to the browser: Razorpay's triple (S0-06), Stripe's intent or setup intent, or our
    own payment id."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "razorpay_order_id": "order_9A33XWu170gUtm",
                    "razorpay_payment_id": "pay_29QQoUBi66xm2f",
                    "razorpay_signature": "9ef4dffbfd84f1318f6739a3ce19f9d85851857ae648f114332d8401e0949a3d",
                },
                {"payment_intent_id": "pi_3MtwBw"},
                {"setup_intent_id": "seti_1MtwBw"},
                {"payment_id": _PAYMENT_ID},
            ]
        },
    )

    razorpay_order_id: Identifier | None = None
    razorpay_payment_id: Identifier | None = None
    razorpay_signature: str | None = Field(default=None, min_length=1, max_length=256)
    payment_intent_id: Identifier | None = None
    setup_intent_id: Identifier | None = None
    payment_id: UUID | None = None

    @model_validator(mode="after")
    def one_shape(self) -> Verify:
        """Exactly one gateway's fields, and all of them."""
        given = frozenset(self.model_dump(exclude_none=True))
        if given not in _RETURNS:
            raise ValueError(
                "send razorpay_order_id, razorpay_payment_id and razorpay_signature; "
                "or payment_intent_id; or setup_intent_id; or payment_id"
            )
        return self

    def fields(self) -> dict[str, str]:
        """What was given, as text by name."""
        return {name: str(value) for name, value in self.model_dump(exclude_none=True).items()}


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


class Acknowledged(Given):
    """The event is on record."""

    status: str = "stored"
