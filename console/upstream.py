"""The console's side of the services' /ops routes: one client for pages and command line."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

import httpx2

SERVICES = ("booking", "payment", "fulfillment", "notification")
_TIMEOUT_SECONDS = 10.0


class UpstreamError(Exception):
    """A service refused or did not answer. `status` is its HTTP status, 0 when it did not answer at all."""

    def __init__(self, service: str, status: int, title: str, detail: str = "") -> None:
        super().__init__(f"{service}: {title}. {detail}".strip())
        self.service, self.status, self.title, self.detail = service, status, title, detail


class Services:
    """Calls to the services at `addresses` (service → URL) with a bearer token."""

    def __init__(self, client: httpx2.AsyncClient, addresses: dict[str, str], token: str) -> None:
        self.client, self.token = client, token
        self.addresses = {name: addresses[name].rstrip("/") for name in SERVICES if name in addresses}

    def acting(self, token: str) -> Services:
        """The same services, asked with another token."""
        return Services(self.client, self.addresses, token)

    async def get(self, service: str, path: str, params: Any = None, timeout: float = _TIMEOUT_SECONDS) -> Any:
        """The JSON answer of `GET path`. Raises `UpstreamError`."""
        return (await self._call("GET", service, path, params=params, timeout=timeout)).json()

    async def post(self, service: str, path: str, body: dict[str, Any], params: Any = None, once: str = "") -> Any:
        """The JSON answer of `POST path`, done once for each idempotency key `once`. Raises `UpstreamError`."""
        headers = {"Idempotency-Key": once} if once else {}
        return (await self._call("POST", service, path, json=body, params=params, headers=headers)).json()

    async def put(self, service: str, path: str, body: dict[str, Any]) -> Any:
        """The JSON answer of `PUT path`. Raises `UpstreamError`."""
        return (await self._call("PUT", service, path, json=body)).json()

    async def text(self, service: str, path: str, timeout: float = _TIMEOUT_SECONDS) -> str:
        """The answer of `GET path` as text. Raises `UpstreamError`."""
        return str((await self._call("GET", service, path, timeout=timeout)).text)

    async def _call(
        self, method: str, service: str, path: str, headers: dict[str, str] | None = None, **arguments: Any
    ) -> httpx2.Response:
        if service not in self.addresses:
            raise UpstreamError(service, 404, "There is no such service", f"Known are {', '.join(self.addresses)}.")
        try:
            answer = await self.client.request(
                method,
                self.addresses[service] + path,
                headers={**(headers or {}), "Authorization": f"Bearer {self.token}"},
                follow_redirects=False,
                **{"timeout": _TIMEOUT_SECONDS, **arguments},
            )
        except httpx2.RequestError as error:
            raise UpstreamError(service, 0, "It does not answer", type(error).__name__) from error
        if answer.is_success:
            return answer
        raise _refusal(service, answer)


def _refusal(service: str, answer: httpx2.Response) -> UpstreamError:
    """The problem document of `answer` as an error; a body that is none is not shown."""
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        return UpstreamError(service, answer.status_code, f"It answered {answer.status_code}")
    fields = [f"{item.get('pointer')}: {item.get('detail')}" for item in problem.get("errors") or []]
    detail = " ".join([str(problem.get("detail") or ""), *fields]).strip()
    return UpstreamError(service, answer.status_code, str(problem.get("title") or "It refused"), detail)


async def settled(
    calls: Iterable[tuple[str, Coroutine[Any, Any, Any]]],
) -> tuple[dict[str, Any], dict[str, UpstreamError]]:
    """Run named calls at once; what answered by name, and the `UpstreamError` of what did not."""
    named = list(calls)
    outcomes = await asyncio.gather(*(call for _, call in named), return_exceptions=True)
    good: dict[str, Any] = {}
    bad: dict[str, UpstreamError] = {}
    for (name, _), outcome in zip(named, outcomes, strict=True):
        if isinstance(outcome, UpstreamError):
            bad[name] = outcome
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            good[name] = outcome
    return good, bad
