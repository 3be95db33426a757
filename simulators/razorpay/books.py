"""Razorpay's own books: orders, payments, refunds, and the rules by which they move."""

from __future__ import annotations

import secrets
import string
from typing import Any

from simulators.clock import VendorClock

_ALPHABET = string.ascii_letters + string.digits
DEFAULT_MANUAL_EXPIRY_MINUTES = 4320


class Refused(Exception):
    """The vendor says no: HTTP status, code, words, and the fields of its error body."""

    def __init__(self, description: str, *, status: int = 400, code: str = "BAD_REQUEST_ERROR", **more: Any) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"error": {"code": code, "description": description, "source": "business", "step": None, **more}}


def new_id(prefix: str) -> str:
    """An id of the vendor's form: prefix, underscore, 14 characters."""
    return f"{prefix}_{''.join(secrets.choice(_ALPHABET) for _ in range(14))}"


class Books:
    """Everything that this vendor knows; `told` is called with (event, payment, order, refund) after each change."""

    def __init__(self, clock: VendorClock) -> None:
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.orders: dict[str, dict[str, Any]] = {}
        self.capture: dict[str, dict[str, Any]] = {}
        self.payments: dict[str, dict[str, Any]] = {}
        self.payments_of: dict[str, list[str]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.refund_keys: dict[str, tuple[dict[str, Any], str]] = {}
        self.receipts: dict[str, str] = {}
        self.next_refund = "processed"

    def order(self, order_id: str) -> dict[str, Any]:
        """An order. Raises `Refused` for an unknown id."""
        if order_id not in self.orders:
            raise Refused("The id provided does not exist")
        return self.orders[order_id]

    def payment(self, payment_id: str) -> dict[str, Any]:
        """A payment, after its window was looked at. Raises `Refused` for an unknown id."""
        if payment_id not in self.payments:
            raise Refused("The id provided does not exist")
        self.expire(payment_id)
        return self.payments[payment_id]

    def create_order(self, body: dict[str, Any]) -> dict[str, Any]:
        """A new order, or the refusal of a receipt that was used (gateways.md 2.3)."""
        amount, currency = body.get("amount"), body.get("currency")
        if not isinstance(amount, int) or isinstance(amount, bool) or amount < 100:
            raise Refused(
                "Order amount less than minimum amount allowed", field="amount", reason="input_validation_failed"
            )
        if not isinstance(currency, str) or len(currency) != 3:
            raise Refused("The currency field is required.", field="currency", reason="input_validation_failed")
        receipt = body.get("receipt")
        if receipt is not None and (not isinstance(receipt, str) or len(receipt) > 40):
            raise Refused("The receipt may not be greater than 40 characters.", field="receipt")
        notes = body.get("notes") or {}
        if len(notes) > 15 or any(len(str(value)) > 256 for value in notes.values()):
            raise Refused("The notes are too many or too long.", field="notes")
        if receipt and receipt in self.receipts:
            raise Refused("Duplicate request. This request has already been processed.", field="receipt")
        order: dict[str, Any] = {
            "id": new_id("order"),
            "entity": "order",
            "amount": amount,
            "amount_paid": 0,
            "amount_due": amount,
            "currency": currency,
            "receipt": receipt,
            "offer_id": None,
            "status": "created",
            "attempts": 0,
            "notes": notes,
            "created_at": self.clock.now(),
        }
        self.orders[order["id"]] = order
        self.capture[order["id"]] = body.get("payment") or {}
        self.payments_of[order["id"]] = []
        if receipt:
            self.receipts[receipt] = order["id"]
        return order

    def attempt(self, order_id: str, *, method: str = "card", amount: int | None = None) -> dict[str, Any]:
        """A new payment attempt on an order, still `created`. Raises `Refused` on a paid order."""
        order = self.order(order_id)
        for payment_id in self.payments_of[order_id]:
            if self.payments[payment_id]["status"] == "authorized":
                raise Refused("Another payment on this order is authorized.")
        payment: dict[str, Any] = {
            "id": new_id("pay"),
            "entity": "payment",
            "amount": order["amount"] if amount is None else amount,
            "currency": order["currency"],
            "status": "created",
            "order_id": order_id,
            "invoice_id": None,
            "international": False,
            "method": method,
            "amount_refunded": 0,
            "refund_status": None,
            "captured": False,
            "description": None,
            "card_id": new_id("card") if method == "card" else None,
            "bank": None,
            "wallet": None,
            "vpa": "success@razorpay" if method == "upi" else None,
            "email": "buyer@example.com",
            "contact": "+919800000000",
            "notes": order["notes"],
            "fee": None,
            "tax": None,
            "error_code": None,
            "error_description": None,
            "error_source": None,
            "error_step": None,
            "error_reason": None,
            "acquirer_data": {},
            "created_at": self.clock.now(),
        }
        self.payments[payment["id"]] = payment
        self.payments_of[order_id].append(payment["id"])
        order["attempts"] += 1
        if order["status"] == "created":
            order["status"] = "attempted"
        return payment

    def authorize(self, payment: dict[str, Any], *, late: bool = False) -> bool:
        """The bank says yes; captured at once where the order asks for it. Returns whether it was captured."""
        payment["status"] = "authorized"
        payment |= {name: None for name in payment if name.startswith("error_")}
        if late:
            payment["late_authorized"] = True
        setting = self.capture[payment["order_id"]].get("capture", "automatic")
        if setting != "automatic":
            return False
        if self.order(payment["order_id"])["status"] == "paid":
            self._send_back(payment)
            return False
        self._captured(payment)
        return True

    def fail(self, payment: dict[str, Any], reason: str, description: str) -> None:
        """The bank says no."""
        payment |= {
            "status": "failed",
            "error_code": "GATEWAY_ERROR" if "technical" in reason else "BAD_REQUEST_ERROR",
            "error_description": description,
            "error_source": "customer",
            "error_step": "payment_authorization",
            "error_reason": reason,
        }

    def capture_payment(self, payment_id: str, amount: Any, currency: Any) -> dict[str, Any]:
        """Capture all of an authorized payment. Raises `Refused` as the vendor words it."""
        payment = self.payment(payment_id)
        if payment["captured"]:
            raise Refused("This payment has already been captured")
        if payment["status"] != "authorized":
            raise Refused("Only payments which have been authorized and not yet captured can be captured")
        if amount != payment["amount"] or currency != payment["currency"]:
            raise Refused("Capture amount must be equal to the amount authorized.", field="amount")
        self._captured(payment)
        return payment

    def _captured(self, payment: dict[str, Any]) -> None:
        order = self.orders[payment["order_id"]]
        fee = payment["amount"] * 2 // 100
        payment |= {"status": "captured", "captured": True, "fee": fee, "tax": fee * 18 // 118}
        order |= {"status": "paid", "amount_paid": payment["amount"], "amount_due": 0}

    def _send_back(self, payment: dict[str, Any]) -> None:
        """An uncaptured payment that can't be kept is refunded by the vendor itself."""
        payment |= {"status": "refunded", "amount_refunded": payment["amount"], "refund_status": "full"}

    def expire(self, payment_id: str) -> None:
        """Give an authorization back when its window has passed."""
        payment = self.payments[payment_id]
        options = self.capture[payment["order_id"]].get("capture_options") or {}
        minutes = options.get("manual_expiry_period", DEFAULT_MANUAL_EXPIRY_MINUTES)
        if payment["status"] == "authorized" and self.clock.now() > payment["created_at"] + minutes * 60:
            self._send_back(payment)

    def refund(self, payment_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """A refund, full or in part. Raises `Refused` over the captured amount or for a used receipt."""
        payment = self.payment(payment_id)
        if not payment["captured"]:
            raise Refused("The payment status should be captured for action to be taken")
        left = payment["amount"] - payment["amount_refunded"]
        amount = body.get("amount", left)
        if not isinstance(amount, int) or amount < 1:
            raise Refused("The amount must be at least 1.", field="amount")
        if amount > left:
            raise Refused("The total refund amount is greater than the refund payment amount", field="amount")
        receipt = body.get("receipt")
        if receipt and any(r["receipt"] == receipt and r["payment_id"] == payment_id for r in self.refunds.values()):
            raise Refused("Duplicate receipt found for this refund request.", field="receipt")
        refund: dict[str, Any] = {
            "id": new_id("rfnd"),
            "entity": "refund",
            "amount": amount,
            "currency": payment["currency"],
            "payment_id": payment_id,
            "receipt": receipt,
            "notes": body.get("notes") or {},
            "acquirer_data": {"arn": None},
            "batch_id": None,
            "status": self.next_refund,
            "speed_requested": body.get("speed", "normal"),
            "speed_processed": "normal",
            "created_at": self.clock.now(),
        }
        self.next_refund = "processed"
        self.refunds[refund["id"]] = refund
        if refund["status"] != "failed":
            self._count_refund(payment, amount)
        return refund

    def end_refund(self, refund_id: str, state: str) -> dict[str, Any]:
        """A waiting refund ends, or a processed one bounces. Raises `Refused` for an unknown one."""
        if refund_id not in self.refunds:
            raise Refused("The id provided does not exist")
        refund = self.refunds[refund_id]
        if state == "failed" and refund["status"] != "failed":
            self._count_refund(self.payments[refund["payment_id"]], -refund["amount"])
        refund["status"] = state
        return refund

    def _count_refund(self, payment: dict[str, Any], amount: int) -> None:
        payment["amount_refunded"] += amount
        whole = payment["amount_refunded"] == payment["amount"]
        part = "partial" if payment["amount_refunded"] else None
        payment |= {"refund_status": "full" if whole else part, "status": "refunded" if whole else "captured"}
