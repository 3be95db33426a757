"""Paying for a held place: choosing a gateway, its checkout, its proof, and what went wrong."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chassis.pages import FORM, MAX_FORM_BYTES, checked_form, see_other
from storefront import rendering
from storefront.following import PAID, SAVED, newest
from storefront.shopping import upstream_of
from storefront.upstream import Refusal
from storefront.words import decline_words

router = APIRouter()
WAYS = {
    "razorpay": {"name": "Razorpay", "says": "UPI, cards, net banking and wallets, in a window on this page."},
    "stripe": {"name": "Stripe", "says": "Cards, Apple Pay and Google Pay, on this page."},
    "phonepe": {"name": "PhonePe", "says": "UPI and cards, on PhonePe's own page."},
}
_TRIPLE = ("razorpay_order_id", "razorpay_payment_id", "razorpay_signature")
_RETURNS = (_TRIPLE, ("payment_intent_id",), ("setup_intent_id",), ("payment_id",))
_ENDED_BADLY = ("failed", "expired", "voided")


def _settled(booking: dict[str, Any]) -> bool:
    """Whether there is nothing to pay at the moment: paid, the card saved for later, or the hold ended."""
    return booking["status"] != "PENDING" or booking["payment_status"] in (*PAID, SAVED)


def _token(request: Request, booking: dict[str, Any]) -> str:
    """The checkout token that is good now: a hold whose saved card was declined outlives the one of its checkout."""
    token: str = booking.get("checkout_token") or request.session["booking"]["checkout_token"]
    return token


async def _offered(request: Request, booking: dict[str, Any]) -> list[dict[str, Any]]:
    """The gateways that can collect it, and how each does: at once, after the service, or by a saved card. Raises `Refusal`."""
    body = {"checkout_token": _token(request, booking)}
    found = await upstream_of(request).post("payment", "/api/v1/payments/public/options", body)
    return [{**option, **WAYS[option["gateway"]]} for option in found["options"] if option["gateway"] in WAYS]


@router.get("/pay")
async def ways(request: Request) -> Response:
    """The choice between the gateways that can collect this purchase; with one alone there is nothing to choose."""
    booking = await newest(request)
    if booking is None:
        return see_other("/cart")
    if _settled(booking):
        return see_other("/booking")
    try:
        offered = await _offered(request, booking)
    except Refusal as refusal:
        if refusal.status not in (0, 409, 503):
            raise
        return _away(request, booking, "Paying", "/pay")
    if len(offered) == 1:
        return see_other(f"/pay/with/{offered[0]['gateway']}")
    return rendering.page(request, "ways.html", booking=booking, options=offered)


@router.get("/pay/with/{gateway}")
async def pay(request: Request, gateway: str) -> Response:
    """The gateway's checkout for the held place; opening it twice opens the same payment."""
    booking = await newest(request)
    if booking is None:
        return see_other("/cart")
    if _settled(booking):
        return see_other("/booking")
    if gateway not in WAYS:
        return see_other("/pay")
    body = {"checkout_token": _token(request, booking), "gateway": gateway}
    try:
        offered = await _offered(request, booking)
        order = await upstream_of(request).post("payment", "/api/v1/payments/public/create-order", body)
    except Refusal as refusal:
        if refusal.status not in (0, 409, 503):
            raise
        return _away(request, booking, WAYS[gateway]["name"], f"/pay/with/{gateway}")
    if order["status"] in (*PAID, SAVED):
        return see_other("/booking")
    request.session["payment"] = order["payment_id"]
    settings = request.app.state.settings
    return rendering.page(
        request,
        f"pay_{gateway}.html",
        booking=booking,
        order=order,
        has_others=len(offered) > 1,
        collection=next((option["collection"] for option in offered if option["gateway"] == gateway), None),
        checkout_script=settings.script_of(gateway),
        checkout_page=f"{settings.simulators_url.rstrip('/')}/razorpay/checkout/",
        callback_url=str(request.url_for("called_back")),
        return_url=str(request.url_for("came_back")),
    )


async def _verify(request: Request, form: dict[str, str]) -> Response:
    """Hand what the gateway gave to payment. What is not known yet, the booking's page will tell."""
    names = next((names for names in _RETURNS if form.get(names[0])), _TRIPLE)
    given = {name: form.get(name, "") for name in names}
    try:
        answer = await upstream_of(request).post("payment", "/api/v1/payments/public/verify", given)
    except Refusal as refusal:
        return see_other("/pay/stopped?why=unproven" if refusal.status in (400, 404, 422) else "/booking")
    if answer["payment_status"] in _ENDED_BADLY:
        return see_other("/pay/stopped")
    known = answer["success"] or answer["payment_status"] == SAVED or names is _TRIPLE
    return see_other("/booking" if known else "/booking?waiting=yes")


@router.post("/pay/verify")
async def verify(request: Request) -> Response:
    """What the checkout in our page gave."""
    return await _verify(request, await checked_form(request))


@router.get("/pay/back", name="came_back")
async def came_back(request: Request) -> Response:
    """The buyer is back from a gateway's own page, which signs nothing: payment asks the gateway itself."""
    given = request.query_params
    names = {"payment_intent_id": "payment_intent", "setup_intent_id": "setup_intent", "payment_id": "payment_id"}
    return await _verify(request, {field: given.get(name, "") for field, name in names.items()})


@router.post("/pay/return", name="called_back")
async def called_back(request: Request) -> Response:
    """The same from the gateway's own page, for browsers without JavaScript: its signature is the proof.

    A browser may leave our cookie out of a form that another site sends, so nothing of the session is read or written.
    """
    length = request.headers.get("content-length", "")
    if not request.headers.get("content-type", "").startswith(FORM) or not length.isdigit():
        return see_other("/pay/stopped?why=unproven")
    if int(length) > MAX_FORM_BYTES:
        return see_other("/pay/stopped?why=unproven")
    fields = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    if "error[code]" in fields and "razorpay_signature" not in fields:
        return see_other("/pay/stopped?why=failed")
    return await _verify(request, fields)


@router.get("/pay/return")
async def called_off() -> Response:
    """The gateway's page was left without paying."""
    return see_other("/pay/stopped?why=dismissed")


@router.get("/pay/stopped")
async def stopped(request: Request, why: str = "failed") -> Response:
    """It was not paid, why in the buyer's words; the place is still held, for so long."""
    booking = await newest(request)
    if booking is None:
        return see_other("/cart")
    if _settled(booking):
        return see_other("/booking")
    known = why if why in ("failed", "dismissed", "unproven") else "failed"
    words = await _why(request) if known == "failed" else None
    return rendering.page(request, "stopped.html", booking=booking, why=known, words=words)


async def _why(request: Request) -> str | None:
    """What the last attempt failed of, in the buyer's language; None when the gateway told nothing."""
    payment_id = request.session.get("payment")
    if payment_id is None:
        return None
    token = request.session["booking"]["token"]
    try:
        shown = await upstream_of(request).get("payment", f"/api/v1/payments/{payment_id}", token)
    except Refusal:
        return None
    reasons = [attempt["decline"] for attempt in shown["attempts"] if attempt["decline"]]
    return decline_words(reasons[-1], request.headers.get("accept-language", "")) if reasons else None


def _away(request: Request, booking: dict[str, Any], name: str, again: str) -> Response:
    """The gateway does not answer: said at once, with another way to pay beside it."""
    return rendering.page(request, "away.html", status=503, booking=booking, gateway=name, again=again)
