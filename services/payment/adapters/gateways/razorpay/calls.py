"""One way to Razorpay's API for everything that calls it: a wire, a breaker, and what an answer means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from services.payment.adapters.gateways.breaker import Breaker
from services.payment.adapters.gateways.port import Declined, Misconfigured, Rejected, Transient, Unknown
from services.payment.adapters.gateways.wire import Answer, Wire, repeated

M = TypeVar("M", bound=BaseModel)
MAX_LISTED = 100_000
"""How many things of one list are read at most."""
_BUYERS_SIDE = frozenset({"customer", "bank"})
_PAGE = 100


class Calls:
    """Makes the calls. Every method may raise any `GatewayError`."""

    def __init__(self, wire: Wire, breaker: Breaker) -> None:
        self._wire, self._breaker = wire, breaker

    async def send(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """The body of one answer to one call; `request` as `Wire.send` takes it."""

        async def once() -> dict[str, Any]:
            return checked(await self._wire.send(method, path, **request))

        return await self._breaker.run(once)

    async def asked(
        self, path: str, within_seconds: float | None, params: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """A query, tried three times unless it has to answer soon: only a repeat of a GET is safe by itself."""
        if within_seconds is not None:
            return await self.send("GET", path, params=params, within_seconds=within_seconds)
        return await repeated(lambda: self.send("GET", path, params=params))

    async def pages(self, path: str, since: datetime, until: datetime | None) -> AsyncIterator[Any]:
        """What was made since `since`, newest first, at most `MAX_LISTED`; up to now where `until` is None."""
        period = {"from": int(since.timestamp()), "count": _PAGE}
        if until is not None:
            period["to"] = int(until.timestamp())
        for skip in range(0, MAX_LISTED, _PAGE):
            found = items(await self.asked(path, None, {**period, "skip": skip}))
            for item in found:
                yield item
            if len(found) < _PAGE:
                return


def items(answer: dict[str, Any]) -> list[Any]:
    """The items of a collection. Raises `Unknown`."""
    found = answer.get("items")
    if not isinstance(found, list):
        raise Unknown("a list without items")
    return found


def read(model: type[M], value: Any) -> M:
    """`value` as a `model`. Raises `Unknown`."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Unknown(f"an answer that is no {model.__name__}") from error


def checked(answer: Answer) -> dict[str, Any]:
    """The body of a good answer; a bad one as the port's error, by status and code (gateways.md 2.4)."""
    if 200 <= answer.status < 300 and _is_good(answer.body):
        return answer.body
    error = answer.body.get("error")
    error = error if isinstance(error, dict) else {}
    reason = str(error.get("reason") or error.get("code") or f"status_{answer.status}")[:100]
    description = str(error.get("description") or "")[:200]
    if answer.status in (401, 403):
        raise Misconfigured(f"razorpay answers {answer.status}: check RAZORPAY_KEY_ID and RAZORPAY_KEY_SECRET")
    if answer.status in (409, 429):
        raise Transient(f"razorpay answers {answer.status}", answer.retry_after_seconds)
    if answer.status < 400 or answer.status >= 500 or error.get("code") in ("GATEWAY_ERROR", "SERVER_ERROR"):
        raise Unknown(f"razorpay answers {answer.status} ({reason})")
    if error.get("source") in _BUYERS_SIDE:
        raise Declined(reason)
    raise Rejected(reason, description)


def _is_good(body: dict[str, Any]) -> bool:
    """Only a body without an `error` is good, but for a thing of the vendor's, which may tell its own error in it."""
    return "error" not in body or "entity" in body
