"""Webhooks as the vendor signs them, and how long verify takes."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import httpx2

from bench.buyer import Buyer, Checkout
from chassis.ids import uuid7
from deploy.stage.stage import Stage


def signed(secret: str, payment: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    """A webhook about `payment` as the vendor signs it, with an event id of its own."""
    body = {
        "entity": "event",
        "event": "payment.authorized",
        "contains": ["payment"],
        "payload": {"payment": {"entity": payment}},
    }
    raw = json.dumps(body).encode()
    digest = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    headers = {"X-Razorpay-Signature": digest, "x-razorpay-event-id": str(uuid7()), "Content-Type": "application/json"}
    return raw, headers


def entity_of(checkout: Checkout) -> dict[str, Any]:
    """A payment under the order of `checkout`, as Razorpay shows it."""
    return {
        "id": "pay_Bench000000000",
        "order_id": checkout.order_id,
        "status": "authorized",
        "amount": checkout.amount_minor,
        "currency": "INR",
        "captured": False,
        "notes": {"booking_id": checkout.booking_id, "payment_id": checkout.payment_id},
    }


async def verify_max(stage: Stage, count: int) -> float:
    """The slowest of `count` verify calls, in milliseconds, each right after its payment."""
    slowest = 0.0
    async with httpx2.AsyncClient(timeout=30) as client:
        buyer = Buyer(stage.record, client)
        for _ in range(count):
            checkout = await buyer.check_out()
            triple = await buyer.pay(checkout)
            started = time.monotonic()
            await buyer.verify(triple, checkout)
            slowest = max(slowest, (time.monotonic() - started) * 1000)
    return round(slowest, 1)
