"""How Stripe takes a call: key, form, idempotency, locks, then the endpoint, expansion and the vendor's headers."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from fastapi import APIRouter, Request
from fastapi.responses import Response

from simulators.stripe.books import API_VERSION, Books, Thing, random_text
from simulators.stripe.errors import Refused, invalid
from simulators.stripe.form import Params, parse
from simulators.stripe.idempotency import Keys
from simulators.stripe.intents import Caller
from simulators.stripe.listing import expand


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated call: its parameters, who calls, and the ids of its path."""

    params: Params
    caller: Caller
    path: dict[str, str]
    client_secret: str | None = None


@dataclass
class Processing:
    """How the next writes are executed, by a tester's order: how long, and whether they end in a 500 after it."""

    seconds: float = 0.0
    times: int = 0
    fail_after: bool = False
    locked: set[str] = field(default_factory=set)


class Merchant(Protocol):
    """What serving needs of the vendor."""

    books: Books
    processing: Processing
    idempotency: Keys
    secret_key: str
    publishable_key: str

    def settle_up(self) -> None:
        """Let what is due happen, and send what is waiting."""
        ...


Endpoint = Callable[[Call], Thing]


class Api:
    """The vendor's REST paths, as a router."""

    def __init__(self, merchant: Merchant) -> None:
        self.merchant, self.router = merchant, APIRouter()

    def add(self, method: str, path: str, endpoint: Endpoint, *, browser: bool = False) -> None:
        """Serve `endpoint` at `method path`; with `browser` the publishable key and a client secret open it too."""

        async def serve(request: Request) -> Response:
            return await self._serve(request, endpoint, browser=browser)

        self.router.add_api_route(path, serve, methods=[method])

    async def _serve(self, request: Request, endpoint: Endpoint, *, browser: bool) -> Response:
        request_id = "req_" + random_text(14)
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        replayed = False
        try:
            text = (await request.body()).decode() if request.method == "POST" else request.url.query
            params = parse(text)
            call = self._authenticated(request, params, browser=browser)
            self.merchant.settle_up()
            asked = json.dumps([request.method, request.url.path, params], sort_keys=True)
            kept = self.merchant.idempotency.begin(key, asked, self.merchant.books.clock.now()) if key else None
            replayed = kept is not None
            self.merchant.books.request = {"id": request_id, "idempotency_key": key}
            status, body = kept or await self._execute(request, endpoint, call, key, request_id)
        except Refused as error:
            status, body = error.status, _json(error.body(request_id))
        except UnicodeDecodeError:
            status, body = 400, _json(invalid("The body is not UTF-8.").body(request_id))
        headers = {"Request-Id": request_id, "Stripe-Version": request.headers.get("stripe-version", API_VERSION)}
        if key:
            headers["Idempotency-Key"] = key
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        return Response(body, status, headers, "application/json")

    async def _execute(
        self, request: Request, endpoint: Endpoint, call: Call, key: str | None, request_id: str
    ) -> tuple[int, bytes]:
        """Run the endpoint. Its answer is kept under the key, a refusal that executed something too, no other."""
        try:
            status, body = await self._run(request, endpoint, call, request_id)
        except BaseException as error:
            if key and isinstance(error, Refused) and error.executed:
                self.merchant.idempotency.finish(key, error.status, _json(error.body(request_id)))
            elif key:
                self.merchant.idempotency.drop(key)
            raise
        finally:
            self.merchant.settle_up()
        if key:
            self.merchant.idempotency.finish(key, status, body)
        return status, body

    async def _run(self, request: Request, endpoint: Endpoint, call: Call, request_id: str) -> tuple[int, bytes]:
        processing, things = self.merchant.processing, set(call.path.values())
        if request.method != "POST" or processing.times < 1:
            if request.method == "POST" and things & processing.locked:
                raise _locked()
            return 200, _json(expand(self.merchant.books, endpoint(call), call.params))
        if things & processing.locked:
            raise _locked()
        processing.times -= 1
        fail_after = processing.fail_after
        processing.locked |= things
        try:
            await asyncio.sleep(processing.seconds)
            answer = _json(expand(self.merchant.books, endpoint(call), call.params))
        finally:
            processing.locked -= things
        return (500, _json(server_error().body(request_id))) if fail_after else (200, answer)

    def _authenticated(self, request: Request, params: Params, *, browser: bool) -> Call:
        """Raises `Refused`: 401 without a key or with a wrong one, 403 where only the secret key opens."""
        given = _key(request) or str(params.get("key") or "")
        merchant = self.merchant
        origin = f"{request.url.scheme}://{request.url.netloc}"
        if request.headers.get("stripe-account"):
            words = "The provided key does not have access to that account: direct charges are not offered here."
            raise Refused(403, "invalid_request_error", words, code="account_invalid")
        fields = {name: value for name, value in params.items() if name not in ("key", "client_secret")}
        if hmac.compare_digest(given.encode(), merchant.secret_key.encode()):
            return Call(fields, Caller(False, origin), request.path_params)
        if hmac.compare_digest(given.encode(), merchant.publishable_key.encode()):
            if not browser:
                words = "This call can't be made with a publishable API key: use the secret API key."
                raise Refused(403, "invalid_request_error", words, code="secret_key_required")
            return Call(fields, Caller(True, origin), request.path_params, str(params.get("client_secret") or ""))
        words = f"Invalid API Key provided: {given[:8]}****" if given else "You did not provide an API key."
        raise Refused(401, "invalid_request_error", words)


def server_error() -> Refused:
    """500: something went wrong on the vendor's end."""
    return Refused(500, "api_error", "Something went wrong on our end: your request may have been executed.")


def rate_limited() -> Refused:
    """429: too many requests; not executed."""
    words = "Too many requests made to the API too quickly."
    return Refused(429, "invalid_request_error", words, code="rate_limit")


def _locked() -> Refused:
    """429: another request holds the same thing."""
    words = "This object can't be accessed right now: another request holds it. Try again later."
    return Refused(429, "invalid_request_error", words, code="lock_timeout")


def _key(request: Request) -> str:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(given).decode().partition(":")[0]
        except ValueError:
            return ""
    return ""


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode()
