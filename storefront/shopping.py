"""From the catalogue to the checkout: sessions and courses, the cart, and who buys."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chassis.ids import uuid7
from chassis.pages import checked_form, see_other
from storefront import rendering
from storefront.upstream import Refusal, Upstream
from storefront.wishes import TIME_SLOTS, WEEKDAYS, ZONES, buyer_body, line_body, mistakes
from storefront.words import refusal_words

router = APIRouter()
_MOST_PAGES = 10
_TROUBLES = {"this time was taken; choose another one": "slot-taken"}
_EARLIER = 2  # a browser takes 4096 bytes of cookie; a guest token has about 350


def upstream_of(request: Request) -> Upstream:
    """The services, told for whom we ask."""
    found: Upstream = request.app.state.upstream
    return found.asked_by(request.client.host if request.client else "")


async def _offers(upstream: Upstream) -> list[dict[str, Any]]:
    offers: list[dict[str, Any]] = []
    token = ""
    for _ in range(_MOST_PAGES):
        page = await upstream.get("booking", "/api/v1/offers", params={"page_token": token})
        offers += page["offers"]
        token = page["next_page_token"] or ""
        if not token:
            break
    return offers


async def _names(upstream: Upstream, sessions: list[dict[str, Any]]) -> dict[str, str]:
    """Name by id of the experts who give `sessions`; one who can't be asked stays without: the offer is shown all the same."""

    async def ask(expert_id: str) -> tuple[str, str]:
        try:
            found = await upstream.get("booking", f"/api/v1/experts/{quote(expert_id, safe='')}")
        except Refusal:
            return expert_id, ""
        return expert_id, str(found["name"])

    known = dict.fromkeys(offer["expert_id"] for offer in sessions)
    return dict(await asyncio.gather(*(ask(expert_id) for expert_id in known)))


@router.get("/")
async def catalogue(request: Request) -> Response:
    """Every session and every course that is offered."""
    upstream = upstream_of(request)
    offers = await _offers(upstream)
    sessions, courses = ([offer for offer in offers if offer["kind"] == kind] for kind in ("session", "course"))
    names = await _names(upstream, sessions)
    return rendering.page(request, "catalogue.html", sessions=sessions, courses=courses, experts=names)


@router.get("/courses/{offer_id}")
async def course(request: Request, offer_id: str) -> Response:
    """One course with its form."""
    offer = await upstream_of(request).get("booking", f"/api/v1/offers/{quote(offer_id, safe='')}")
    return _course(request, offer, {}, {}, 200)


def _course(
    request: Request, offer: dict[str, Any], form: dict[str, str], wrong: dict[str, str], status: int
) -> Response:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    return rendering.page(
        request,
        "course.html",
        status=status,
        offer=offer,
        form=form,
        wrong=wrong,
        weekdays=WEEKDAYS,
        time_slots=TIME_SLOTS,
        zones=ZONES,
        tomorrow=tomorrow,
        key=str(uuid7()),
    )


async def _cart(request: Request) -> dict[str, Any] | None:
    """The cart of this session as booking has it; None when there is none."""
    held = request.session.get("cart")
    if held is None:
        return None
    try:
        cart: dict[str, Any] = await upstream_of(request).get("booking", f"/api/v1/carts/{held['id']}", held["token"])
    except Refusal as refusal:
        if refusal.status not in (401, 404):
            raise
        request.session.pop("cart")
        return None
    return cart


async def open_cart(request: Request) -> dict[str, str]:
    """Id and token of a cart that takes lines: the session's, or a new one when that is checked out."""
    cart = await _cart(request)
    if cart is None or cart["status"] != "OPEN":
        made = await upstream_of(request).post("booking", "/api/v1/carts", {})
        request.session["cart"] = {"id": made["cart_id"], "token": made["guest_token"]}
    held: dict[str, str] = request.session["cart"]
    return held


@router.post("/courses/{offer_id}")
async def choose(request: Request, offer_id: str) -> Response:
    """Put the course into the cart; what booking finds wrong comes back beside its field."""
    form = await checked_form(request)
    upstream = upstream_of(request)
    cart = await open_cart(request)
    path, key = f"/api/v1/carts/{cart['id']}/lines", form.get("key", "")
    try:
        await upstream.post("booking", path, line_body(offer_id, form), cart["token"], key)
    except Refusal as refusal:
        if refusal.kind != "validation":
            raise
        offer = await upstream.get("booking", f"/api/v1/offers/{quote(offer_id, safe='')}")
        return _course(request, offer, form, mistakes(refusal.errors) or {"": refusal.detail}, 422)
    return see_other("/cart")


@router.get("/cart")
async def cart(request: Request) -> Response:
    """What is about to be bought, priced by booking."""
    found = await _cart(request)
    language = request.headers.get("accept-language", "")
    troubles = [_trouble(str(item["problem"]), language) for item in found["problems"]] if found else []
    return rendering.page(request, "cart.html", cart=found, troubles=troubles)


def _trouble(problem: str, language: str) -> str:
    return refusal_words(_TROUBLES.get(problem, "cart-invalid"), problem, language)


@router.post("/cart/remove")
async def remove(request: Request) -> Response:
    """Take a line out."""
    form = await checked_form(request)
    held = request.session.get("cart")
    if held is not None:
        path = f"/api/v1/carts/{held['id']}/lines/{quote(form.get('line_id', ''), safe='')}"
        try:
            await upstream_of(request).delete("booking", path, held["token"])
        except Refusal as refusal:
            if refusal.status != 404:
                raise
    return see_other("/cart")


@router.get("/checkout")
async def checkout(request: Request) -> Response:
    """Who buys."""
    found = await _cart(request)
    if found is None or not found["lines"]:
        return see_other("/cart")
    return rendering.page(request, "checkout.html", cart=found, form={}, wrong={}, key=str(uuid7()))


@router.post("/checkout")
async def check_out(request: Request) -> Response:
    """Hold the places; then the page that pays."""
    form = await checked_form(request)
    held = request.session.get("cart")
    if held is None:
        return see_other("/cart")
    path = f"/api/v1/carts/{held['id']}/checkout"
    try:
        made = await upstream_of(request).post("booking", path, buyer_body(form), held["token"], form.get("key", ""))
    except Refusal as refusal:
        if refusal.kind in ("cart-invalid", "slot-taken", "state-conflict"):
            language = request.headers.get("accept-language", "")
            request.session["notice"] = refusal_words(refusal.kind, refusal.detail, language)
            return see_other("/cart")
        if refusal.kind != "validation":
            raise
        wrong = mistakes(refusal.errors) or {"": refusal.detail}
        shown = {"cart": await _cart(request), "form": form, "wrong": wrong, "key": str(uuid7())}
        return rendering.page(request, "checkout.html", status=422, **shown)
    _keep_earlier(request, made["booking_id"])
    request.session["booking"] = {
        "id": made["booking_id"],
        "token": made["guest_token"],
        "checkout_token": made["checkout_token"],
    }
    return see_other("/pay")


def _keep_earlier(request: Request, new_id: str) -> None:
    """Keep the key to the booking before `new_id`, so that its page still opens."""
    last = request.session.get("booking")
    if last is not None and last["id"] != new_id:
        kept = [{"id": last["id"], "token": last["token"]}, *request.session.get("earlier", [])]
        request.session["earlier"] = kept[:_EARLIER]
