"""PhonePe's token holder: one fetch for all who wait, renewed early, and no call lost to a renewal that fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.payment.adapters.gateways.phonepe.token import RENEW_SECONDS, TokenHolder
from services.payment.adapters.gateways.port import Misconfigured, Transient, Unknown
from services.payment.adapters.gateways.wire import Answer

LIFE_SECONDS = 3600
VENDORS_NOW = 4_000_000_000
"""The gateway's clock is decades ahead of ours: a lifetime is what counts."""


class Endpoint:
    """The token endpoint: counts, answers with new tokens, fails or waits on order."""

    def __init__(self) -> None:
        self.asked = 0
        self.failure: Exception | Answer | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self) -> Answer:
        """One call."""
        self.asked += 1
        await self.open.wait()
        if isinstance(self.failure, Exception):
            raise self.failure
        if self.failure is not None:
            return self.failure
        ends = VENDORS_NOW + LIFE_SECONDS
        body = {"access_token": f"token-{self.asked}", "issued_at": VENDORS_NOW, "expires_at": ends, "expires_in": None}
        return Answer(200, body)


@pytest.fixture
def endpoint() -> Endpoint:
    """The endpoint."""
    return Endpoint()


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        """The present second."""
        return self.now


async def test_all_who_wait_get_the_one_token_that_was_fetched(endpoint: Endpoint) -> None:
    holder = TokenHolder(endpoint)
    endpoint.open.clear()
    waiting = [asyncio.create_task(holder.token()) for _ in range(20)]
    while not endpoint.asked:
        await asyncio.sleep(0)
    endpoint.open.set()
    assert set(await asyncio.gather(*waiting)) == {"token-1"}
    assert await holder.token() == "token-1"
    assert endpoint.asked == 1


async def test_a_token_is_renewed_five_minutes_before_its_end_and_not_before(endpoint: Endpoint) -> None:
    clock = Clock()
    holder = TokenHolder(endpoint, clock)
    assert await holder.token() == "token-1"
    clock.now += LIFE_SECONDS - RENEW_SECONDS - 1
    assert await holder.token() == "token-1"
    clock.now += 1
    assert await holder.token() == "token-2"
    assert RENEW_SECONDS == 300


async def test_a_renewal_that_fails_costs_nothing_while_the_old_token_lasts(endpoint: Endpoint) -> None:
    clock = Clock()
    holder = TokenHolder(endpoint, clock)
    assert await holder.token() == "token-1"
    endpoint.failure = Unknown("timeout")
    clock.now += LIFE_SECONDS - 1
    assert await holder.token() == "token-1"
    clock.now += 1
    with pytest.raises(Unknown):
        await holder.token()
    endpoint.failure = None
    assert await holder.token() == "token-4"


async def test_a_refused_token_is_never_used_again_and_a_newer_one_is_kept(endpoint: Endpoint) -> None:
    holder = TokenHolder(endpoint)
    first = await holder.token()
    holder.forget(first)
    assert await holder.token() == "token-2"
    holder.forget(first)
    assert await holder.token() == "token-2"
    holder.forget("token-2")
    endpoint.failure = Unknown("timeout")
    with pytest.raises(Unknown):
        await holder.token()


async def test_a_caller_whose_time_is_up_takes_the_fetch_from_nobody(endpoint: Endpoint) -> None:
    holder = TokenHolder(endpoint)
    endpoint.open.clear()
    hasty, patient = asyncio.create_task(holder.token()), asyncio.create_task(holder.token())
    while not endpoint.asked:
        await asyncio.sleep(0)
    hasty.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hasty
    endpoint.open.set()
    assert await patient == "token-1"
    assert endpoint.asked == 1


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (Answer(400, {"code": "INVALID_CLIENT"}), Misconfigured),
        (Answer(401, {}), Misconfigured),
        (Answer(429, {}, 7.0), Transient),
        (Answer(500, {}), Unknown),
        (Answer(302, {}), Unknown),
        (Answer(200, {}), Unknown),
        (Answer(200, {"access_token": "the-secret", "expires_at": "soon"}), Unknown),
    ],
)
async def test_what_is_no_token_is_one_of_the_ports_errors_and_quotes_no_secret(
    endpoint: Endpoint, answer: Answer, raised: type[Exception]
) -> None:
    endpoint.failure = answer
    with pytest.raises(raised) as error:
        await TokenHolder(endpoint).token()
    whole: list[Any] = [error.value, error.value.__cause__]
    assert "the-secret" not in repr(whole)
