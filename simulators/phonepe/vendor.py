"""PhonePe as one thing: its books, its webhooks, its page, and what a payer can do there."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from simulators.clock import VendorClock
from simulators.phonepe.books import Books
from simulators.phonepe.controls import RefundEnd, payer_controls
from simulators.phonepe.entities import Attempt, Order, Refund
from simulators.phonepe.failures import error_context, is_code
from simulators.phonepe.instruments import Chosen
from simulators.phonepe.page import page_routes
from simulators.phonepe.routes import rest_routes
from simulators.phonepe.signature import authorization
from simulators.phonepe.validation import Refused
from simulators.webhooks import Delivery, Mode, Sender

_REFUND_SECONDS = 0.3
"""How soon an accepted refund ends by itself when nobody asks about it before."""
_SOONEST_SECONDS = 0.2


@dataclass(frozen=True)
class PhonePeKeys:
    """The merchant's credentials at this vendor."""

    client_id: str
    client_secret: str
    version: str
    merchant_id: str
    username: str
    password: str
    webhook_url: str
    page_url: str = ""
    """Where payers reach `/phonepe`; empty: as the merchant's server reaches it."""

    @classmethod
    def from_environment(cls) -> PhonePeKeys | None:
        """The credentials in the environment; None without a client, so that the vendor is not there."""
        known = os.environ
        if not known.get("PHONEPE_CLIENT_ID"):
            return None
        return cls(
            known["PHONEPE_CLIENT_ID"],
            known["PHONEPE_CLIENT_SECRET"],
            known.get("PHONEPE_CLIENT_VERSION", "1"),
            known.get("PHONEPE_MERCHANT_ID", ""),
            known.get("PHONEPE_WEBHOOK_USERNAME", ""),
            known.get("PHONEPE_WEBHOOK_PASSWORD", "").split(",")[0],
            known.get("PHONEPE_WEBHOOK_URL", ""),
            known.get("PHONEPE_PAGE_URL", ""),
        )


class PhonePe:
    """The vendor: what its routes, its page and the controls call."""

    name = "phonepe"

    def __init__(self, clock: VendorClock, sender: Sender, keys: PhonePeKeys) -> None:
        self.books, self.sender, self.keys, self.clock = Books(clock), sender, keys, clock
        self.next_refund = RefundEnd()

    def routes(self) -> APIRouter:
        """The REST paths and the pay page."""
        router = APIRouter()
        router.include_router(rest_routes(self))
        router.include_router(page_routes(self))
        return router

    def controls(self) -> APIRouter:
        """Acting as the payer and the bank."""
        return payer_controls(self)

    def state(self) -> dict[str, Any]:
        """Orders, payments (the attempts) and refunds."""
        return self.books.state()

    def failure(self, kind: str) -> Response:
        """A 500 or a 429 in the vendor's form."""
        if kind == "error_500":
            return JSONResponse({"code": "INTERNAL_SERVER_ERROR", "message": "Something went wrong"}, 500)
        return JSONResponse({"code": "TOO_MANY_REQUESTS", "message": "Too many requests"}, 429, {"Retry-After": "1"})

    def clock_moved(self) -> None:
        """Orders whose time has passed fail; then what was to succeed late by now does."""
        for order_id in list(self.books.orders):
            order = self.order(order_id)
            attempt = order.under_way
            if attempt is not None and attempt.late_at is not None and attempt.late_at <= self.clock.now():
                self.answer(order, attempt, "success")

    def reset(self) -> None:
        """Forget everything."""
        self.books.reset()
        self.next_refund = RefundEnd()

    def order(self, order_id: str) -> Order:
        """An order; one that just expired is told of. Raises `Refused` for an unknown id."""
        order = self.books.order(order_id)
        if self.books.expire(order):
            self.tell_order(order)
        return order

    def page_token(self, order_id: str) -> str:
        """What makes the pay page's address unguessable."""
        return hmac.new(self.keys.client_secret.encode(), order_id.encode(), hashlib.sha256).hexdigest()[:32]

    def answer(
        self, order: Order, attempt: Attempt, outcome: str, mode: Mode = "normal", delay_seconds: float = 0.0
    ) -> None:
        """The bank answers an attempt: `success`, `pending` (not yet, the payer goes), or a code that says why not."""
        attempt.left = attempt.left or outcome == "pending"
        if attempt.state != "PENDING" or outcome == "pending":
            return
        open_before = order.state == "PENDING"
        if outcome == "success":
            self.books.succeed(order, attempt)
        else:
            self.books.fail(order, attempt, outcome)
        if outcome == "success" or open_before:
            self.tell_order(order, mode, delay_seconds)

    def give_up(self, order: Order, code: str, mode: Mode = "normal", delay_seconds: float = 0.0) -> None:
        """The payer leaves an open order for good."""
        if order.state == "PENDING":
            self.books.give_up(order, code)
            self.tell_order(order, mode, delay_seconds)

    def payer_pays(
        self,
        order_id: str,
        outcome: str,
        mode: Mode,
        delay_seconds: float = 0.0,
        amount: int | None = None,
        chosen: Chosen | None = None,
        leaves: bool = True,
    ) -> dict[str, Any]:
        """One attempt with the wished outcome; gives where the payer is sent. Raises `Refused` for an unknown outcome."""
        order = self.order(order_id)
        kind, _, code = outcome.partition(":")
        if kind not in ("success", "decline", "dismiss", "pending", "late_success") or not is_code(code or "ZA"):
            raise Refused("BAD_REQUEST", f"There is no outcome {outcome!r}.")
        back = {"redirect_url": order.redirect_url, "merchant_order_id": order_id}
        if kind == "dismiss":
            return {**back, "dismissed": True}
        attempt = self.books.attempt(order, chosen or Chosen("UPI_QR"), amount)
        back["transaction_id"] = attempt.transaction_id
        if kind in ("pending", "late_success"):
            self.answer(order, attempt, "pending")
            if kind == "late_success":
                self._later(order, attempt, mode, delay_seconds)
            return {**back, "pending": True}
        if kind == "success":
            self.answer(order, attempt, "success", mode, delay_seconds)
            return back
        code = code or "ZA"
        self.answer(order, attempt, code, mode, delay_seconds)
        if leaves:
            self.give_up(order, code, mode, delay_seconds)
        return {**back, "error": error_context(code)}

    def settle(self, order_id: str, outcome: str, mode: Mode = "normal") -> Order:
        """The bank answers the attempt that waits, also after the order's end. Raises `Refused` when none waits."""
        order = self.order(order_id)
        attempt = order.under_way
        if attempt is None:
            raise Refused("BAD_REQUEST", "No attempt is waiting.")
        self.answer(order, attempt, outcome, mode)
        if outcome != "success":
            self.give_up(order, outcome, mode)
        return order

    def refund_accepted(self, refund: Refund) -> None:
        """The refund goes as the controls wish: it rests pending or confirmed, or is confirmed and ends by itself."""
        wish, self.next_refund = self.next_refund, RefundEnd()
        refund.plan, refund.end_code = wish.state, wish.code
        if refund.plan == "PENDING":
            return
        refund.state = "CONFIRMED"
        self._tell_refund(refund, "accepted", wish.webhooks)
        if refund.plan != "WAITING":
            asyncio.get_running_loop().call_later(_REFUND_SECONDS, self.end_refund, refund, None, wish.webhooks)

    def end_refund(self, refund: Refund, state: str | None = None, mode: Mode = "normal") -> None:
        """A refund ends as `state` says, else as planned, or is confirmed; one that has ended stays as it is."""
        state = state or refund.plan
        if state == "WAITING" and refund.state == "PENDING":
            refund.state = "CONFIRMED"
            self._tell_refund(refund, "accepted", mode)
        if state in ("COMPLETED", "FAILED") and refund.open and self.books.refunds.get(refund.merchant_refund_id):
            refund.state = state
            self._tell_refund(refund, state.lower(), mode)

    def tell_order(self, order: Order, mode: Mode = "normal", delay_seconds: float = 0.0) -> None:
        """Send the webhook of an order that has ended; of an open one there is nothing to tell."""
        if order.state != "PENDING":
            payload = {"merchantOrderId": order.merchant_order_id, **order.shown()}
            self._send(f"checkout.order.{order.state.lower()}", order.merchant_order_id, payload, mode, delay_seconds)

    def _later(self, order: Order, attempt: Attempt, mode: Mode, delay_seconds: float) -> None:
        """Let the attempt succeed after so many seconds, real ones or those that the vendors' clock is moved by."""

        def succeed() -> None:
            if self.books.orders.get(order.merchant_order_id) is order:
                self.answer(order, attempt, "success", mode)

        attempt.late_at = self.clock.now() + delay_seconds
        asyncio.get_running_loop().call_later(max(delay_seconds, _SOONEST_SECONDS), succeed)

    def _tell_refund(self, refund: Refund, what: str, mode: Mode) -> None:
        self._send(f"pg.refund.{what}", refund.merchant_refund_id, refund.in_books(), mode)

    def _send(self, event: str, about: str, payload: dict[str, Any], mode: Mode, delay_seconds: float = 0.0) -> None:
        if not self.keys.webhook_url:
            return
        kind = event.upper().replace(".", "_")
        body = {"event": event, "type": kind, "payload": {"merchantId": self.keys.merchant_id, **payload}}
        proof = authorization(self.keys.username, self.keys.password)
        headers = {"Content-Type": "application/json", "Authorization": proof}
        raw = json.dumps(body, separators=(",", ":")).encode()
        delivery = Delivery(f"{event}:{about}", event, self.keys.webhook_url, raw, headers, self.name)
        self.sender.send([delivery], mode, delay_seconds)
