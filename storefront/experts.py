"""An expert's page and free times (S1-25, S1-30), and choosing one of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chassis.ids import uuid7
from chassis.pages import checked_form, see_other
from storefront import rendering
from storefront.shopping import open_cart, upstream_of
from storefront.times import Week, by_day, week_of, zone_of, zones_with
from storefront.upstream import Refusal
from storefront.wishes import mistakes, session_body

router = APIRouter()


@dataclass(frozen=True, slots=True)
class FreeTimes:
    """One week of an expert's free times as the page shows it."""

    zone: str
    zones: tuple[str, ...]
    week: Week
    days: list[tuple[date, list[tuple[str, str]]]]


async def free_times(request: Request, expert_id: str, offer_id: str | None, zone: str, wished: str) -> FreeTimes:
    """The expert's free times for `offer_id` in the week that begins on the day `wished`. Raises `Refusal`."""
    week = week_of(wished, zone, datetime.now(UTC))
    asked = {"from": week.first.isoformat(), "to": week.last.isoformat(), "time_zone": zone}
    if offer_id is not None:
        asked["offer_id"] = offer_id
    path = f"/api/v1/experts/{quote(expert_id, safe='')}/slots"
    found = await upstream_of(request).get("booking", path, params=asked)
    return FreeTimes(zone, zones_with(zone), week, by_day(found["slots"], zone))


@router.get("/experts/{expert_id}")
async def expert(request: Request, expert_id: str) -> Response:
    """Who it is, what they offer at which price, and when they are free, in the visitor's zone."""
    return await _page(request, expert_id, {}, {}, 200)


@router.post("/experts/{expert_id}")
async def choose(request: Request, expert_id: str) -> Response:
    """Put a session at the chosen time into the cart; what booking finds wrong comes back beside its field."""
    form = await checked_form(request)
    cart = await open_cart(request)
    path = f"/api/v1/carts/{cart['id']}/lines"
    body = session_body(form.get("offer", ""), form)
    try:
        await upstream_of(request).post("booking", path, body, cart["token"], form.get("key", ""))
    except Refusal as refusal:
        if refusal.kind != "validation":
            raise
        return await _page(request, expert_id, form, mistakes(refusal.errors) or {"": refusal.detail}, 422)
    return see_other("/cart")


async def _page(request: Request, expert_id: str, form: dict[str, str], wrong: dict[str, str], status: int) -> Response:
    path = f"/api/v1/experts/{quote(expert_id, safe='')}"
    found = await upstream_of(request).get("booking", path)
    given = {**request.query_params, **form}
    chosen = _chosen(found["offers"], given.get("offer", ""))
    wished = (given.get("time_zone"), request.session.get("zone"))
    zone = zone_of(*wished)
    if given.get("time_zone"):
        request.session["zone"] = zone
    free = None
    if chosen is not None:
        free = await free_times(request, expert_id, chosen["offer_id"], zone, given.get("from", ""))
    return rendering.page(
        request,
        "expert.html",
        status=status,
        expert=found,
        chosen=chosen,
        free=free,
        is_guessed=not any(wished),
        form=form,
        wrong=wrong,
        key=str(uuid7()),
    )


def _chosen(offers: list[dict[str, Any]], offer_id: str) -> dict[str, Any] | None:
    """The offer that the visitor looks at, the first when none is named; None when the expert sells nothing."""
    return next((offer for offer in offers if offer["offer_id"] == offer_id), offers[0] if offers else None)
