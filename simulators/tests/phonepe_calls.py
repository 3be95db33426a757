"""A merchant at the simulated PhonePe by plain HTTP, and what a tester does beside it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import httpx2

from chassis.testing import eventually
from simulators.tests.conftest import KEYS, Shop

SHOP = "https://shop.example/back?payment_id=p-1"
FORM = {
    "client_id": KEYS["PHONEPE_CLIENT_ID"],
    "client_secret": KEYS["PHONEPE_CLIENT_SECRET"],
    "client_version": KEYS["PHONEPE_CLIENT_VERSION"],
    "grant_type": "client_credentials",
}
_numbers = count(1)


def fresh_id(prefix: str = "order") -> str:
    """An id that no other test of this run uses."""
    return f"{prefix}-{next(_numbers)}"


def pay_body(**fields: Any) -> dict[str, Any]:
    """A pay request that is as documented, `fields` changed; a field that is ... is left out."""
    body = {
        "merchantOrderId": fresh_id(),
        "amount": 150000,
        "paymentFlow": {"type": "PG_CHECKOUT", "message": "Lesson", "merchantUrls": {"redirectUrl": SHOP}},
        **fields,
    }
    return {name: value for name, value in body.items() if value is not ...}


class Merchant:
    """Calls with a token that is fetched once."""

    def __init__(self, base: str) -> None:
        self.base, self._token = base, ""

    async def token(self, **changed: str) -> httpx2.Response:
        """Ask for a token."""
        async with httpx2.AsyncClient() as client:
            return await client.post(f"{self.base}/phonepe/v1/oauth/token", data={**FORM, **changed})

    async def call(self, method: str, path: str, **request: Any) -> httpx2.Response:
        """One call of the vendor's interface."""
        if not self._token:
            self._token = (await self.token()).json()["access_token"]
        headers = {"Authorization": f"O-Bearer {self._token}"}
        async with httpx2.AsyncClient(headers=headers) as client:
            return await client.request(method, f"{self.base}/phonepe{path}", **request)

    async def order(self, **fields: Any) -> tuple[str, dict[str, Any]]:
        """Make an order that has to succeed: our id, and the answer."""
        body = pay_body(**fields)
        answer = await self.call("POST", "/checkout/v2/pay", json=body)
        assert answer.status_code == 200, answer.text
        return body["merchantOrderId"], answer.json()

    async def paid(self, **fields: Any) -> str:
        """An order that was paid; its id."""
        order_id, _ = await self.order(**fields)
        await control(self.base, f"orders/{order_id}/pay")
        return order_id

    async def status(self, order_id: str, **params: str) -> dict[str, Any]:
        """An order's status."""
        answer = await self.call("GET", f"/checkout/v2/order/{order_id}/status", params=params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def refund(self, order_id: str, amount: int, refund_id: str = "") -> httpx2.Response:
        """Give a part back."""
        body = {
            "merchantRefundId": refund_id or fresh_id("refund"),
            "originalMerchantOrderId": order_id,
            "amount": amount,
        }
        return await self.call("POST", "/payments/v2/refund", json=body)

    async def refund_status(self, refund_id: str) -> dict[str, Any]:
        """A refund's status."""
        answer = await self.call("GET", f"/payments/v2/refund/{refund_id}/status")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def control(base: str, path: str, **body: Any) -> dict[str, Any]:
    """One of the controls of this vendor; fails the test for anything but a success."""
    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"{base}/control/phonepe/{path}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def state(base: str) -> dict[str, Any]:
    """The vendor's books."""
    async with httpx2.AsyncClient() as client:
        found: dict[str, Any] = (await client.get(f"{base}/control/state")).json()["phonepe"]
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


async def heard(
    shop: Shop, about: str, number: int, event: str = ""
) -> list[tuple[dict[str, str], bytes, dict[str, Any]]]:
    """The webhooks about a thing whose event begins with `event`, `number` at least: headers, raw body, event."""
    needle = f'"{about}"'.encode()

    async def mine() -> Any:
        found = [(headers, body, json.loads(body)) for headers, body in shop.received if needle in body]
        kept = [item for item in found if item[2]["event"].startswith(event)]
        return kept if len(kept) >= number else None

    found: list[tuple[dict[str, str], bytes, dict[str, Any]]] = await eventually(mine, 20, what=f"{number} webhooks")
    return found
