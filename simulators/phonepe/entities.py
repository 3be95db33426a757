"""Orders, attempts and refunds as PhonePe keeps them, and the forms in which it shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simulators.phonepe.failures import error_context, error_fields
from simulators.phonepe.instruments import Chosen

CURRENCY = "INR"


@dataclass
class Attempt:
    """One try to pay an order; `amount` in paise. `left`: the payer went away while the bank had not answered yet."""

    transaction_id: str
    chosen: Chosen
    amount: int
    created_at: int
    parts: dict[str, Any]
    state: str = "PENDING"
    code: str | None = None
    left: bool = False
    late_at: float | None = None

    def shown(self) -> dict[str, Any]:
        """The attempt as an entry of `paymentDetails`: rail and instrument once there is an outcome."""
        made: dict[str, Any] = {
            "transactionId": self.transaction_id,
            "paymentMode": self.chosen.mode,
            "timestamp": self.created_at * 1000,
            "amount": self.amount,
            "payableAmount": self.amount,
            "feeAmount": 0,
            "state": self.state,
        }
        if self.state == "COMPLETED":
            made |= {**self.parts, "splitInstruments": self.split(self.amount)}
        if self.code is not None:
            made |= error_fields(self.code)
        return made

    def split(self, amount: int) -> list[dict[str, Any]]:
        """Rail and instrument as the one part that `amount` was paid or given back with."""
        return [{**self.parts, "amount": amount}]


@dataclass
class Order:
    """An order; `amount` in paise, `expire_at` and `created_at` in seconds of the vendors' clock."""

    merchant_order_id: str
    order_id: str
    amount: int
    expire_at: int
    created_at: int
    meta: dict[str, str]
    redirect_url: str
    message: str
    retries: bool
    modes: dict[str, tuple[str, ...]]
    state: str = "PENDING"
    code: str | None = None
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def under_way(self) -> Attempt | None:
        """The newest attempt that the bank has not answered."""
        return next((attempt for attempt in reversed(self.attempts) if attempt.state == "PENDING"), None)

    @property
    def paid(self) -> Attempt | None:
        """The attempt that paid the order."""
        return next((attempt for attempt in self.attempts if attempt.state == "COMPLETED"), None)

    def shown(self, *, details: bool = True, context: bool = False) -> dict[str, Any]:
        """The order as a status shows it: without `details` the newest attempt alone."""
        attempts = self.attempts if details else self.attempts[-1:]
        made: dict[str, Any] = {
            "orderId": self.order_id,
            "state": self.state,
            "amount": self.amount,
            "payableAmount": self.amount,
            "feeAmount": 0,
            "currency": CURRENCY,
            "expireAt": self.expire_at * 1000,
            "metaInfo": self.meta,
            "paymentDetails": [attempt.shown() for attempt in attempts],
        }
        if self.state == "FAILED" and self.code is not None:
            made |= error_fields(self.code)
            made |= {"errorContext": error_context(self.code)} if context else {}
        return made

    def in_books(self) -> dict[str, Any]:
        """The order with everything that the vendor knows of it, for testers."""
        private = {
            "merchantOrderId": self.merchant_order_id,
            "redirectUrl": self.redirect_url,
            "message": self.message,
            "disablePaymentRetry": not self.retries,
            "createdAt": self.created_at,
        }
        return {**private, **self.shown(context=True)}


@dataclass
class Refund:
    """A refund of a part of an order, in paise. `plan`: the state in which it comes to rest; `end_code`: why it fails."""

    merchant_refund_id: str
    refund_id: str
    order: Order
    amount: int
    created_at: int
    plan: str = "COMPLETED"
    end_code: str = "BF_034"
    state: str = "PENDING"

    @property
    def open(self) -> bool:
        """Whether it may still end."""
        return self.state in ("PENDING", "CONFIRMED")

    def shown(self) -> dict[str, Any]:
        """The refund as its status shows it."""
        made: dict[str, Any] = {
            "originalMerchantOrderId": self.order.merchant_order_id,
            "refundId": self.refund_id,
            "amount": self.amount,
            "state": self.state,
            "timestamp": self.created_at * 1000,
        }
        if self.state == "COMPLETED" and self.order.paid is not None:
            made["splitInstruments"] = self.order.paid.split(self.amount)
        if self.state == "FAILED":
            made |= error_fields(self.end_code)
        return made

    def in_books(self) -> dict[str, Any]:
        """The refund with our id and its currency: what testers see, and what a webhook tells."""
        return {"merchantRefundId": self.merchant_refund_id, "currency": CURRENCY, **self.shown()}
