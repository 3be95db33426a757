"""The vendor's own SDK at the simulator's address, and what a tester does beside it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import stripe

from chassis.testing import eventually
from simulators.tests.conftest import KEYS, Shop

SECRET = KEYS["STRIPE_WEBHOOK_SECRET"].split(",")[0]
RETURN = "https://shop.example/back"
ORDER = {"amount": 5000, "currency": "usd", "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
HELD = {**ORDER, "capture_method": "manual"}


def sdk(base: str, key: str = KEYS["STRIPE_SECRET_KEY"]) -> Any:
    """The SDK, unpatched but for its address; no retries, so that a test sees each answer."""
    transport = stripe.HTTPXClient(timeout=20, _lib=httpx2)
    address: Any = {"api": f"{base}/stripe"}
    return stripe.StripeClient(key, base_addresses=address, http_client=transport, max_network_retries=0).v1


async def control(base: str, path: str, **body: Any) -> dict[str, Any]:
    """One of the controls of this vendor; fails the test for anything but a success."""
    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"{base}/control/stripe/{path}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def state(base: str) -> dict[str, Any]:
    """The vendor's books."""
    async with httpx2.AsyncClient() as client:
        found: dict[str, Any] = (await client.get(f"{base}/control/state")).json()["stripe"]
    return found


@asynccontextmanager
async def later(base: str, seconds: int) -> AsyncIterator[None]:
    """The vendors' clock is `seconds` ahead, and afterwards back where it was."""
    async with httpx2.AsyncClient() as client:
        await client.post(f"{base}/control/clock", json={"advance_seconds": seconds})
        try:
            yield
        finally:
            await client.post(f"{base}/control/clock", json={"advance_seconds": -seconds})


async def paid(base: str, card: str = "pm_card_visa", **fields: Any) -> Any:
    """An intent that was confirmed with `card`."""
    order = {**ORDER, **fields, "payment_method": card, "confirm": True}
    return await sdk(base).payment_intents.create_async(order)


async def heard(
    shop: Shop, about: str, count: int, accept: Callable[[dict[str, Any]], bool] = lambda _: True
) -> list[tuple[dict[str, str], bytes, dict[str, Any]]]:
    """The first webhooks about a thing, `count` at least: headers, raw body, event."""

    async def mine() -> Any:
        found = [(headers, body, json.loads(body)) for headers, body in shop.received if about.encode() in body]
        kept = [item for item in found if accept(item[2])]
        return kept if len(kept) >= count else None

    found: list[tuple[dict[str, str], bytes, dict[str, Any]]] = await eventually(mine, 20, what=f"{count} webhooks")
    return found
