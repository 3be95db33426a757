"""PhonePe's pay page in the browser: UPI or card, the outcome that the payer's instrument has, and the way back."""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader

from simulators.phonepe.books import Refused, words_of

if TYPE_CHECKING:
    from simulators.phonepe.vendor import PhonePe

_PAGES = Path(__file__).with_name("pages")
_templates = Environment(loader=FileSystemLoader(_PAGES), autoescape=True)
_CSP = "default-src 'none'; script-src 'self'; style-src 'self'; form-action *; base-uri 'none'"
_OTP = "123456"
_CARDS = {"4208585190116667": "508", "4242424242424242": "936"}
"""The documented sandbox cards with their CVV (gateways.md 3.6)."""
_VPAS = {"failed@ybl": "ZA", "pending@ybl": ""}


def page_routes(vendor: PhonePe) -> APIRouter:
    """The pay page of `vendor`, below /phonepe."""
    router = APIRouter()

    @router.get("/transact/assets/{name}")
    async def asset(name: str) -> Response:
        return FileResponse(_PAGES / name) if name in ("page.css", "page.js") else Response(status_code=404)

    @router.get("/transact/{order_id}")
    async def show(order_id: str, token: str = "") -> Response:
        try:
            order = _order(vendor, order_id, token)
        except Refused as error:
            return HTMLResponse("This payment is not known.", error.status)
        if order["state"] != "PENDING":
            return RedirectResponse(order["redirectUrl"], 303)
        return _page(vendor, order)

    _paying(router, vendor)
    return router


def _paying(router: APIRouter, vendor: PhonePe) -> None:
    @router.post("/transact/{order_id}")
    async def pay(
        order_id: str,
        token: Annotated[str, Form()],
        act: Annotated[str, Form()] = "upi",
        vpa: Annotated[str, Form()] = "",
        card_number: Annotated[str, Form()] = "",
        cvv: Annotated[str, Form()] = "",
        otp: Annotated[str, Form()] = "",
    ) -> Response:
        try:
            order = _order(vendor, order_id, token)
            if order["state"] != "PENDING":
                return RedirectResponse(order["redirectUrl"], 303)
            outcome = _outcome(act, vpa, "".join(card_number.split()), cvv, otp)
            if outcome == "cancel":
                vendor.books.give_up(order_id, "ORDER_CANCELLED_BY_USER")
                vendor.tell_order(order_id, "normal")
                return RedirectResponse(order["redirectUrl"], 303)
            mode = "CARD" if act == "card" else "UPI_COLLECT"
            attempt = vendor.books.attempt(order_id, mode)
            if outcome == "pending":
                return RedirectResponse(order["redirectUrl"], 303)
            if outcome != "success":
                vendor.books.fail(order_id, attempt, outcome)
                vendor.tell_order(order_id, "normal")
                return _page(vendor, order, words_of(outcome))
        except Refused as error:
            return HTMLResponse("This payment can't be paid now.", error.status)
        vendor.books.succeed(order_id, attempt)
        vendor.tell_order(order_id, "normal")
        return RedirectResponse(order["redirectUrl"], 303)


def _outcome(act: str, vpa: str, card: str, cvv: str, otp: str) -> str:
    """`success`, `pending`, `cancel` or the error code of what the payer typed."""
    if act == "cancel":
        return "cancel"
    if act == "card":
        if card not in _CARDS:
            return "TRANSACTION_DECLINED_PG"
        if cvv != _CARDS[card]:
            return "INVALID_CVV_EXPIRY"
        return "success" if otp == _OTP else "AUTHENTICATION_FAILED"
    code = _VPAS.get(vpa.strip().lower())
    return "success" if code is None else (code or "pending")


def _order(vendor: PhonePe, order_id: str, token: str) -> dict[str, Any]:
    if not hmac.compare_digest(token.encode(), vendor.page_token(order_id).encode()):
        raise Refused("FORBIDDEN", "This page is somebody else's.", 403)
    return vendor.order(order_id)


def _page(vendor: PhonePe, order: dict[str, Any], error: str = "") -> Response:
    html = _templates.get_template("page.html").render(
        order=order,
        amount=f"{order['amount'] // 100}.{order['amount'] % 100:02d}",
        token=vendor.page_token(order["merchantOrderId"]),
        seconds_left=max(0, order["expireAt"] // 1000 - vendor.clock.now()),
        error=error,
    )
    return HTMLResponse(html, headers={"Content-Security-Policy": _CSP})
