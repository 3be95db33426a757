"""HTTP to a gateway: own timeouts, a size cap, no redirects, every failure as one of the port's errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2
import orjson
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from chassis import faults
from services.payment.adapters.gateways.port import Away, Transient, Unknown

T = TypeVar("T")

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

    def __init__(self, base_url: str, auth: tuple[str, str] | None, read_seconds: float, connections: int = 50) -> None:
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
        form: Mapping[str, str] | None = None,
        params: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        within_seconds: float | None = None,
    ) -> Answer:
        """The JSON object in the answer to one request. Raises as `exchange`, and `Unknown` for what is no object."""
        status, received, answered = await self.exchange(
            method, path, within_seconds=within_seconds, json=json, data=form, params=params, headers=headers
        )
        return Answer(status, _decoded(status, received), _retry_after(answered))

    async def exchange(
        self, method: str, url: str, *, within_seconds: float | None = None, **request: Any
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, bytes and headers of one answer. Raises `Transient` when the request never arrived there, `Unknown`
        when that is unclear."""
        faults.point("gateway.calling", method)
        try:
            timeout = self._timeout(within_seconds or self.read_seconds)
            async with self._client.stream(method, url, timeout=timeout, **request) as response:
                faults.point("gateway.sent", method)
                received = await _read(response)
                faults.point("gateway.answered", method)
                return response.status_code, received, response.headers
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise Transient(f"{method} {url}: no connection ({type(error).__name__})") from error
        except httpx2.HTTPError as error:
            raise Unknown(f"{method} {url}: {type(error).__name__}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


async def repeated(call: Callable[[], Awaitable[T]]) -> T:
    """The result of `call`, tried three times after `Transient` and `Unknown`: only for what may safely be repeated,
    a question or a write that the gateway replays under its key."""
    attempts = AsyncRetrying(
        stop=stop_after_attempt(3),
        wait=wait_random_exponential(multiplier=0.2, max=2),
        retry=retry_if_exception(lambda e: isinstance(e, Transient | Unknown) and not isinstance(e, Away)),
        reraise=True,
    )

    async def once() -> T:
        return await call()

    return await attempts(once)


async def _read(response: httpx2.Response) -> bytes:
    received = bytearray()
    async for chunk in response.aiter_bytes():
        received += chunk
        if len(received) > MAX_ANSWER_BYTES:
            raise Unknown(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
    return bytes(received)


def _decoded(status: int, received: bytes) -> dict[str, Any]:
    try:
        decoded = orjson.loads(received)
    except orjson.JSONDecodeError:
        if status == 429:
            return {}
        raise Unknown(f"an answer with status {status} that is no JSON") from None
    if not isinstance(decoded, dict):
        raise Unknown(f"an answer with status {status} that is no object")
    return decoded


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "")
    return float(value) if value.isdigit() else None
