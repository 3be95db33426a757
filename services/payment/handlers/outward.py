"""A gateway's failures as what becomes of the task: held while it is away, later when it says when, else up the ladder."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from chassis.outcomes import Held, RetryAfter
from services.payment.adapters.gateways.port import Away, Transient

T = TypeVar("T")


async def outward(gateway: str, call: Awaitable[T]) -> T:
    """The result of `call` at `gateway`. Raises `Held` while its breaker is open, `RetryAfter` when it named a time."""
    try:
        return await call
    except Away as error:
        raise Held(f"gateway:{gateway}") from error
    except Transient as error:
        if error.retry_after_seconds is not None:
            raise RetryAfter(error.retry_after_seconds, str(error)) from error
        raise
