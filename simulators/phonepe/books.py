"""PhonePe's own books: tokens, orders with their attempts, refunds, and the rules by which they move."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from simulators.clock import VendorClock
from simulators.phonepe.entities import Attempt, Order, Refund
from simulators.phonepe.instruments import Chosen, rail_and_instrument
from simulators.phonepe.validation import PayRequest, RefundRequest, Refused, bad_request

TOKEN_SECONDS = 3600
MAX_ATTEMPTS = 3
"""How often an order may be tried. The vendor names no number; a third failure ends the order here."""


class Books:
    """Everything that this vendor knows. Amounts are paise, times seconds of the vendors' clock."""

    def __init__(self, clock: VendorClock) -> None:
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.tokens: dict[str, int] = {}
        self.orders: dict[str, Order] = {}
        self.refunds: dict[str, Refund] = {}

    def token(self) -> dict[str, Any]:
        """A new access token; `expires_in` is null, as it may be: `expires_at` counts (gateways.md 3.2)."""
        now, made = self.clock.now(), secrets.token_urlsafe(24)
        self.tokens = {token: end for token, end in self.tokens.items() if end > now} | {made: now + TOKEN_SECONDS}
        return {
            "access_token": made,
            "encrypted_access_token": secrets.token_urlsafe(24),
            "refresh_token": "",
            "expires_in": None,
            "issued_at": now,
            "expires_at": now + TOKEN_SECONDS,
            "session_expires_at": now + TOKEN_SECONDS,
            "token_type": "O-Bearer",
        }

    def knows(self, token: str) -> bool:
        """Whether `token` is one of ours that has not ended."""
        return self.tokens.get(token, 0) > self.clock.now()

    def create_order(self, request: PayRequest) -> Order:
        """A new order. Raises `Refused` for a used id: a repeat is no replay."""
        if request.merchant_order_id in self.orders:
            raise bad_request("merchantOrderId was used before")
        now = self.clock.now()
        order = Order(
            request.merchant_order_id,
            self._id("OMO"),
            request.amount,
            now + request.expire_after_seconds,
            now,
            request.meta,
            request.redirect_url,
            request.message,
            request.retries,
            request.modes,
        )
        self.orders[order.merchant_order_id] = order
        return order

    def order(self, order_id: str) -> Order:
        """An order. Raises `Refused` for an unknown id."""
        if order_id not in self.orders:
            raise Refused("INVALID_MERCHANT_ORDER_ID", "No entry found for given merchant order id")
        return self.orders[order_id]

    def order_of(self, transaction_id: str) -> tuple[Order, Attempt]:
        """The order of an attempt. Raises `Refused` for an unknown id."""
        for order in self.orders.values():
            for attempt in order.attempts:
                if attempt.transaction_id == transaction_id:
                    return order, attempt
        raise Refused("INVALID_TRANSACTION_ID", "No entry found for given transaction id")

    def expire(self, order: Order) -> bool:
        """Fail an order whose time has passed; returns whether it just did."""
        if order.state != "PENDING" or self.clock.now() < order.expire_at:
            return False
        order.state, order.code = "FAILED", "ORDER_EXPIRED"
        return True

    def attempt(self, order: Order, chosen: Chosen, amount: int | None = None) -> Attempt:
        """A new attempt; `amount` for another than the order's. Raises `Refused` on an order that can't be paid now."""
        kinds = order.modes.get(chosen.mode)
        if kinds is None or (chosen.mode == "CARD" and chosen.card_type not in kinds):
            raise Refused("MODE_NOT_OFFERED", f"This order can't be paid by {chosen.mode}.")
        if order.state != "PENDING" or order.under_way is not None:
            raise Refused("ORDER_NOT_PAYABLE", "This order can't be paid now.", 417)
        if amount is not None:
            order.amount = amount
        made = Attempt(self._id("OM"), chosen, order.amount, self.clock.now(), rail_and_instrument(chosen))
        order.attempts.append(made)
        return made

    def succeed(self, order: Order, attempt: Attempt) -> None:
        """The payer's bank says yes: attempt and order are completed, also after the order's end (late)."""
        attempt.state, attempt.code = "COMPLETED", None
        order.state, order.code = "COMPLETED", None

    def fail(self, order: Order, attempt: Attempt, code: str) -> None:
        """The payer's bank says no: the attempt fails, and the order with it when no further one is allowed."""
        attempt.state, attempt.code = "FAILED", code
        if order.state == "PENDING" and (not order.retries or len(order.attempts) >= MAX_ATTEMPTS):
            order.state, order.code = "FAILED", code

    def give_up(self, order: Order, code: str) -> None:
        """The payer leaves for good: an open order fails, with what is under way."""
        if order.state == "PENDING":
            if (attempt := order.under_way) is not None:
                attempt.state, attempt.code = "FAILED", code
            order.state, order.code = "FAILED", code

    def create_refund(self, request: RefundRequest) -> Refund:
        """A refund, pending. Raises `Refused` for a used id, an order without money, and more than is left."""
        if request.merchant_refund_id in self.refunds:
            raise bad_request("merchantRefundId was used before")
        order = self.order(request.original_merchant_order_id)
        others = [refund for refund in self.refunds.values() if refund.order is order and refund.state != "FAILED"]
        if order.state != "COMPLETED":
            raise bad_request("originalMerchantOrderId is not paid")
        if sum(refund.amount for refund in others) + request.amount > order.amount:
            raise bad_request("amount is more than the order has left")
        made = Refund(request.merchant_refund_id, self._id("OMR"), order, request.amount, self.clock.now())
        self.refunds[made.merchant_refund_id] = made
        return made

    def refund(self, refund_id: str) -> Refund:
        """A refund. Raises `Refused` for an unknown id."""
        if refund_id not in self.refunds:
            raise Refused("INVALID_MERCHANT_REFUND_ID", "No entry found for given merchant refund id")
        return self.refunds[refund_id]

    def state(self) -> dict[str, Any]:
        """Everything, for testers: payments are the attempts with the order that they belong to."""
        payments = [
            {"merchantOrderId": order.merchant_order_id, "orderId": order.order_id, "currency": "INR", **each.shown()}
            for order in self.orders.values()
            for each in order.attempts
        ]
        return {
            "orders": [order.in_books() for order in self.orders.values()],
            "payments": payments,
            "refunds": [refund.in_books() for refund in self.refunds.values()],
        }

    def _id(self, prefix: str) -> str:
        """An id like the vendor's: the prefix, the time to the second, ten digits."""
        stamp = datetime.fromtimestamp(self.clock.now(), UTC).strftime("%y%m%d%H%M%S")
        return f"{prefix}{stamp}{secrets.randbelow(10**10):010d}"
