"""The HTTP transport under Stripe's SDK: ours, so that its timeouts, size cap and errors are those of every gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import stripe

from services.payment.adapters.gateways.wire import Wire


class Transport(stripe.HTTPClient):
    """Makes exactly one call for each request of the SDK. Raises the port's `Transient` and `Unknown` by itself.

    The SDK's own asynchronous transport needs a second HTTP library and knows neither a size cap nor which failures
    certainly did not arrive.
    """

    name = "payfirst"

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """The bytes, status and headers of one answer."""
        status, received, answered = await self._wire.exchange(
            method.upper(), url, content=post_data or None, headers=dict(headers or {})
        )
        return received, status, answered

    async def close_async(self) -> None:
        """Close the connections."""
        await self._wire.close()
