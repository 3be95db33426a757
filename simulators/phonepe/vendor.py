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
from simulators.phonepe.books import Books, Refused
from simulators.phonepe.controls import payer_controls
from simulators.phonepe.page import page_routes
from simulators.phonepe.routes import rest_routes
from simulators.webhooks import Delivery, Mode, Sender

_REFUND_SECONDS = 0.3
"""How soon an accepted refund is finished by itself."""


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
        self.refund_ends: dict[str, str] = {}
        self.next_refund = "COMPLETED"

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
        """Orders and refunds."""
        return {"orders": list(self.books.orders.values()), "refunds": list(self.books.refunds.values())}

    def failure(self, kind: str) -> Response:
        """A 500 or a 429 in the vendor's form."""
        if kind == "error_500":
            return JSONResponse({"code": "INTERNAL_SERVER_ERROR", "message": "Something went wrong"}, 500)
        return JSONResponse({"code": "TOO_MANY_REQUESTS", "message": "Too many requests"}, 429, {"Retry-After": "1"})

    def clock_moved(self) -> None:
        """Orders whose time has passed fail."""
        for order_id in list(self.books.orders):
            self.order(order_id)

    def reset(self) -> None:
        """Forget everything."""
        self.books.reset()
        self.next_refund = "COMPLETED"

    def order(self, order_id: str) -> dict[str, Any]:
        """An order; one that just expired is told of. Raises `Refused` for an unknown id."""
        if order_id in self.books.orders and self.books.expire(order_id):
            self.tell_order(order_id, "normal")
        return self.books.order(order_id)

    def page_token(self, order_id: str) -> str:
        """What makes the pay page's address unguessable."""
        return hmac.new(self.keys.client_secret.encode(), order_id.encode(), hashlib.sha256).hexdigest()[:32]

    def payer_pays(
        self, order_id: str, outcome: str, mode: Mode, delay_seconds: float = 0.0, amount: int | None = None
    ) -> dict[str, Any]:
        """One attempt with the wished outcome; gives where the payer is sent. Raises `Refused` for an unknown outcome."""
        order = self.order(order_id)
        back = {"redirect_url": order["redirectUrl"], "merchant_order_id": order_id}
        if outcome == "dismiss":
            return {**back, "dismissed": True}
        attempt = self.books.attempt(order_id, "UPI_QR", amount)
        back["transaction_id"] = attempt["transactionId"]
        if outcome == "pending":
            return {**back, "pending": True}
        if outcome == "late_success":
            asyncio.get_running_loop().call_later(max(delay_seconds, 0.2), self.settle, order_id, "success", mode)
            return {**back, "pending": True}
        if outcome.startswith("decline"):
            code = outcome.partition(":")[2] or "ZA"
            self.books.fail(order_id, attempt, code)
            self.books.give_up(order_id, code)
            self.tell_order(order_id, mode, delay_seconds)
            return {**back, "error": order.get("errorContext")}
        if outcome != "success":
            raise Refused("BAD_REQUEST", f"There is no outcome {outcome!r}.")
        self.books.succeed(order_id, attempt)
        self.tell_order(order_id, mode, delay_seconds)
        return back

    def settle(self, order_id: str, act: str, mode: Mode = "normal") -> None:
        """Let the newest waiting attempt succeed or fail, also after the order's end."""
        waiting = [a for a in self.books.orders[order_id]["paymentDetails"] if a["state"] == "PENDING"]
        if not waiting:
            raise Refused("BAD_REQUEST", "No attempt is waiting.")
        if act == "success":
            self.books.succeed(order_id, waiting[-1])
        else:
            self.books.fail(order_id, waiting[-1], "U69")
            self.books.give_up(order_id, "U69")
        self.tell_order(order_id, mode)

    def refund_accepted(self, refund: dict[str, Any]) -> None:
        """The refund is confirmed at once and ends a little later as the controls wish."""
        loop = asyncio.get_running_loop()
        end, self.next_refund = self.next_refund, "COMPLETED"
        loop.call_soon(self._move_refund, refund, "CONFIRMED", "pg.refund.accepted")
        if end in ("COMPLETED", "FAILED"):
            loop.call_later(_REFUND_SECONDS, self.end_refund, refund["merchantRefundId"], end)

    def end_refund(self, refund_id: str, state: str) -> None:
        """A refund ends; one that has ended stays as it is. Raises `Refused` for an unknown id."""
        refund = self.books.refund(refund_id)
        if refund["state"] in ("PENDING", "CONFIRMED"):
            self._move_refund(refund, state, f"pg.refund.{state.lower()}")

    def tell_order(self, order_id: str, mode: Mode, delay_seconds: float = 0.0) -> None:
        """Send the webhook of an order that has ended."""
        order = self.books.orders[order_id]
        if order["state"] == "PENDING":
            return
        private = ("redirectUrl", "message", "retries", "createdAt")
        payload = {name: value for name, value in order.items() if name not in private}
        self._send(f"checkout.order.{order['state'].lower()}", payload, mode, delay_seconds)

    def _move_refund(self, refund: dict[str, Any], state: str, event: str) -> None:
        refund["state"] = state
        self._send(event, dict(refund), "normal")

    def _send(self, event: str, payload: dict[str, Any], mode: Mode, delay_seconds: float = 0.0) -> None:
        if not self.keys.webhook_url:
            return
        kind = event.upper().replace(".", "_")
        body = {"event": event, "type": kind, "payload": {"merchantId": self.keys.merchant_id, **payload}}
        proof = hashlib.sha256(f"{self.keys.username}:{self.keys.password}".encode()).hexdigest()
        headers = {"Content-Type": "application/json", "Authorization": proof}
        about = payload.get("merchantRefundId") or payload.get("merchantOrderId")
        raw = json.dumps(body, separators=(",", ":")).encode()
        delivery = Delivery(f"{event}/{about}", event, self.keys.webhook_url, raw, headers, self.name)
        self.sender.send([delivery], mode, delay_seconds)
