"""PhonePe's pay page in the browser: what can be paid with, the bank's or the UPI app's question, and the way back."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader

from simulators.phonepe.books import MAX_ATTEMPTS
from simulators.phonepe.entities import Attempt, Order
from simulators.phonepe.failures import failure, is_code
from simulators.phonepe.instruments import (
    BANK_LOGIN,
    BANKS,
    CARDS,
    MODES,
    OTP,
    VPAS,
    Chosen,
    card_failure,
    is_vpa,
)
from simulators.phonepe.validation import Refused

if TYPE_CHECKING:
    from simulators.phonepe.vendor import PhonePe

_PAGES = Path(__file__).with_name("pages")
_ASSETS = frozenset({"page.css", "page.js", "qr.svg"})
_templates = Environment(loader=FileSystemLoader(_PAGES), autoescape=True)
_HEADERS = {
    # A form's answer leads back to the merchant, which is another origin: without `form-action` browsers stop that.
    "Content-Security-Policy": "default-src 'self'; form-action 'self' http: https:; base-uri 'none'",
    "Cache-Control": "no-store",
}
_EXPIRY = re.compile(r"(\d{1,2}) ?/ ?(?:20)?(\d{2})")
_FIRST = ("UPI_COLLECT", *MODES)
"""Which way to pay stands open at first: the first of these that is offered."""
_QUESTIONS = {"CARD": "otp.html", "NET_BANKING": "bank.html"}


def page_routes(vendor: PhonePe) -> APIRouter:
    """The pay page of `vendor`, below /phonepe."""
    router = APIRouter()

    @router.get("/transact/assets/{name}")
    async def asset(name: str) -> Response:
        return FileResponse(_PAGES / name) if name in _ASSETS else Response(status_code=404)

    @router.get("/transact/{order_id}")
    async def show(order_id: str, token: str = "") -> Response:
        try:
            order = _order(vendor, order_id, token)
        except Refused as error:
            return _unknown(error)
        return _page(vendor, order, token)

    @router.post("/transact/{order_id}")
    async def act(request: Request, order_id: str) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        token = form.get("token", "")
        try:
            order = _order(vendor, order_id, token)
        except Refused as error:
            return _unknown(error)
        try:
            leaves = _act(vendor, order, form)
        except Refused as error:
            return _page(vendor, order, token, str(error), 422)
        if leaves or order.state != "PENDING":
            return _back(order)
        return RedirectResponse(f"{request.url.path}?token={token}", 303)

    return router


def _act(vendor: PhonePe, order: Order, form: Mapping[str, str]) -> bool:
    """What the payer does; returns whether they go back to the merchant. Raises `Refused` for what the form has wrong."""
    act, attempt = form.get("act", ""), order.under_way
    if order.state != "PENDING":
        return True
    if act == "cancel":
        vendor.give_up(order, "ORDER_CANCELLED_BY_USER")
        return True
    if act == "answer" and attempt is not None:
        outcome = _answered(attempt, form)
        vendor.answer(order, attempt, outcome)
        return outcome in ("success", "pending")
    if act in order.modes and attempt is None:
        return _begin(vendor, order, act, form)
    return False  # a second click, or a page that is older than what happened since


def _begin(vendor: PhonePe, order: Order, mode: str, form: Mapping[str, str]) -> bool:
    """Start an attempt; returns whether it is over at once and the payer goes back."""
    chosen, outcome = _chosen(vendor, mode, form)
    attempt = vendor.books.attempt(order, chosen)
    if outcome is not None:
        vendor.answer(order, attempt, outcome)
    return outcome in ("success", "pending")


def _chosen(vendor: PhonePe, mode: str, form: Mapping[str, str]) -> tuple[Chosen, str | None]:
    """What the payer pays with, and the outcome where nobody is asked. Raises `Refused` for an incomplete form."""
    if mode == "UPI_COLLECT":
        vpa = form.get("vpa", "").strip().lower()
        if not vpa:
            raise Refused("FORM", "Enter your UPI ID.")
        return Chosen(mode, vpa=vpa), VPAS.get(vpa) if is_vpa(vpa) else "ZH"
    if mode == "CARD":
        number = "".join(form.get("card_number", "").split())
        expiry = _EXPIRY.fullmatch(form.get("expiry", "").strip())
        if not number or expiry is None or not form.get("cvv"):
            raise Refused("FORM", "Enter the card's number, its expiry as month/year and its CVV.")
        now = datetime.fromtimestamp(vendor.clock.now(), UTC)
        month, year = int(expiry[1]), 2000 + int(expiry[2])
        code = card_failure(number, month, year, form["cvv"].strip(), (now.month, now.year))
        kind = CARDS[number].kind if number in CARDS else "DEBIT_CARD"
        return Chosen(mode, number=number, card_type=kind), code
    if mode == "NET_BANKING" and form.get("bank") not in BANKS:
        raise Refused("FORM", "Choose your bank.")
    return Chosen(mode, bank=form.get("bank", "SBIN")), None


def _answered(attempt: Attempt, form: Mapping[str, str]) -> str:
    """What the bank or the UPI app says: `success`, `pending` or a code."""
    outcome = form.get("outcome", "success")
    if attempt.chosen.mode == "CARD" and form.get("otp", "").strip() != OTP:
        return "ORDER_CANCELLED_BY_USER" if outcome == "abort" else "AUTHENTICATION_FAILED"
    if attempt.chosen.mode == "NET_BANKING" and (form.get("user"), form.get("password")) != BANK_LOGIN:
        return "ORDER_CANCELLED_BY_USER" if outcome == "abort" else "AUTHENTICATION_FAILED"
    if outcome == "abort":
        return "ORDER_CANCELLED_BY_USER"
    return outcome if outcome in ("success", "pending") or is_code(outcome) else "TRANSACTION_DECLINED_PG"


def rupees(paise: int) -> str:
    """An amount as people in India write it: three digits at the end, then pairs."""
    whole, rest = str(paise // 100), f"{paise % 100:02d}"
    head, tail = whole[:-3], whole[-3:]
    pairs = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)]
    return ",".join([*reversed(pairs), tail]) + "." + rest


def _order(vendor: PhonePe, order_id: str, token: str) -> Order:
    if not hmac.compare_digest(token.encode(), vendor.page_token(order_id).encode()):
        raise Refused("FORBIDDEN", "This page is somebody else's.", 403)
    return vendor.order(order_id)


def _unknown(error: Refused) -> Response:
    return HTMLResponse(_templates.get_template("unknown.html").render(), error.status, _HEADERS)


def _back(order: Order) -> Response:
    """The way back to the merchant: a plain GET that says nothing of the result (gateways.md 3.3)."""
    return RedirectResponse(order.redirect_url, 303, {"Cache-Control": "no-store"})


def _page(vendor: PhonePe, order: Order, token: str, error: str = "", status: int = 200) -> Response:
    """The page for where the order is: what can be paid with, the question of the bank or the app, or the way back."""
    attempt = order.under_way
    if order.state != "PENDING" or (attempt is not None and attempt.left):
        return _back(order)
    last = order.attempts[-1] if order.attempts else None
    if not error and attempt is None and last is not None and last.code is not None:
        error = f"{failure(last.code).words} ({last.code})"
    name = "pay.html" if attempt is None else _QUESTIONS.get(attempt.chosen.mode, "app.html")
    facts: dict[str, Any] = {
        "order": order,
        "attempt": attempt,
        "amount": rupees(order.amount),
        "token": token,
        "seconds_left": max(0, order.expire_at - vendor.clock.now()),
        "error": error,
        "attempts_left": MAX_ATTEMPTS - len(order.attempts),
        "banks": BANKS,
        "open": last.chosen.mode if last is not None else next(mode for mode in _FIRST if mode in order.modes),
    }
    return HTMLResponse(_templates.get_template(name).render(facts), status, _HEADERS)
