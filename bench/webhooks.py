"""How fast a webhook is acknowledged, with the broker up and with the broker down."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any

import httpx2

from bench.buyer import Buyer, Checkout
from bench.measuring import quantile
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


async def acknowledgements(stage: Stage, per_s: int, seconds: float) -> dict[str, float]:
    """Milliseconds from sending a webhook to its 200, at `per_s` a second; each is another event of one payment."""
    secret = json.loads((stage.home / "secrets.json").read_text())["RAZORPAY_WEBHOOK_SECRET"]
    url = f"{stage.record['payment']}/api/v1/webhooks/razorpay"
    took: list[float] = []
    async with httpx2.AsyncClient(timeout=30) as client:
        checkout = await Buyer(stage.record, client).check_out()
        entity = entity_of(checkout)

        async def one(after: float) -> None:
            await asyncio.sleep(after)
            raw, headers = signed(secret, entity)
            started = time.monotonic()
            answer = await client.post(url, content=raw, headers=headers)
            if answer.status_code != 200:
                raise RuntimeError(f"a webhook was answered {answer.status_code}: {answer.text}")
            took.append((time.monotonic() - started) * 1000)

        await asyncio.gather(*(one(n / per_s) for n in range(int(per_s * seconds))))
    return {"p50_ms": round(quantile(took, 0.5), 1), "p99_ms": round(quantile(took, 0.99), 1)}


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
