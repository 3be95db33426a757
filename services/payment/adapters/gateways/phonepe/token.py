"""PhonePe's access token, kept fresh by one holder: renewed before it ends, fetched once however many calls wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from services.payment.adapters.gateways.port import Misconfigured, Transient, Unknown
from services.payment.adapters.gateways.wire import Answer

RENEW_SECONDS = 300
"""How long before its end a token is renewed (gateways.md 3.3: three to five minutes early)."""


class _Token(BaseModel):
    model_config = ConfigDict(extra="ignore")

    access_token: SecretStr
    expires_at: int


class TokenHolder:
    """Holds the token that `fetch` brings. `fetch` makes one call to the token endpoint."""

    def __init__(self, fetch: Callable[[], Awaitable[Answer]]) -> None:
        self._fetch = fetch
        self._held: _Token | None = None
        self._fetching = asyncio.Lock()

    async def token(self) -> str:
        """A token that is good for some minutes more. Raises the port's errors when none can be had."""
        if not self._fresh():
            async with self._fetching:
                if not self._fresh():
                    self._held = _read(await self._fetch())
        assert self._held is not None
        return self._held.access_token.get_secret_value()

    def forget(self, token: str) -> None:
        """The gateway refused `token`: fetch another for the next call, unless that was done meanwhile."""
        if self._held is not None and self._held.access_token.get_secret_value() == token:
            self._held = None

    def _fresh(self) -> bool:
        return self._held is not None and time.time() < self._held.expires_at - RENEW_SECONDS


def _read(answer: Answer) -> _Token:
    if answer.status == 429:
        raise Transient("phonepe gives no token now", answer.retry_after_seconds)
    if 400 <= answer.status < 500:
        raise Misconfigured("phonepe refuses our client: check PHONEPE_CLIENT_ID and PHONEPE_CLIENT_SECRET")
    if answer.status != 200:
        raise Unknown(f"phonepe's token endpoint answers {answer.status}")
    try:
        return _Token.model_validate(answer.body)
    except ValidationError as error:
        raise Unknown("an answer that is no token") from error
