"""PhonePe's own books: tokens, orders with their attempts, refunds, and the rules by which they move."""

from __future__ import annotations

import re
import secrets
from typing import Any

from simulators.clock import VendorClock

TOKEN_SECONDS = 3600
_ORDER_ID = re.compile(r"^[A-Za-z0-9_-]{1,63}$")
_FAILURES = {
    "Z9": "Insufficient funds in the account.",
    "ZM": "The UPI PIN was wrong.",
    "ZA": "The payment was declined by the payer.",
    "U69": "The collect request has expired.",
    "U90": "The bank is not reachable.",
    "CARD_EXPIRED": "The card has expired.",
    "INVALID_CVV_EXPIRY": "CVV or expiry is wrong.",
    "AUTHENTICATION_FAILED": "The OTP was wrong.",
    "ORDER_CANCELLED_BY_USER": "The payment was cancelled.",
    "ORDER_EXPIRED": "The order has expired.",
    "TRANSACTION_DECLINED_PG": "The payment was declined.",
}


class Refused(Exception):
    """The vendor says no: HTTP status, code and message."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status, self.body = status, {"success": False, "code": code, "message": message}


def _bad(field: str) -> Refused:
    return Refused("BAD_REQUEST", f"Please check the inputs you have provided. ({field})")


class Books:
    """Everything that this vendor knows. Amounts are paise, times of orders epoch milliseconds."""

    def __init__(self, clock: VendorClock) -> None:
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.tokens: dict[str, int] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}

    def token(self) -> dict[str, Any]:
        """A new access token."""
        now = self.clock.now()
        made = secrets.token_urlsafe(24)
        self.tokens[made] = now + TOKEN_SECONDS
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

    def create_order(self, body: dict[str, Any]) -> dict[str, Any]:
        """A new order. Raises `Refused` for a used id and for fields that are not as documented (gateways.md 3.3)."""
        order_id, amount, flow = body.get("merchantOrderId"), body.get("amount"), body.get("paymentFlow")
        if not isinstance(order_id, str) or not _ORDER_ID.match(order_id) or order_id in self.orders:
            raise _bad("merchantOrderId")
        if not isinstance(amount, int) or isinstance(amount, bool) or amount < 100:
            raise _bad("amount")
        seconds = body.get("expireAfter", 1200)
        if not isinstance(seconds, int) or not 300 <= seconds <= 3600:
            raise _bad("expireAfter")
        redirect = flow.get("merchantUrls", {}).get("redirectUrl") if isinstance(flow, dict) else None
        if not isinstance(flow, dict) or flow.get("type") != "PG_CHECKOUT" or not isinstance(redirect, str):
            raise _bad("paymentFlow")
        meta = body.get("metaInfo") or {}
        if any(not re.match(r"^udf(1[0-5]|[1-9])$", name) or len(str(text)) > 256 for name, text in meta.items()):
            raise _bad("metaInfo")
        order = {
            "merchantOrderId": order_id,
            "orderId": f"OMO{secrets.randbelow(10**22):022d}",
            "state": "PENDING",
            "amount": amount,
            "payableAmount": amount,
            "feeAmount": 0,
            "currency": "INR",
            "expireAt": (self.clock.now() + seconds) * 1000,
            "metaInfo": meta,
            "paymentDetails": [],
            "redirectUrl": redirect,
            "message": flow.get("message", ""),
            "retries": not body.get("disablePaymentRetry", False),
            "createdAt": self.clock.now(),
        }
        self.orders[order_id] = order
        return order

    def order(self, order_id: str) -> dict[str, Any]:
        """An order, after its end was looked at. Raises `Refused` for an unknown id."""
        if order_id not in self.orders:
            raise Refused("INVALID_MERCHANT_ORDER_ID", "No entry found for given merchant order id")
        self.expire(order_id)
        return self.orders[order_id]

    def expire(self, order_id: str) -> bool:
        """Fail an order whose time has passed; returns whether it just did."""
        order = self.orders[order_id]
        if order["state"] != "PENDING" or self.clock.now() * 1000 <= order["expireAt"]:
            return False
        self._end(order, "FAILED", "ORDER_EXPIRED")
        return True

    def attempt(self, order_id: str, mode: str, amount: int | None = None) -> dict[str, Any]:
        """A new attempt on an open order. Raises `Refused` on one that has ended or has one under way."""
        order = self.order(order_id)
        if order["state"] != "PENDING" or any(a["state"] == "PENDING" for a in order["paymentDetails"]):
            raise Refused("ORDER_NOT_PAYABLE", "This order can't be paid now.", 417)
        made = {
            "transactionId": f"OM{secrets.randbelow(10**22):022d}",
            "paymentMode": mode,
            "timestamp": self.clock.now() * 1000,
            "amount": order["amount"],
            "state": "PENDING",
            "splitInstruments": [],
        }
        if amount is not None:
            order["amount"] = made["amount"] = amount
        order["paymentDetails"].append(made)
        return made

    def succeed(self, order_id: str, attempt: dict[str, Any]) -> None:
        """The payer's bank says yes: attempt and order are completed, also after the order's end (late)."""
        attempt["state"] = "COMPLETED"
        attempt["rail"] = {"type": "UPI", "utr": f"{secrets.randbelow(10**12):012d}", "upiTransactionId": "YBL1"}
        self._end(self.orders[order_id], "COMPLETED", None)

    def fail(self, order_id: str, attempt: dict[str, Any], code: str) -> None:
        """The payer's bank says no: the attempt fails, and the order with it where no retry is allowed."""
        attempt |= {"state": "FAILED", "errorCode": "TXN_AUTO_FAILED", "detailedErrorCode": code}
        if not self.orders[order_id]["retries"]:
            self._end(self.orders[order_id], "FAILED", code)

    def give_up(self, order_id: str, code: str) -> None:
        """The payer leaves for good: the order fails."""
        if self.order(order_id)["state"] == "PENDING":
            self._end(self.orders[order_id], "FAILED", code)

    def create_refund(self, body: dict[str, Any]) -> dict[str, Any]:
        """A refund, pending. Raises `Refused` for a used id, an order without money, and more than is left."""
        refund_id, amount = body.get("merchantRefundId"), body.get("amount")
        if not isinstance(refund_id, str) or not _ORDER_ID.match(refund_id) or refund_id in self.refunds:
            raise _bad("merchantRefundId")
        if not isinstance(amount, int) or isinstance(amount, bool) or amount < 100:
            raise _bad("amount")
        order = self.order(str(body.get("originalMerchantOrderId")))
        others = (r for r in self.refunds.values() if r["originalMerchantOrderId"] == order["merchantOrderId"])
        given = sum(r["amount"] for r in others if r["state"] != "FAILED")
        if order["state"] != "COMPLETED" or given + amount > order["amount"]:
            raise Refused("INVALID_REFUND_AMOUNT", "The refund is more than the order has left.")
        refund = {
            "merchantRefundId": refund_id,
            "originalMerchantOrderId": order["merchantOrderId"],
            "refundId": f"OMR{secrets.randbelow(10**22):022d}",
            "amount": amount,
            "currency": "INR",
            "state": "PENDING",
            "timestamp": self.clock.now() * 1000,
        }
        self.refunds[refund_id] = refund
        return refund

    def refund(self, refund_id: str) -> dict[str, Any]:
        """A refund. Raises `Refused` for an unknown id."""
        if refund_id not in self.refunds:
            raise Refused("INVALID_MERCHANT_REFUND_ID", "No refund found for given merchant refund id")
        return self.refunds[refund_id]

    def _end(self, order: dict[str, Any], state: str, code: str | None) -> None:
        order["state"] = state
        for name in ("errorCode", "detailedErrorCode", "errorContext"):
            order.pop(name, None)
        if code is not None:
            order |= {"errorCode": "TXN_AUTO_FAILED", "detailedErrorCode": code}
            words = _FAILURES.get(code, "The payment failed.")
            order["errorContext"] = {
                "errorCode": "TXN_AUTO_FAILED",
                "detailedErrorCode": code,
                "source": "CUSTOMER",
                "stage": "AUTHORIZATION",
                "description": words,
            }


def words_of(code: str) -> str:
    """The sentence for an error code."""
    return _FAILURES.get(code, "The payment failed.")
