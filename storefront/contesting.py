"""The expert did not come: the buyer says so, and a person looks (C5)."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chassis.ids import uuid7
from chassis.pages import checked_form, see_other
from storefront import rendering
from storefront.following import contestable, held_by, mine, page_of
from storefront.shopping import upstream_of
from storefront.upstream import Refusal
from storefront.words import refusal_words, trouble_words

router = APIRouter()


@router.get("/bookings/{booking_id}/absent")
async def ask(request: Request, booking_id: str) -> Response:
    """What happens if they say it; asking changes nothing."""
    booking = await mine(request, booking_id)
    if not any(contestable(line) for line in booking["lines"]):
        return see_other(page_of(booking))
    return rendering.page(request, "absent.html", booking=booking, key=str(uuid7()))


@router.post("/bookings/{booking_id}/absent")
async def contest(request: Request, booking_id: str) -> Response:
    """Put it before a person."""
    form = await checked_form(request)
    booking = await mine(request, booking_id)
    held, language = held_by(request, booking_id), request.headers.get("accept-language", "")
    path = f"/api/v1/sessions/{quote(booking_id, safe='')}/no-show"
    wish = {"absent": "expert"}
    token = "" if held is None else held["token"]
    try:
        await upstream_of(request).post("booking", path, wish, token, form.get("key", ""))
    except Refusal as refusal:
        if refusal.kind != "state-conflict":
            raise
        request.session["notice"] = refusal_words("not-contestable", refusal.detail, language)
    else:
        request.session["good_news"] = trouble_words("contested", language)
    return see_other(page_of(booking))
