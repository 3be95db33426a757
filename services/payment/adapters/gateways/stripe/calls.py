"""One way to Stripe's API for everything that calls it: the SDK over our transport, a breaker, the port's errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any, NoReturn, TypeVar

import stripe
from pydantic import BaseModel, ValidationError

from services.payment.adapters.gateways.breaker import Breaker
from services.payment.adapters.gateways.port import Declined, Misconfigured, Rejected, Transient, Unknown
from services.payment.adapters.gateways.wire import repeated

M = TypeVar("M", bound=BaseModel)
_BALANCE_RETRY_SECONDS = 3600.0
_MOST_KEYS = 100
_NOT_EXECUTED = frozenset({"lock_timeout", "idempotency_key_in_use", "rate_limit"})


class Calls:
    """Makes the calls. Every method may raise any `GatewayError`; `v1` are the SDK's own services."""

    def __init__(self, client: stripe.StripeClient, breaker: Breaker) -> None:
        self.v1, self._breaker = client.v1, breaker

    async def run(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """The SDK's answer to one call."""

        async def once() -> Any:
            try:
                return await call()
            except stripe.StripeError as error:
                _raise(error)

        return await self._breaker.run(once)

    async def paid_by_balance(self, name: str, write: Callable[[Any], Awaitable[Any]]) -> Any:
        """The SDK's answer to a write that our balance pays, called with its options, under the key `name`.

        Stripe keeps a refusal for a balance too low under its key for a day. Where such a refusal is replayed nothing was
        executed, and the next key (`name:2` …) may be used; two callers at once take the same key, so it is done once.
        Raises `Transient` with an hour where our balance is too low.
        """
        for number in range(1, _MOST_KEYS + 1):
            options = under_key(name if number == 1 else f"{name}:{number}")
            try:
                return await self.run(partial(write, options))
            except Rejected as error:
                if error.reason != "balance_insufficient":
                    raise
                if not _was_replayed(error):
                    break
        raise Transient(f"our balance at stripe is too low for {name.partition(':')[0]}s", _BALANCE_RETRY_SECONDS)

    async def listed(
        self, listing: Callable[[Any], Awaitable[Any]], since: datetime, until: datetime, **more: Any
    ) -> AsyncIterator[Any]:
        """What a `list_async` has of a period, page by page, newest first."""
        created = {"gte": int(since.timestamp()), "lte": int(until.timestamp())}
        params = {"created": created, "limit": 100, **more}
        while True:
            page = await repeated(partial(self.run, partial(listing, params)))
            for item in page.data:
                yield item
            if not page.has_more or not page.data:
                return
            params = {**params, "starting_after": page.data[-1].id}


def under_key(text: str) -> Any:
    """The options that send `text` as the idempotency key."""
    return {"idempotency_key": text}


def read(model: type[M], answer: Any) -> M:
    """An answer of the SDK as a `model`. Raises `Unknown`."""
    try:
        return model.model_validate(answer.to_dict() if isinstance(answer, stripe.StripeObject) else answer)
    except ValidationError as error:
        raise Unknown(f"an answer that is no {model.__name__}") from error


def _was_replayed(error: BaseException) -> bool:
    """Whether a refusal is an earlier one that Stripe kept under the idempotency key (gateways.md 1.5)."""
    cause = error.__cause__
    headers = cause.headers if isinstance(cause, stripe.StripeError) else None
    return (headers or {}).get("idempotent-replayed") == "true"


def _raise(error: stripe.StripeError) -> NoReturn:
    """The SDK's error as the port's, by its class and code (gateways.md 1.2)."""
    detail = error.error
    code = str(getattr(detail, "code", None) or error.code or type(error).__name__)[:100]
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        raise Misconfigured("stripe does not accept our key: check STRIPE_SECRET_KEY") from error
    if isinstance(error, stripe.RateLimitError) or code in _NOT_EXECUTED:
        raise Transient(f"stripe answers {error.http_status} ({code})") from error
    if isinstance(error, stripe.CardError):
        raise Declined(str(getattr(detail, "decline_code", None) or code)[:100]) from error
    if isinstance(error, stripe.InvalidRequestError | stripe.IdempotencyError):
        raise Rejected(code, str(error.user_message or "")[:200]) from error
    raise Unknown(f"stripe answers {error.http_status} ({code})") from error
