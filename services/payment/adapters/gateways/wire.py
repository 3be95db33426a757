"""JSON over HTTP to a gateway: own timeouts, a size cap, no redirects, every failure as one of the port's errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2
import orjson

from services.payment.adapters.gateways.port import Transient, Unknown

MAX_ANSWER_BYTES = 1024 * 1024
CONNECT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A gateway's answer: HTTP status and the decoded object."""

    status: int
    body: dict[str, Any]
    retry_after_seconds: float | None = None


class Wire:
    """One HTTP client for one gateway. Makes exactly one call for each `send`."""

    def __init__(self, base_url: str, auth: tuple[str, str], read_seconds: float, connections: int = 50) -> None:
        self.read_seconds = read_seconds
        self._client = httpx2.AsyncClient(
            base_url=base_url.rstrip("/"),
            auth=auth,
            timeout=self._timeout(read_seconds),
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=20),
            follow_redirects=False,
            headers={"User-Agent": "payfirst/1"},
        )

    @staticmethod
    def _timeout(read_seconds: float) -> httpx2.Timeout:
        connect = min(CONNECT_SECONDS, read_seconds)
        return httpx2.Timeout(read_seconds, connect=connect, pool=connect)

    async def send(
        self,
        method: str,
        path: str,
        *,
        json: dict[str, Any] | None = None,
        params: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        within_seconds: float | None = None,
    ) -> Answer:
        """The answer to one request. Raises `Transient` when it never arrived there, `Unknown` when that is unclear."""
        try:
            async with self._client.stream(
                method,
                path,
                json=json,
                params=params,
                headers=headers,
                timeout=self._timeout(within_seconds or self.read_seconds),
            ) as response:
                return Answer(response.status_code, await _read(response), _retry_after(response))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise Transient(f"{method} {path}: no connection ({type(error).__name__})") from error
        except httpx2.HTTPError as error:
            raise Unknown(f"{method} {path}: {type(error).__name__}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


async def _read(response: httpx2.Response) -> dict[str, Any]:
    received = bytearray()
    async for chunk in response.aiter_bytes():
        received += chunk
        if len(received) > MAX_ANSWER_BYTES:
            raise Unknown(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
    try:
        decoded = orjson.loads(bytes(received))
    except orjson.JSONDecodeError:
        if response.status_code == 429:
            return {}
        raise Unknown(f"an answer with status {response.status_code} that is no JSON") from None
    if not isinstance(decoded, dict):
        raise Unknown(f"an answer with status {response.status_code} that is no object")
    return decoded


def _retry_after(response: httpx2.Response) -> float | None:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isdigit() else None
