"""The storefront's calls to booking, payment and fulfillment, with the guest's token."""

from __future__ import annotations

from typing import Any

import httpx2

from storefront.settings import StorefrontSettings

_TIMEOUT_SECONDS = 8.0


class Refusal(Exception):
    """A service said no, or nothing. `kind` is the problem's type (`away` when it did not answer)."""

    def __init__(self, status: int, kind: str, title: str, body: dict[str, Any] | None = None) -> None:
        super().__init__(title)
        self.status, self.kind, self.title, self.body = status, kind, title, body or {}

    @property
    def detail(self) -> str:
        """What to do next, for people."""
        return str(self.body.get("detail") or "")

    @property
    def errors(self) -> list[tuple[str, str]]:
        """Wrong fields as (JSON pointer, what is wrong)."""
        return [(str(item.get("pointer", "")), str(item.get("detail", ""))) for item in self.body.get("errors") or []]


class Upstream:
    """Booking, payment and fulfillment over HTTP."""

    def __init__(self, client: httpx2.AsyncClient, settings: StorefrontSettings, buyer_address: str = "") -> None:
        self.client, self.settings, self.buyer_address = client, settings, buyer_address
        self.addresses = {
            "booking": settings.booking_url.rstrip("/"),
            "payment": settings.payment_url.rstrip("/"),
            "fulfillment": settings.fulfillment_url.rstrip("/"),
        }

    def asked_by(self, buyer_address: str) -> Upstream:
        """The same for a buyer at `buyer_address`: rate limits are the buyer's, not the storefront's."""
        return Upstream(self.client, self.settings, buyer_address)

    async def get(self, service: str, path: str, token: str = "", params: dict[str, str] | None = None) -> Any:
        """The answer of `GET path`. Raises `Refusal`."""
        return await self._call("GET", service, path, token, params=params or {})

    async def post(self, service: str, path: str, body: dict[str, Any], token: str = "", key: str = "") -> Any:
        """The answer of `POST path`; `key` makes a repeat harmless. Raises `Refusal`."""
        return await self._call("POST", service, path, token, key=key, json=body)

    async def delete(self, service: str, path: str, token: str) -> Any:
        """The answer of `DELETE path`. Raises `Refusal`."""
        return await self._call("DELETE", service, path, token)

    async def document(self, service: str, path: str, token: str) -> bytes:
        """The bytes of the PDF at `path`. Raises `Refusal`, also when what comes is no PDF."""
        answer = await self._ask("GET", service, path, token, "")
        if not answer.is_success:
            raise _refusal(answer)
        if not answer.content.startswith(b"%PDF-"):
            raise Refusal(0, "away", "We got an answer that we can't read; try again.")
        return bytes(answer.content)

    async def _call(self, method: str, service: str, path: str, token: str, key: str = "", **arguments: Any) -> Any:
        answer = await self._ask(method, service, path, token, key, **arguments)
        if not answer.is_success:
            raise _refusal(answer)
        try:
            return answer.json()
        except ValueError as error:
            raise Refusal(0, "away", "We got an answer that we can't read; try again.") from error

    async def _ask(
        self, method: str, service: str, path: str, token: str, key: str, **arguments: Any
    ) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key:
            headers["Idempotency-Key"] = key
        if self.buyer_address:
            headers["X-Forwarded-For"] = self.buyer_address
        try:
            return await self.client.request(
                method,
                self.addresses[service] + path,
                headers=headers,
                timeout=_TIMEOUT_SECONDS,
                follow_redirects=False,
                **arguments,
            )
        except httpx2.RequestError as error:
            raise Refusal(0, "away", "We can't reach our own services; try again in a moment.") from error


def _refusal(answer: httpx2.Response) -> Refusal:
    """What a service's problem document (RFC 9457) says; an answer that is none counts as no answer of the service."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return Refusal(answer.status_code, "away", "We got an answer that we can't read; try again.")
    kind = str(body.get("type", "")).rpartition("/")[2] or "internal"
    return Refusal(answer.status_code, kind, str(body.get("title") or "This did not work"), body)
