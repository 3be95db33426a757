"""Load for chaos: purchases told by payment's outbox at a steady rate, beside buyers who use the whole HTTP surface."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

import asyncpg
import httpx2

from bench.buyer import Buyer
from bench.loading import Teller, hold_places

_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)


class Load:
    """Keeps `told_per_s` secured payments and `buyers_per_s` whole journeys coming until `end()`."""

    def __init__(self, record: dict[str, Any], told_per_s: int, buyers_per_s: int) -> None:
        self.record, self.told_per_s, self.buyers_per_s = record, told_per_s, buyers_per_s
        self.paid: list[str] = []
        self.errors: list[str] = []
        self._waiting: list[UUID] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = False

    def end(self) -> None:
        """Nothing new begins from now on."""
        self._ended = True

    async def run(self, seconds: float) -> None:
        """Load until `end()`, for `seconds` at most, then wait for the buyers under way."""
        self._waiting = await hold_places(self.record["databases"]["booking"], int(self.told_per_s * seconds) + 10)
        await asyncio.gather(self._tell(seconds), self._buy(seconds))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=90)

    async def _tell(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        every = 0.1
        share = max(1, int(self.told_per_s * every))
        while time.monotonic() < end and not self._ended:
            started = time.monotonic()
            batch = [self._waiting.pop() for _ in range(min(share, len(self._waiting)))]
            await self._until_told(batch)
            self.paid += [str(booking_id) for booking_id in batch]
            await asyncio.sleep(max(0.0, every - (time.monotonic() - started)))

    async def _until_told(self, batch: list[UUID]) -> None:
        """The database may be away: a commit that failed is repeated, one whose answer was lost is looked up."""
        while batch:
            try:
                async with Teller(self.record["databases"]["payment"]) as teller:
                    await teller.tell(batch)
                return
            except _AWAY:
                await asyncio.sleep(0.2)
                batch = await self._untold(batch)

    async def _untold(self, batch: list[UUID]) -> list[UUID]:
        try:
            connection = await asyncpg.connect(self.record["databases"]["payment"], timeout=2)
        except _AWAY:
            return batch
        try:
            rows = await connection.fetch("SELECT key FROM events WHERE key = ANY($1::text[])", [str(i) for i in batch])
        except _AWAY:
            return batch
        finally:
            await connection.close()
        known = {row["key"] for row in rows}
        return [booking_id for booking_id in batch if str(booking_id) not in known]

    async def _buy(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        async with httpx2.AsyncClient(timeout=20) as client:
            buyer = Buyer(self.record, client)
            while time.monotonic() < end and self.buyers_per_s and not self._ended:
                task = asyncio.create_task(self._purchase(buyer))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                await asyncio.sleep(1 / self.buyers_per_s)
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=90)

    async def _purchase(self, buyer: Buyer) -> None:
        """A buyer who pays; what the server answers while it is being killed may be an error, what was paid counts."""
        try:
            checkout = await buyer.check_out()
            triple = await buyer.pay(checkout)
            self.paid.append(checkout.booking_id)
            await buyer.verify(triple, checkout)
        except (RuntimeError, httpx2.TransportError) as error:
            self.errors.append(f"{type(error).__name__}: {str(error)[:200]}")
