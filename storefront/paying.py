"""Paying for a held place: the gateway's checkout in our page or on its own, its proof, and what went wrong."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chassis.pages import FORM, MAX_FORM_BYTES, checked_form, see_other
from storefront import rendering
from storefront.following import PAID, newest
from storefront.shopping import upstream_of
from storefront.upstream import Refusal

router = APIRouter()
_TRIPLE = ("razorpay_order_id", "razorpay_payment_id", "razorpay_signature")
_STOPPED = ("failed", "dismissed", "unproven")


def _settled(booking: dict[str, Any]) -> bool:
    """Whether there is nothing to pay any more: paid, or the hold has ended."""
    return booking["status"] != "PENDING" or booking["payment_status"] in PAID


@router.get("/pay")
async def pay(request: Request) -> Response:
    """The gateway's checkout for the held place; opening it twice opens the same payment."""
    booking = await newest(request)
    if booking is None:
        return see_other("/cart")
    if _settled(booking):
        return see_other("/booking")
    body = {"checkout_token": request.session["booking"]["checkout_token"], "gateway": "razorpay"}
    order, trouble = None, None
    try:
        order = await upstream_of(request).post("payment", "/api/v1/payments/public/create-order", body)
    except Refusal as refusal:
        if refusal.status not in (0, 409, 503):
            raise
        trouble = "The payment gateway does not answer right now."
    if order is not None and order["status"] in PAID:
        return see_other("/booking")
    settings = request.app.state.settings
    return rendering.page(
        request,
        "pay.html",
        status=200 if order else 503,
        booking=booking,
        order=order,
        trouble=trouble,
        checkout_script=settings.checkout_script,
        checkout_page=f"{settings.simulators_url.rstrip('/')}/razorpay/checkout/",
        callback_url=str(request.url_for("called_back")),
    )


async def _verify(request: Request, form: dict[str, str]) -> Response:
    """Hand the gateway's proof to payment. What is not known yet, the booking's page will tell."""
    triple = {name: form.get(name, "") for name in _TRIPLE}
    try:
        answer = await upstream_of(request).post("payment", "/api/v1/payments/public/verify", triple)
    except Refusal as refusal:
        return see_other("/pay/stopped?why=unproven" if refusal.status in (400, 404, 422) else "/booking")
    return see_other("/pay/stopped" if answer["payment_status"] == "failed" else "/booking")


@router.post("/pay/verify")
async def verify(request: Request) -> Response:
    """What the checkout in our page gave."""
    return await _verify(request, await checked_form(request))


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
    """It was not paid; the place is still held, for so long."""
    booking = await newest(request)
    if booking is None:
        return see_other("/cart")
    if _settled(booking):
        return see_other("/booking")
    return rendering.page(request, "stopped.html", booking=booking, why=why if why in _STOPPED else "failed")
