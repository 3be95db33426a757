"""PhonePe's access token, kept fresh by one holder: renewed before it ends, fetched once however many calls wait."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from services.payment.adapters.gateways.port import GatewayError, Misconfigured, Transient, Unknown
from services.payment.adapters.gateways.wire import Answer

log = logging.getLogger(__name__)
RENEW_SECONDS = 300
"""How long before its end a token is renewed (gateways.md 3.3: three to five minutes early)."""


class _Token(BaseModel):
    model_config = ConfigDict(extra="ignore")

    access_token: SecretStr
    expires_at: int
    issued_at: int | None = None


@dataclass(frozen=True, slots=True)
class _Held:
    """A token and its end by our own steady clock: a gateway's clock that differs from ours changes no lifetime."""

    secret: str
    ends: float


class TokenHolder:
    """Holds the token that `fetch` brings. `fetch` makes one call to the token endpoint; `clock` counts steady seconds."""

    def __init__(self, fetch: Callable[[], Awaitable[Answer]], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._clock = fetch, clock
        self._held: _Held | None = None
        self._renewal: asyncio.Task[_Held] | None = None

    async def token(self) -> str:
        """A good token. Raises the port's errors when none can be had; one that is not over yet outlives a renewal
        that fails."""
        held = self._held
        if held is not None and self._clock() < held.ends - RENEW_SECONDS:
            return held.secret
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(self._renewed)
        try:
            # Shielded: a caller whose time is up goes, the others still get what was asked for.
            return (await asyncio.shield(self._renewal)).secret
        except GatewayError as error:
            if held is None or held is not self._held or self._clock() >= held.ends:
                raise
            log.warning("phonepe's token could not be renewed, the present one is used on: %s", error)
            return held.secret

    def forget(self, token: str) -> None:
        """The gateway refused `token`: fetch another for the next call, unless that was done meanwhile."""
        if self._held is not None and self._held.secret == token:
            self._held = None

    async def close(self) -> None:
        """Stop fetching."""
        if self._renewal is not None:
            self._renewal.cancel()

    async def _renew(self) -> _Held:
        asked = self._clock()
        token = _read(await self._fetch())
        issued = time.time() if token.issued_at is None else token.issued_at
        self._held = _Held(token.access_token.get_secret_value(), asked + token.expires_at - issued)
        return self._held

    def _renewed(self, renewal: asyncio.Task[_Held]) -> None:
        self._renewal = None
        if not renewal.cancelled():
            renewal.exception()  # those who waited have it; nobody may be left to look


def _read(answer: Answer) -> _Token:
    if answer.status == 429:
        raise Transient("phonepe gives no token now", answer.retry_after_seconds)
    if 400 <= answer.status < 500:
        raise Misconfigured("phonepe refuses our client: check PHONEPE_CLIENT_ID and PHONEPE_CLIENT_SECRET")
    if answer.status != 200:
        raise Unknown(f"phonepe's token endpoint answers {answer.status}")
    try:
        return _Token.model_validate(answer.body)
    except ValidationError:
        # Not the validation's own words: they would quote the answer, which holds a secret.
        raise Unknown("an answer that is no token") from None
