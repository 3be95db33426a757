"""What the buyer of a session can do about it: another of the expert's times, or cancelling by a refund quote (S1-33, S1-34)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chassis.ids import uuid7
from chassis.pages import checked_form, instant, money, see_other
from storefront import rendering
from storefront.experts import free_times
from storefront.following import SAVED, changeable, held_by, is_to_come, mine, page_of
from storefront.shopping import upstream_of
from storefront.times import moment, zone_of
from storefront.upstream import Refusal
from storefront.words import refusal_words, trouble_words

router = APIRouter()
_DAYS_BEFORE = timedelta(days=3)


@router.get("/bookings/{booking_id}/move")
async def choose_time(request: Request, booking_id: str) -> Response:
    """The expert's other times around the session's present one."""
    booking = await mine(request, booking_id)
    return await _times(request, booking, dict(request.query_params), None, 200)


@router.post("/bookings/{booking_id}/move")
async def move(request: Request, booking_id: str) -> Response:
    """Move the session to the chosen time; booking id, reference and payment stay the same."""
    form = await checked_form(request)
    booking = await mine(request, booking_id)
    wish = {"starts_at": form.get("starts_at", ""), "line_id": form.get("line", "")}
    try:
        moved = await _act(request, booking, "reschedule", wish, form.get("key", ""))
    except Refusal as refusal:
        if refusal.status not in (409, 422):
            raise
        return await _times(request, booking, form, _why_not_moved(request, refusal), refusal.status)
    line = _line(booking, form.get("line", ""))
    zone = line["session"]["time_zone"] if line else "UTC"
    request.session["good_news"] = f"Your session is moved to {moment(moved['starts_at'], zone)}."
    return see_other(page_of(booking))


async def _times(
    request: Request, booking: dict[str, Any], given: dict[str, str], trouble: str | None, status: int
) -> Response:
    line = _line(booking, given.get("line", ""))
    if line is None or not changeable(booking):
        if trouble is not None:
            request.session["notice"] = trouble
        return see_other(page_of(booking))
    session = line["session"]
    zone = zone_of(given.get("time_zone"), session["time_zone"])
    # An expert's own price for one buyer has no offer in the catalogue: their ordinary times are shown.
    offer_id = line["offer_id"] if line["kind"] == "session" else None
    wished = given.get("from") or _around(session["starts_at"], zone)
    free = await free_times(request, session["expert_id"], offer_id, zone, wished)
    shown = {"booking": booking, "line": line, "free": free, "trouble": trouble, "key": str(uuid7())}
    return rendering.page(request, "move.html", status=status, **shown)


def _around(starts_at: object, zone: str) -> str:
    """The day from which the session's present time stands in the middle of the week; today's when that is past."""
    start = instant(starts_at)
    if start is None:
        return ""
    first = max(start - _DAYS_BEFORE, datetime.now(UTC))
    return first.astimezone(ZoneInfo(zone)).date().isoformat()


def _why_not_moved(request: Request, refusal: Refusal) -> str:
    """Why the session stays where it is, in words; booking's own are the exact ones, but they are English."""
    language = request.headers.get("accept-language", "")
    if refusal.kind == "state-conflict":
        return refusal_words("too-late", refusal.detail, language)
    return trouble_words({"validation": "no-time"}.get(refusal.kind, refusal.kind), language)


@router.get("/bookings/{booking_id}/cancel")
async def quoted(request: Request, booking_id: str) -> Response:
    """What cancelling now gives back, line by line, until when that holds; asking changes nothing."""
    return await _quoted(request, await mine(request, booking_id), None, 200)


@router.post("/bookings/{booking_id}/cancel")
async def cancel(request: Request, booking_id: str) -> Response:
    """Cancel exactly as the quote on the page said."""
    form = await checked_form(request)
    booking = await mine(request, booking_id)
    body = {"reason": form.get("reason", "")}
    if form.get("quote_id"):
        body["quote_id"] = form["quote_id"]
    try:
        made = await _act(request, booking, "cancel", body, form.get("key", ""))
    except Refusal as refusal:
        language = request.headers.get("accept-language", "")
        if refusal.kind in ("version-conflict", "validation"):
            return await _quoted(request, booking, trouble_words("overtaken", language), refusal.status)
        if refusal.kind != "state-conflict":
            raise
        request.session["notice"] = refusal_words("not-cancellable", refusal.detail, language)
        return see_other(page_of(booking))
    request.session["good_news"] = _what_comes_back(booking, made)
    return see_other(page_of(booking))


async def _quoted(request: Request, booking: dict[str, Any], trouble: str | None, status: int) -> Response:
    if not changeable(booking):
        return see_other(page_of(booking))
    made = None
    if booking["payment_status"] != SAVED:
        try:
            made = await _act(request, booking, "refund-quote", {}, "")
        except Refusal as refusal:
            if refusal.kind != "state-conflict":
                raise
            language = request.headers.get("accept-language", "")
            request.session["notice"] = refusal_words("not-cancellable", refusal.detail, language)
            return see_other(page_of(booking))
    shown = {"booking": booking, "quote": made, "trouble": trouble, "key": str(uuid7())}
    return rendering.page(request, "cancel.html", status=status, **shown)


def _what_comes_back(booking: dict[str, Any], made: dict[str, Any]) -> str:
    if booking["payment_status"] == SAVED:
        return "Your booking is cancelled. Nothing was charged, and nothing will be."
    back, kept = money(made["refund_minor"], made["currency"]), money(made["kept_minor"], made["currency"])
    if not made["refund_minor"]:
        return f"Your booking is cancelled. {kept} is kept, nothing comes back."
    released = booking["payment_status"] == "authorized"
    said = f"{back} of what your bank reserved is released." if released else f"{back} comes back the way you paid."
    return f"Your booking is cancelled. {said}" + (f" {kept} is kept." if made["kept_minor"] else "")


async def _act(request: Request, booking: dict[str, Any], act: str, body: dict[str, Any], key: str) -> Any:
    held = held_by(request, booking["booking_id"])
    path = f"/api/v1/bookings/{quote(booking['booking_id'], safe='')}/{act}"
    return await upstream_of(request).post("booking", path, body, "" if held is None else held["token"], key)


def _line(booking: dict[str, Any], line_id: str) -> dict[str, Any] | None:
    """The line of a session that is still to come: the one that is named, else the first."""
    coming = [line for line in booking["lines"] if is_to_come(line)]
    return next((line for line in coming if line["line_id"] == line_id), coming[0] if coming else None)
