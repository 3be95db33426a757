"""What guards the calls to one gateway: a circuit breaker (purgatory's) with a single probe while it is half open, and
a bulkhead, so that a slow gateway holds up no more than its own lines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from chassis import telemetry
from services.payment.adapters.gateways.port import Away, Declined, Misconfigured, Rejected

T = TypeVar("T")
_ANSWERS = [Declined, Rejected, Misconfigured, asyncio.CancelledError]
"""Answers of a living gateway (and our own giving up) are no failures of it."""


class Breaker:
    """Opens after `threshold` failures in a row, for `open_seconds`; then one call at a time may try. At most `lines`
    calls are under way at once; one more is told that the gateway is away."""

    def __init__(self, name: str, threshold: int, open_seconds: float, lines: int = 64) -> None:
        self.name, self._lines, self._busy = name, lines, 0
        self._factory = AsyncCircuitBreakerFactory(threshold, open_seconds, exclude=list(_ANSWERS))
        self._factory.add_listener(self._show)
        self._opened_until = 0.0
        self._open_seconds = open_seconds
        self._probe = asyncio.Lock()

    def _show(self, name: str, kind: str, event: object) -> None:
        if kind == "state_changed":
            opened = getattr(event, "state", "") == "opened"
            self._opened_until = time.monotonic() + self._open_seconds if opened else 0.0
            telemetry.BREAKER_OPEN.labels(self.name).set(getattr(event, "state", "") == "opened")

    @property
    def is_open(self) -> bool:
        """Whether a call now would be refused because the gateway failed too often just before."""
        return time.monotonic() < self._opened_until

    async def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """The result of `call`. Raises `Away` without calling while the breaker is open, another probe is under way or
        every line is busy."""
        if self._busy >= self._lines:
            telemetry.GATEWAY_CALLS.labels(self.name, "no-line").observe(0)
            raise Away(f"all {self._lines} lines to {self.name} are busy")
        self._busy += 1
        started, outcome = time.monotonic(), "cancelled"
        try:
            result = await self._guarded(call)
            outcome = "answered"
            return result
        except Exception as error:
            outcome = type(error).__name__.lower()
            raise
        finally:
            self._busy -= 1
            telemetry.GATEWAY_CALLS.labels(self.name, outcome).observe(time.monotonic() - started)

    async def _guarded(self, call: Callable[[], Awaitable[T]]) -> T:
        breaker = await self._factory.get_breaker(self.name)
        if breaker.context.state == "closed":
            return await self._through(call)
        if self._probe.locked():
            raise Away(f"{self.name} is being probed")
        async with self._probe:
            return await self._through(call)

    async def _through(self, call: Callable[[], Awaitable[T]]) -> T:
        breaker = await self._factory.get_breaker(self.name)
        try:
            await breaker.__aenter__()
        except OpenedState as error:
            raise Away(f"the breaker to {self.name} is open") from error
        try:
            result = await call()
        except BaseException as error:
            await breaker.__aexit__(type(error), error, error.__traceback__)
            raise
        await breaker.__aexit__(None, None, None)
        return result
