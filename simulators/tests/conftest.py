"""The simulators as they run: a process of their own, and a shop that takes their webhooks."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import httpx2
import pytest_asyncio

from chassis.testing import free_port

KEYS = {
    "RAZORPAY_KEY_ID": "rzp_test_1",
    "RAZORPAY_KEY_SECRET": "api-secret",
    "RAZORPAY_WEBHOOK_SECRET": "hook-secret",
    "STRIPE_SECRET_KEY": "sk_test_1",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_1",
    "STRIPE_WEBHOOK_SECRET": "whsec_1,whsec_0",
    "PHONEPE_CLIENT_ID": "SU_TESTS",
    "PHONEPE_CLIENT_SECRET": "client-secret",
    "PHONEPE_CLIENT_VERSION": "1",
    "PHONEPE_MERCHANT_ID": "M_TESTS",
    "PHONEPE_WEBHOOK_USERNAME": "payfirst",
    "PHONEPE_WEBHOOK_PASSWORD": "hookpass1",
}


class Shop:
    """Takes webhooks and keeps them; answers 500 to those about what `refuse` names, as often as it says."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self._refused = (b"", 0)

    def refuse(self, about: str, times: int) -> None:
        """Answer 500 to the next `times` webhooks whose body has `about`; those of other tests come through."""
        self._refused = (about.encode(), times)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One HTTP/1.1 request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        status = "200 OK"
        about, times = self._refused
        if times and about in body:
            self._refused = (about, times - 1)
            status = "500 Internal Server Error"
        else:
            self.received.append((headers, body))
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@pytest_asyncio.fixture(scope="session")
async def shop() -> AsyncIterator[Shop]:
    """The shop that the webhooks go to."""
    shop = Shop()
    port = free_port()
    server = await asyncio.start_server(shop.serve, "127.0.0.1", port)
    shop.port = port  # type: ignore[attr-defined]
    yield shop
    server.close()


@pytest_asyncio.fixture(scope="session")
async def base(shop: Shop) -> AsyncIterator[str]:
    """The address of running simulators."""
    http, mail, smtp = (free_port() for _ in range(3))
    hook = f"http://127.0.0.1:{shop.port}/hook"  # type: ignore[attr-defined]
    addresses = {
        "SIMULATORS_PORT": str(http),
        "MAIL_HTTP_PORT": str(mail),
        "MAIL_SMTP_PORT": str(smtp),
        "RAZORPAY_WEBHOOK_URL": hook,
        "STRIPE_WEBHOOK_URL": hook,
        "PHONEPE_WEBHOOK_URL": hook,
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", env={**os.environ, **KEYS, **addresses}
    )
    url = f"http://127.0.0.1:{http}"
    async with httpx2.AsyncClient() as client:
        for _ in range(300):
            try:
                await client.get(f"{url}/health/live")
                break
            except httpx2.TransportError:
                await asyncio.sleep(0.05)
    yield url
    child.terminate()
    await child.wait()
