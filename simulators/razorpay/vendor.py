"""Razorpay as one thing: its books, its webhooks, and what a customer can do at its checkout."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from simulators.clock import VendorClock
from simulators.razorpay.books import Books, Refused, new_id
from simulators.razorpay.checkout import checkout
from simulators.razorpay.controls import buyer_controls
from simulators.razorpay.instruments import DECLINES
from simulators.razorpay.routes import rest_routes
from simulators.razorpay.signature import checkout_signature, sign
from simulators.razorpay.transfers import MERCHANT, Transfers
from simulators.webhooks import Delivery, Mode, Sender


@dataclass(frozen=True)
class Keys:
    """The merchant's credentials at this vendor."""

    key_id: str
    key_secret: str
    webhook_secret: str
    webhook_url: str


class Razorpay:
    """The vendor: what its routes, its checkout page and the controls call."""

    name = "razorpay"

    def __init__(self, clock: VendorClock, sender: Sender, keys: Keys) -> None:
        self.books, self.sender, self.keys, self.clock = Books(clock), sender, keys, clock
        self.transfers = Transfers(self.books)

    def routes(self) -> APIRouter:
        """The REST paths and the checkout."""
        router = APIRouter()
        router.include_router(rest_routes(self))
        router.include_router(checkout(self))
        return router

    def controls(self) -> APIRouter:
        """Acting as the buyer and the bank."""
        return buyer_controls(self)

    def state(self) -> dict[str, Any]:
        """Orders, payments and refunds; linked accounts, transfers and reversals."""
        books = self.books
        return {
            "orders": list(books.orders.values()),
            "payments": list(books.payments.values()),
            "refunds": list(books.refunds.values()),
            "accounts": list(self.transfers.accounts.values()),
            "transfers": list(self.transfers.transfers.values()),
            "reversals": list(self.transfers.reversals.values()),
        }

    def failure(self, kind: str) -> Response:
        """A 500 or a 429 in the vendor's form."""
        if kind == "error_500":
            return JSONResponse({"error": {"code": "SERVER_ERROR", "description": "We are facing some trouble"}}, 500)
        body = {"error": {"code": "BAD_REQUEST_ERROR", "description": "Too many requests"}}
        return JSONResponse(body, 429, {"Retry-After": "1"})

    def clock_moved(self) -> None:
        """Authorizations whose window has passed are given back."""
        for payment_id in list(self.books.payments):
            self.books.expire(payment_id)

    def reset(self) -> None:
        """Forget everything."""
        self.books.reset()
        self.transfers.reset()

    def triple(self, payment: dict[str, Any]) -> dict[str, Any]:
        """What the checkout hands to the browser after a success."""
        order_id = payment["order_id"]
        return {
            "razorpay_payment_id": payment["id"],
            "razorpay_order_id": order_id,
            "razorpay_signature": checkout_signature(self.keys.key_secret, order_id, payment["id"]),
        }

    def customer_pays(
        self,
        order_id: str,
        outcome: str,
        mode: Mode = "normal",
        delay_seconds: float = 0.0,
        method: str = "card",
        amount: int | None = None,
    ) -> dict[str, Any]:
        """One attempt of a customer with the wished outcome; returns what the browser would get."""
        if outcome == "dismiss":
            return {"dismissed": True, "razorpay_order_id": order_id}
        payment = self.books.attempt(order_id, method=method, amount=amount)
        if outcome == "pending":
            return {"pending": True, "razorpay_payment_id": payment["id"], "razorpay_order_id": order_id}
        if outcome == "late_success":
            self.books.fail(payment, "payment_timed_out", DECLINES["payment_timed_out"])
            self.tell(payment, ["payment.failed"], "normal")
            asyncio.get_running_loop().call_later(
                max(delay_seconds, 0.2), self.settle, payment["id"], "authorize", mode, True
            )
            return {"error": self.error(payment), "razorpay_order_id": order_id}
        if outcome.startswith("decline"):
            reason = outcome.partition(":")[2] or "card_declined"
            self.books.fail(payment, reason, DECLINES.get(reason, "The payment was declined."))
            self.tell(payment, ["payment.failed"], mode, delay_seconds)
            return {"error": self.error(payment), "razorpay_order_id": order_id}
        if outcome != "success":
            raise Refused(f"There is no outcome {outcome!r}.")
        self.settle(payment["id"], "authorize", mode, delay_seconds=delay_seconds)
        return self.triple(payment)

    def settle(
        self, payment_id: str, act: str, mode: Mode = "normal", late: bool = False, delay_seconds: float = 0.0
    ) -> None:
        """Let a waiting payment be authorized or fail, and tell of it."""
        payment = self.books.payment(payment_id)
        if act == "fail":
            self.books.fail(payment, "card_declined", DECLINES["card_declined"])
            self.tell(payment, ["payment.failed"], mode, delay_seconds)
            return
        captured = self.books.authorize(payment, late=late)
        events = ["payment.authorized", *(["payment.captured", "order.paid"] if captured else [])]
        self.tell(payment, events, mode, delay_seconds)

    def end_refund(self, refund_id: str, state: str) -> dict[str, Any]:
        """A waiting refund ends, or a processed one bounces, and that is told."""
        refund = self.books.end_refund(refund_id, state)
        self.tell(self.books.payments[refund["payment_id"]], [f"refund.{state}"], "normal", refund=refund)
        return refund

    def error(self, payment: dict[str, Any]) -> dict[str, Any]:
        """The error object of a failed attempt, as the checkout and the API give it."""
        return {
            "code": payment["error_code"],
            "description": payment["error_description"],
            "source": payment["error_source"],
            "step": payment["error_step"],
            "reason": payment["error_reason"],
            "metadata": {"order_id": payment["order_id"], "payment_id": payment["id"]},
        }

    def tell(
        self,
        payment: dict[str, Any],
        events: list[str],
        mode: Mode,
        delay_seconds: float = 0.0,
        refund: dict[str, Any] | None = None,
    ) -> None:
        """Send the webhooks for `events`, each a snapshot of now."""
        if not self.keys.webhook_url:
            return
        self.sender.send([self._delivery(payment, event, refund) for event in events], mode, delay_seconds)

    def tell_transfer(self, transfer: dict[str, Any], mode: Mode) -> None:
        """Send the webhook of a transfer that arrived or failed; the vendor has none for anything else of it."""
        if self.keys.webhook_url and transfer["status"] in ("processed", "failed"):
            event = f"transfer.{transfer['status']}"
            self.sender.send([self._signed(event, {"transfer": {"entity": dict(transfer)}})], mode)

    def _delivery(self, payment: dict[str, Any], event: str, refund: dict[str, Any] | None) -> Delivery:
        snapshot = dict(payment)
        if event == "payment.authorized":
            snapshot |= {"status": "authorized", "captured": False, "fee": None, "tax": None}
        payload: dict[str, Any] = {"payment": {"entity": snapshot}}
        if event == "order.paid":
            payload["order"] = {"entity": dict(self.books.orders[payment["order_id"]])}
        if refund is not None:
            payload["refund"] = {"entity": dict(refund)}
        return self._signed(event, payload)

    def _signed(self, event: str, payload: dict[str, Any]) -> Delivery:
        body = {
            "entity": "event",
            "account_id": MERCHANT,
            "event": event,
            "contains": list(payload),
            "payload": payload,
            "created_at": self.clock.now(),
        }
        raw = json.dumps(body, separators=(",", ":")).encode()
        event_id = new_id("evt")[4:]
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Razorpay-Webhook/v1",
            "X-Razorpay-Signature": sign(self.keys.webhook_secret, raw),
            "x-razorpay-event-id": event_id,
        }
        return Delivery(event_id, event, self.keys.webhook_url, raw, headers, self.name)
