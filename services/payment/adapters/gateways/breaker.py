"""A circuit breaker for one gateway: purgatory's, with a single probe while it is half open, and its state as a gauge."""

from __future__ import annotations

import asyncio
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
    """Opens after `threshold` failures in a row, for `open_seconds`; then one call at a time may try."""

    def __init__(self, name: str, threshold: int, open_seconds: float) -> None:
        self.name = name
        self._factory = AsyncCircuitBreakerFactory(threshold, open_seconds, exclude=list(_ANSWERS))
        self._factory.add_listener(self._show)
        self._probe = asyncio.Lock()

    def _show(self, name: str, kind: str, event: object) -> None:
        if kind == "state_changed":
            telemetry.BREAKER_OPEN.labels(self.name).set(getattr(event, "state", "") == "opened")

    async def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """The result of `call`. Raises `Away` without calling while the breaker is open or another probe is under way."""
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
