"""Sends webhooks as vendors do: until a 2xx, with back-off; and late, twice, reordered, lost or forged on order."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

import httpcore2

log = logging.getLogger(__name__)
Mode = Literal["normal", "late", "twice", "reordered", "lost", "forged"]
_BACKOFF_SECONDS = (0.5, 1, 2, 4, 8, 16, 30, 30, 30)
_LATE_SECONDS = 3.0
_PROOFS = frozenset({"authorization"})
_TIMEOUTS = dict.fromkeys(("connect", "read", "write", "pool"), 5.0)
_NOT_ARRIVED = (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError)


@dataclass
class Delivery:
    """One webhook on its way: the bytes, its headers, and how it went."""

    event_id: str
    event: str
    url: str
    body: bytes
    headers: dict[str, str]
    vendor: str
    attempts: int = 0
    status: int | None = None
    state: str = "waiting"

    def fresh_headers(self) -> dict[str, str]:
        """The headers for an attempt now; a vendor that signs the time of sending makes its signature here."""
        return self.headers


@dataclass
class Sender:
    """Sends deliveries side by side, at most 64 at once, by the bare transport: a stage sends three for each purchase."""

    log: deque[Delivery] = field(default_factory=lambda: deque(maxlen=20_000))
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _pool: httpcore2.AsyncConnectionPool | None = None
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(64))

    def send(self, deliveries: list[Delivery], mode: Mode, delay_seconds: float = 0.0) -> None:
        """Send `deliveries` in `mode`; returns at once."""
        self.log.extend(deliveries)
        if mode == "lost":
            for delivery in deliveries:
                delivery.state = "lost"
            return
        if mode == "forged":
            for delivery in deliveries:
                delivery.headers = {
                    name: "0" * 64 if name.lower() in _PROOFS or "signature" in name.lower() else value
                    for name, value in delivery.headers.items()
                }
        if mode == "reordered":
            deliveries = list(reversed(deliveries))
        if mode == "late" and not delay_seconds:
            delay_seconds = _LATE_SECONDS
        copies = 2 if mode == "twice" else 1
        task = asyncio.create_task(self._all(deliveries * copies, delay_seconds, retry=mode != "forged"))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _all(self, deliveries: list[Delivery], delay_seconds: float, *, retry: bool) -> None:
        if delay_seconds:
            await asyncio.sleep(delay_seconds)
        for delivery in deliveries:
            await self._one(delivery, retry=retry)

    async def _one(self, delivery: Delivery, *, retry: bool) -> None:
        if self._pool is None:
            self._pool = httpcore2.AsyncConnectionPool(max_connections=64)
        for wait in (*_BACKOFF_SECONDS, None):
            delivery.attempts += 1
            async with self._slots:
                try:
                    answer = await self._pool.request(
                        "POST",
                        delivery.url,
                        headers=list(delivery.fresh_headers().items()),
                        content=delivery.body,
                        extensions={"timeout": _TIMEOUTS},
                    )
                    delivery.status = answer.status
                except _NOT_ARRIVED as error:
                    delivery.status = None
                    log.info("webhook %s did not arrive: %r", delivery.event_id, error)
            if delivery.status is not None and 200 <= delivery.status < 300:
                delivery.state = "delivered"
                return
            if wait is None or not retry:
                break
            await asyncio.sleep(wait)
        delivery.state = "given up"

    def redeliver(self, event_id: str) -> bool:
        """Send a webhook once more, the same bytes; False when it is unknown."""
        found = next((delivery for delivery in self.log if delivery.event_id == event_id), None)
        if found is None:
            return False
        task = asyncio.create_task(self._one(found, retry=True))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    def forget(self) -> None:
        """Send nothing of what is still on its way, and know of no webhook."""
        for task in self._tasks:
            task.cancel()
        self.log.clear()

    async def close(self) -> None:
        """Stop sending."""
        for task in list(self._tasks):
            task.cancel()
        if self._pool is not None:
            await self._pool.aclose()
