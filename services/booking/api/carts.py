"""Carts and checkout: what the buyer is about to pay for, and the hold on it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chassis import telemetry
from chassis.idempotency import Idempotency
from chassis.identity import Caller, MaybeCaller, Principal, issue_guest_token
from chassis.ids import uuid7
from chassis.problems import Problem
from chassis.serving import Db
from chassis.work import Work
from services.booking.api import views
from services.booking.api.schemas import BookIn, CheckoutIn, CourseLine, NewCart, NewLine, SessionLine
from services.booking.domain.offers import SESSION
from services.booking.domain.pricing import price
from services.booking.handlers import checkouts
from services.booking.storage import carts, offers

router = APIRouter(prefix="/api/v1", tags=["carts"])


async def _own_cart(work: Work, cart_id: str, caller: Principal, *, lock: bool = False) -> Any:
    cart = await carts.find(work, cart_id, lock=lock)
    mine = cart is not None and (caller.owns("cart", cart_id, cart.owner))
    if not mine:
        raise Problem("not-found", "There is no such cart, or its token is another one.")
    return cart


async def _shown(work: Work, cart_id: str) -> dict[str, Any]:
    cart = await carts.find(work, cart_id)
    return views.cart(cart, price(await carts.lines_of(work, cart_id), datetime.now(UTC)))


@router.post("/carts", status_code=201)
async def create_cart(_: NewCart, request: Request, caller: MaybeCaller, once: Idempotency, database: Db) -> Response:
    """A new cart; a guest gets the token that opens it."""

    async def make(work: Work) -> tuple[int, dict[str, Any]]:
        cart_id = str(uuid7())
        owner = None if caller is None or caller.is_guest else caller.subject
        await carts.create(work, cart_id, owner)
        body = await _shown(work, cart_id)
        if owner is None:
            secret = request.app.state.settings.token_secret.get_secret_value()
            body["guest_token"] = issue_guest_token(secret, {"cart": cart_id})
        return 201, body

    return await once.answer(database, make)


@router.get("/carts/{cart_id}")
async def show_cart(cart_id: str, caller: Caller, database: Db) -> dict[str, Any]:
    """The cart, priced, with its problems."""
    async with database.transaction() as work:
        await _own_cart(work, cart_id, caller)
        return await _shown(work, cart_id)


def _changeable(cart: Any) -> None:
    if cart.state != "OPEN":
        raise Problem(
            "state-conflict",
            "This cart is checked out; start another one or wait for its deadline.",
            booking_id=cart.booking_id,
        )


async def _add(work: Work, cart_id: str, line: CourseLine | SessionLine) -> None:
    offer = await offers.find(work, line.offer_id)
    fits = offer is not None and (offer.kind == SESSION) == isinstance(line, SessionLine)
    if offer is None or not fits:
        needed = "unknown offer" if offer is None else f"this offer needs {', '.join(views.needed(offer.kind))}"
        raise Problem(
            "validation",
            "Choose an offer of GET /api/v1/offers, and send what it needs.",
            errors=[{"pointer": "/offer_id", "in": "body", "detail": needed}],
        )
    await carts.add_line(work, cart_id, str(uuid7()), line.offer_id, line.quantity, line.wish())


@router.post("/carts/{cart_id}/lines", status_code=201)
async def add_line(cart_id: str, line: NewLine, caller: Caller, once: Idempotency, database: Db) -> Response:
    """Add a line; the answer is the whole cart."""

    async def make(work: Work) -> tuple[int, dict[str, Any]]:
        _changeable(await _own_cart(work, cart_id, caller, lock=True))
        await _add(work, cart_id, line)
        return 201, await _shown(work, cart_id)

    return await once.answer(database, make)


@router.delete("/carts/{cart_id}/lines/{line_id}")
async def remove_line(cart_id: str, line_id: str, caller: Caller, database: Db) -> dict[str, Any]:
    """Take a line out; the answer is the whole cart."""
    async with database.transaction() as work:
        _changeable(await _own_cart(work, cart_id, caller, lock=True))
        if not await carts.remove_line(work, cart_id, line_id):
            raise Problem("not-found", "The cart has no such line.")
        return await _shown(work, cart_id)


@router.post("/carts/{cart_id}/checkout", status_code=201)
async def check_out(
    cart_id: str, body: CheckoutIn, request: Request, caller: Caller, once: Idempotency, database: Db
) -> Response:
    """Hold the places and give out the booking id and the checkout token; nothing is charged."""

    async def make(work: Work) -> tuple[int, dict[str, Any]]:
        cart = await _own_cart(work, cart_id, caller, lock=True)
        buyer = body.buyer.model_dump(mode="json", exclude_none=True)
        answer = await checkouts.check_out(work, request.app.state.settings, cart, buyer, caller)
        with telemetry.purchase_span("POST checkout", answer["booking_id"]):
            return 201, answer

    return await once.answer(database, make)


@router.post("/book", status_code=201)
async def book(body: BookIn, request: Request, caller: MaybeCaller, once: Idempotency, database: Db) -> Response:
    """One course or session in one call: cart, line and checkout in one transaction. No meeting fields (S0-03)."""

    async def make(work: Work) -> tuple[int, dict[str, Any]]:
        cart_id = str(uuid7())
        who = caller or Principal("guest", scope={"cart": cart_id})
        await carts.create(work, cart_id, None if who.is_guest else who.subject)
        await _add(work, cart_id, body)
        cart = await carts.find(work, cart_id, lock=True)
        buyer = body.buyer.model_dump(mode="json", exclude_none=True)
        return 201, await checkouts.check_out(work, request.app.state.settings, cart, buyer, who)

    return await once.answer(database, make)
