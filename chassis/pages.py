"""What server-rendered pages share: a signed session, CSRF-checked forms, strict headers, money and time as text."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from babel.numbers import format_currency, get_currency_precision
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from starlette.middleware.sessions import SessionMiddleware

FORM = "application/x-www-form-urlencoded"
MAX_FORM_BYTES = 64 * 1024
_BASE_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
_CONTROLS = {
    *range(0x20),
    *range(0x7F, 0xA0),
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x206A),
    0xFEFF,
} - {0x09, 0x0A}
_VISIBLE = {code: f"\\u{code:04x}" for code in _CONTROLS}


class FormRefused(Exception):
    """A write that did not come from our own page; nothing was changed. `status` is 403, 413 or 415."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class PageHeaders:
    """ASGI middleware: the headers of every page; `extra` adds sources to directives of the content security policy.

    Files below `/static/` may be cached for an hour; everything else is personal and is not.
    """

    def __init__(self, app: Any, extra: dict[str, str] | None = None) -> None:
        self.app = app
        policy = dict(_BASE_POLICY)
        for name, sources in (extra or {}).items():
            policy[name] = f"{policy[name]} {sources}" if name in policy else sources
        content_policy = "; ".join(f"{name} {sources}" for name, sources in policy.items())
        self.headers = [
            (b"content-security-policy", content_policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
        ]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on; put the headers on its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        cache = b"public, max-age=3600" if scope["path"].startswith("/static/") else b"no-store"

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self.headers, (b"cache-control", cache)]
            await send(message)

        await self.app(scope, receive, with_headers)


def install(app: FastAPI, *, cookie: str, secret: str, max_age_seconds: int, policy: dict[str, str]) -> None:
    """Give `app` its headers and its session: cookie `__Host-<cookie>`, HttpOnly, Secure, SameSite=Strict, signed."""
    app.add_middleware(
        SessionMiddleware,
        secret_key=f"{cookie}-session:{secret}",
        session_cookie=f"__Host-{cookie}",
        max_age=max_age_seconds,
        same_site="strict",
        https_only=True,
    )
    app.add_middleware(PageHeaders, extra=policy)


def csrf_token(request: Request) -> str:
    """The token that every form of this session carries; made when the session has none."""
    token = request.session.get("csrf")
    if not isinstance(token, str):
        token = request.session["csrf"] = secrets.token_urlsafe(24)
    return token


async def checked_form(request: Request) -> dict[str, str]:
    """The fields of a form of our own page. Raises `FormRefused` for another site, kind, size or token."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise FormRefused(415, "Send the form of the page.")
    declared = request.headers.get("content-length", "")
    if not declared.isdigit() or int(declared) > MAX_FORM_BYTES:
        raise FormRefused(413, "The form is too large.")
    if not _same_origin(request):
        raise FormRefused(403, "This form came from another site; nothing was changed.")
    fields = {name: value for name, value in (await request.form()).multi_items() if isinstance(value, str)}
    known = request.session.get("csrf")
    if not isinstance(known, str) or not secrets.compare_digest(known.encode(), fields.pop("csrf", "").encode()):
        raise FormRefused(403, "The page was too old for this act; load it again and repeat. Nothing was changed.")
    return fields


def _same_origin(request: Request) -> bool:
    """Whether our own page sent this, by the browser's word. Without referrers our pages' Origin may be `null`."""
    fetched_from = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if fetched_from is not None:
        return fetched_from in ("same-origin", "none")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def see_other(path: str) -> RedirectResponse:
    """The answer to a form: look at `path` (of this site) next."""
    return RedirectResponse(path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/", 303)


def money(amount_minor: int | None, currency: str | None) -> str:
    """Minor units as people write them (`₹999.00`); empty when there is no amount."""
    if amount_minor is None or not currency:
        return ""
    amount = Decimal(amount_minor).scaleb(-get_currency_precision(currency))
    return str(format_currency(amount, currency, locale="en_IN", currency_digits=True))


def minor_units(text: str, currency: str) -> int:
    """What a person typed (`999` or `999.00`) in minor units. Raises `ValueError` for anything but a positive amount that
    `currency` can hold."""
    digits = get_currency_precision(currency)
    if not re.fullmatch(r"[0-9]{1,12}" + (rf"(\.[0-9]{{1,{digits}}})?" if digits else ""), text.strip()):
        raise ValueError(f"{text!r} is no amount of {currency}")
    minor = int(Decimal(text.strip()).scaleb(digits))
    if minor == 0:
        raise ValueError("an amount of zero")
    return minor


def instant(value: object) -> datetime | None:
    """An RFC 3339 text as an aware instant; None for anything else."""
    if isinstance(value, datetime):
        return value
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def visible(value: object) -> str:
    """Text in which control characters and those that turn the writing direction are shown, not obeyed."""
    return "" if value is None else str(value).translate(_VISIBLE)
