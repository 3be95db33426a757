"""Paying for a held place, and the page that follows what was bought until everything is ready."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chassis.pages import FORM, checked_form, see_other
from storefront import rendering
from storefront.shopping import upstream_of
from storefront.upstream import Refusal

router = APIRouter()
_TRIPLE = ("razorpay_order_id", "razorpay_payment_id", "razorpay_signature")
_PAID = ("authorized", "captured")
_STOPPED = ("failed", "dismissed", "unproven")


async def _booking(request: Request) -> dict[str, Any] | None:
    """The session's booking as booking has it; None when there is none."""
    held = request.session.get("booking")
    if held is None:
        return None
    try:
        found: dict[str, Any] = await upstream_of(request).get(
            "booking", f"/api/v1/bookings/{held['id']}", held["token"]
        )
    except Refusal as refusal:
        if refusal.status not in (401, 404):
            raise
        request.session.pop("booking")
        return None
    return found


def _settled(booking: dict[str, Any]) -> bool:
    """Whether there is nothing to pay any more: paid, or the hold has ended."""
    return booking["status"] != "PENDING" or booking["payment_status"] in _PAID


@router.get("/pay")
async def pay(request: Request) -> Response:
    """The gateway's checkout for the held place; opening it twice opens the same payment."""
    booking = await _booking(request)
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
    if order is not None and order["status"] in _PAID:
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
        if refusal.status == 0 or refusal.status >= 500:
            return see_other("/booking")
        if refusal.status in (400, 404, 422):
            return see_other("/pay/stopped?why=unproven")
        raise
    return see_other("/booking" if answer["success"] or answer["payment_status"] not in ("failed",) else "/pay/stopped")


@router.post("/pay/verify")
async def verify(request: Request) -> Response:
    """What the checkout in our page gave."""
    return await _verify(request, await checked_form(request))


@router.post("/pay/callback", name="called_back")
async def called_back(request: Request) -> Response:
    """The same from the gateway's own page, for browsers without JavaScript: its signature is the proof."""
    if not request.headers.get("content-type", "").startswith(FORM):
        return see_other("/pay/stopped?why=unproven")
    fields = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    return await _verify(request, fields)


@router.get("/pay/callback")
async def called_off() -> Response:
    """The gateway's page was left without paying."""
    return see_other("/pay/stopped?why=dismissed")


@router.get("/pay/stopped")
async def stopped(request: Request, why: str = "failed") -> Response:
    """It was not paid; the place is still held, for so long."""
    booking = await _booking(request)
    if booking is None:
        return see_other("/cart")
    if _settled(booking):
        return see_other("/booking")
    return rendering.page(request, "stopped.html", booking=booking, why=why if why in _STOPPED else "failed")


@router.get("/booking")
async def booking(request: Request) -> Response:
    """Where the purchase stands, step by step."""
    found = await _booking(request)
    if found is None:
        return see_other("/")
    return rendering.page(request, "booking.html", **_shown(request, found))


@router.get("/live/booking")
async def live(request: Request) -> Response:
    """The part of the booking's page that changes."""
    found = await _booking(request)
    if found is None:
        return Response(status_code=404)
    return rendering.page(request, "booking_live.html", **_shown(request, found))


def _shown(request: Request, booking: dict[str, Any]) -> dict[str, Any]:
    ended = booking["status"] in ("EXPIRED", "CANCELLED", "COMPLETED") or booking["steps"][-1]["done"]
    return {
        "booking": booking,
        "ended": ended,
        "paid": booking["payment_status"] in (*_PAID, "refunded") or booking["steps"][0]["done"],
        "mail_url": request.app.state.settings.mail_url,
    }
