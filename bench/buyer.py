"""A buyer over the real HTTP surface: cart, checkout, order, payment at the vendor's simulator, verify, waiting."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import httpx2

from chassis.ids import uuid7

SCHEDULE = {"weekdays": [0, 2, 4], "starts_on": "2027-01-04", "time_zone": "Asia/Kolkata"}


@dataclass(frozen=True, slots=True)
class Checkout:
    """What booking gave at checkout and payment at create-order."""

    booking_id: str
    guest_token: str
    payment_id: str
    order_id: str
    amount_minor: int
    checkout_token: str


class Buyer:
    """One client for many purchases on the stage whose addresses are in `stage` (the content of stage.json)."""

    def __init__(self, stage: dict[str, Any], client: httpx2.AsyncClient) -> None:
        self.stage, self.client = stage, client

    async def post(self, service: str, path: str, body: Any = None, token: str | None = None) -> httpx2.Response:
        """POST to a service of the stage; a connection error or a 503 is tried again for up to 30 s."""
        headers = {"Idempotency-Key": str(uuid7())}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        end = time.monotonic() + 30
        while True:
            try:
                answer = await self.client.post(f"{self.stage[service]}{path}", json=body, headers=headers)
                if answer.status_code not in (409, 503) or time.monotonic() > end or not _passing(answer):
                    return answer
            except httpx2.TransportError:
                if time.monotonic() > end:
                    raise
            await asyncio.sleep(0.2)

    async def check_out(self, offer_id: str | None = None, email: str | None = None) -> Checkout:
        """A cart with one course, checked out, with its order at the gateway; nothing paid yet."""
        checkout = await self._checked_out(offer_id, email)
        order = _ok(
            await self.post(
                "payment",
                "/api/v1/payments/public/create-order",
                {"checkout_token": checkout["checkout_token"], "gateway": "razorpay"},
            )
        )
        return Checkout(
            checkout["booking_id"],
            checkout["guest_token"],
            order["payment_id"],
            order["razorpay_order_id"],
            checkout["amount_minor"],
            checkout["checkout_token"],
        )

    async def checkout_token(self) -> str:
        """The token of a cart with one course that was checked out; no order was made for it."""
        return str((await self._checked_out(None, None))["checkout_token"])

    async def _checked_out(self, offer_id: str | None, email: str | None) -> dict[str, Any]:
        made = _ok(await self.post("booking", "/api/v1/carts", {}))
        cart, cart_token = made["cart_id"], made["guest_token"]
        line = {
            "offer_id": offer_id or self.stage["seed"]["offers"]["course"][0],
            "quantity": 1,
            "tier": 10,
            "time_slot": "10:00",
            "schedule": SCHEDULE,
            "preferences": {},
        }
        _ok(await self.post("booking", f"/api/v1/carts/{cart}/lines", line, cart_token))
        who = {"name": "Asha Rao", "email": email or f"asha.{cart[-12:]}@example.com", "phone": "+919800000000"}
        return _ok(await self.post("booking", f"/api/v1/carts/{cart}/checkout", {"buyer": who}, cart_token))

    async def pay(
        self, checkout: Checkout, outcome: str = "success", webhooks: str = "normal", **more: Any
    ) -> dict[str, Any]:
        """Pay at the simulator; returns what the vendor's checkout hands to the browser."""
        body = {"outcome": outcome, "webhooks": webhooks, "delay_seconds": 0, **more}
        return _ok(await self.post("simulators", f"/control/razorpay/orders/{checkout.order_id}/pay", body))

    async def verify(self, triple: dict[str, Any], checkout: Checkout) -> httpx2.Response:
        """Hand the vendor's answer to the verify route."""
        body = {name: triple[name] for name in ("razorpay_payment_id", "razorpay_signature") if name in triple}
        return await self.post(
            "payment", "/api/v1/payments/public/verify", {"razorpay_order_id": checkout.order_id, **body}
        )

    async def booking(self, checkout: Checkout) -> dict[str, Any]:
        """The booking as its buyer sees it."""
        answer = await self.client.get(
            f"{self.stage['booking']}/api/v1/bookings/{checkout.booking_id}",
            headers={"Authorization": f"Bearer {checkout.guest_token}"},
        )
        return _ok(answer)

    async def wait_fulfilled(self, checkout: Checkout, seconds: float = 30.0) -> dict[str, Any]:
        """Poll the booking until its fulfillment is completed. Raises `TimeoutError` with the last answer."""
        end = time.monotonic() + seconds
        last: dict[str, Any] = {}
        while time.monotonic() < end:
            try:
                last = await self.booking(checkout)
                if is_fulfilled(last):
                    return last
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.05)
        raise TimeoutError(f"booking {checkout.booking_id} is not fulfilled after {seconds} s: {last}")


def is_fulfilled(booking: dict[str, Any]) -> bool:
    """Whether a booking's steps say that its fulfillment is completed."""
    return any(step.get("name") == "fulfillment.completed" and step.get("done") for step in booking.get("steps", []))


def _passing(answer: httpx2.Response) -> bool:
    return answer.status_code == 503 or "idempotency-in-progress" in answer.text


def _ok(answer: httpx2.Response) -> dict[str, Any]:
    if answer.status_code >= 300:
        raise RuntimeError(f"{answer.request.method} {answer.request.url} answered {answer.status_code}: {answer.text}")
    body: dict[str, Any] = answer.json()
    return body
