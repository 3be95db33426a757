"""What Stripe serves to browsers: its script, the Payment Element's frame, and the authentication challenge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, Form
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader

from simulators.stripe.books import Thing
from simulators.stripe.controls import Vendor, authenticate
from simulators.stripe.errors import Refused
from simulators.stripe.instruments import INSTRUMENTS
from simulators.stripe.money import shown

_PAGES = Path(__file__).with_name("pages")
_templates = Environment(loader=FileSystemLoader(_PAGES), autoescape=True)
_ASSETS = {"element.css": "text/css", "element.js": "text/javascript", "challenge.js": "text/javascript"}
_NOBODY = "'none'"
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'"


def pages(vendor: Vendor) -> APIRouter:
    """The browser's side of `vendor`, below `/stripe`."""
    router = APIRouter()

    @router.get("/js/v3")
    @router.get("/js/v3/")
    async def script() -> Response:
        return FileResponse(_PAGES / "stripe.js", media_type="text/javascript")

    @router.get("/js/assets/{name}")
    async def asset(name: str) -> Response:
        if name not in _ASSETS:
            return Response(status_code=404)
        return FileResponse(_PAGES / name, media_type=_ASSETS[name])

    @router.get("/element")
    async def element(origin: str) -> Response:
        """The frame with the card's fields; `origin` is the shop's, the only one that it talks to."""
        if not _is_origin(origin):
            return HTMLResponse("The origin is not one.", 400)
        cards = [(" ".join(_fours(item.number)), item.says) for item in INSTRUMENTS]
        html = _templates.get_template("element.html").render(origin=origin, cards=cards)
        return _page(html, f"form-action 'none'; frame-ancestors {origin}")

    _challenging(router, vendor)
    return router


def _challenging(router: APIRouter, vendor: Vendor) -> None:
    @router.get("/3d_secure/{intent_id}")
    async def challenge(intent_id: str, client_secret: str, origin: str = "") -> Response:
        intent = _intent(vendor, intent_id, client_secret)
        if intent is None or (origin and not _is_origin(origin)):
            return HTMLResponse("There is no such authentication.", 404)
        if intent["status"] != "requires_action":
            return _done(intent, origin)
        amount = shown(intent["amount"], intent["currency"]) if "amount" in intent else "0"
        html = _templates.get_template("challenge.html").render(intent=intent, amount=amount.upper(), origin=origin)
        back = _origin_of(_return_url(intent))
        return _page(html, f"form-action 'self' {back}; frame-ancestors {origin or _NOBODY}")

    @router.post("/3d_secure/{intent_id}")
    async def end(
        intent_id: str,
        client_secret: Annotated[str, Form()],
        act: Annotated[str, Form()],
        origin: Annotated[str, Form()] = "",
    ) -> Response:
        intent = _intent(vendor, intent_id, client_secret)
        if intent is None or (origin and not _is_origin(origin)):
            return HTMLResponse("There is no such authentication.", 404)
        back = _return_url(intent)
        if intent["status"] == "requires_action":
            try:
                authenticate(vendor, intent_id, passed=act == "complete")
            except Refused as error:
                return HTMLResponse(str(error), error.status)
        if back and not origin:
            given = vendor.handed(intent)
            fields = {name: value for name, value in given.items() if name not in ("status", "error")}
            return RedirectResponse(_with(back, fields), 303)
        return _done(intent, origin)


def _intent(vendor: Vendor, intent_id: str, client_secret: str) -> Thing | None:
    """The intent, if the caller knows its secret."""
    found = vendor.books.find(intent_id)
    known = found is not None and client_secret and found.get("client_secret") == client_secret
    return found if known else None


def _done(intent: Thing, origin: str) -> Response:
    failed = intent["status"] in ("requires_payment_method", "canceled")
    html = _templates.get_template("done.html").render(origin=origin, failed=failed)
    return _page(html, f"form-action 'none'; frame-ancestors {origin or _NOBODY}")


def _return_url(intent: Thing) -> str:
    action = intent["next_action"] or {}
    return str(action.get("redirect_to_url", {}).get("return_url") or "")


def _with(url: str, fields: Thing) -> str:
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode(fields)) if part)
    return urlunsplit(parts._replace(query=query))


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else ""


def _is_origin(text: str) -> bool:
    """Whether `text` is an origin and nothing else: it goes into a header."""
    harmless = all(character.isalnum() or character in ":/.-[]" for character in text)
    return harmless and bool(text) and _origin_of(text) == text


def _fours(number: str) -> list[str]:
    return [number[start : start + 4] for start in range(0, len(number), 4)]


def _page(html: str, policy: str) -> Response:
    headers = {
        "Content-Security-Policy": f"{_POLICY}; {policy}",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(html, headers=headers)
