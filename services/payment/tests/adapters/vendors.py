"""The vendors' simulators with somebody who takes their webhooks, for tests of adapters over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2

from chassis.testing import eventually
from services.payment.adapters.gateways.port import PayoutOrder
from services.payment.settings import PaymentSettings
from services.payment.tests.samples import settings_of
from services.payment.tests.stage import free_port, knobs_of, simulators

Hook = tuple[dict[str, str], bytes]


@dataclass
class Vendors:
    """The simulators as a tester reaches them, and the webhooks that came."""

    tester: httpx2.AsyncClient
    heard: list[Hook] = field(default_factory=list)

    def settings(self, **knobs: Any) -> PaymentSettings:
        """Settings that lead an adapter here."""
        known = knobs_of(str(self.tester.base_url).rstrip("/"), "http://127.0.0.1:9")
        return settings_of(**{**known, "payment_gateway_timeout_seconds": 5.0, **knobs})

    async def act(self, path: str, /, **body: Any) -> dict[str, Any]:
        """One of the controls."""
        answer = await self.tester.post(f"/control/{path}", json=body)
        assert answer.status_code < 300, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def books(self, vendor: str, kind: str) -> list[dict[str, Any]]:
        """One kind of thing in a vendor's own books."""
        found: list[dict[str, Any]] = (await self.tester.get("/control/state")).json()[vendor][kind]
        return found

    async def carrying(self, vendor: str, payout_id: UUID) -> list[dict[str, Any]]:
        """The vendor's transfers that carry `payout_id`, in its metadata or notes."""
        name = "metadata" if vendor == "stripe" else "notes"
        ours = {"payout_id": str(payout_id)}
        return [item for item in await self.books(vendor, "transfers") if item[name] == ours]

    async def hook(self, about: str, kind: str) -> Hook:
        """The first webhook of `kind` about a thing."""

        async def came() -> Hook | None:
            wanted = (about.encode(), kind.encode())
            return next((hook for hook in self.heard if all(part in hook[1] for part in wanted)), None)

        found: Hook = await eventually(came, what=f"{kind} of {about}")
        return found

    async def at_once(self, send: Callable[[PayoutOrder], Any], order: PayoutOrder, times: int) -> list[Any]:
        """What `times` sends of one order at the same moment give, errors included."""
        return await asyncio.gather(*(send(order) for _ in range(times)), return_exceptions=True)

    @asynccontextmanager
    async def later(self, seconds: float) -> AsyncIterator[None]:
        """The vendors' clock is `seconds` ahead, and afterwards back where it was."""
        await self.act("clock", advance_seconds=seconds)
        try:
            yield
        finally:
            await self.act("clock", advance_seconds=-seconds)

    async def calm(self) -> None:
        """The vendors behave again."""
        await self.tester.delete("/control/faults")
        await self.act("stripe/balance", short=False)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One webhook: kept, and answered with 200."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = [line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line]
        headers = {name.lower(): value for name, value in lines}
        self.heard.append((headers, await reader.readexactly(int(headers.get("content-length", "0")))))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def running() -> AsyncIterator[Vendors]:
    """The simulators, up."""
    port = free_port(27_000)
    with simulators(f"http://127.0.0.1:{port}/hook/") as address:
        async with httpx2.AsyncClient(base_url=address) as tester:
            vendors = Vendors(tester)
            server = await asyncio.start_server(vendors.take, "127.0.0.1", port)

            async def up() -> bool:
                try:
                    return (await tester.get("/health/live")).status_code == 200
                except httpx2.HTTPError:
                    return False

            try:
                await eventually(up, what="the simulators")
                yield vendors
            finally:
                server.close()
