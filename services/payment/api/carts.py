"""`POST /api/payments/process-cart/`: the payment of a checked-out cart by the cart's id, as S4's contract has it."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field

from chassis.idempotency import Idempotency
from chassis.identity import Caller, Principal
from chassis.problems import Problem, documented
from chassis.serving import Db
from chassis.work import Database
from contracts.values import Identifier
from services.payment.adapters.checkout_token import Checkout
from services.payment.adapters.gateways.port import Gateway
from services.payment.api.creating import OPENING_PROBLEMS, charged_later, opened_answer, refuse_reused_key
from services.payment.api.schemas import Given, Taken
from services.payment.api.told import live_checkout
from services.payment.domain.money import decimal_text
from services.payment.domain.states import SECURED
from services.payment.handlers.orders import Opened
from services.payment.storage.checkouts import CartCheckout

router = APIRouter(tags=["payments"])


class ProcessCart(Taken):
    """The cart to pay, and how. Never an amount: booking told it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"cart_id": "0199a0c4-5f9c-7a11-8e08-4d5e6f708192", "method": "PHONEPE"}]},
    )

    cart_id: Identifier
    method: Literal["PHONEPE", "RAZORPAY", "STRIPE"]


class CartProcessed(Given):
    """The payment of a cart (S4-03). `amount` is decimal text in the major unit, `status` is `PENDING` or `SUCCESS`.

    PhonePe has a page of its own, `payment_url`. For the others it is null, and what the browser needs stands beside it, as in
    create-order.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "success": True,
                    "payment_id": "0199a1f2-6c1b-7c3a-9f43-2f6d7c8a9b01",
                    "payment_url": "https://mercury.phonepe.com/transact/…",
                    "amount": "999.00",
                    "status": "PENDING",
                }
            ]
        }
    )

    success: bool
    payment_id: UUID
    payment_url: str | None
    amount: str = Field(pattern=r"^\d+(\.\d+)?$")
    status: Literal["PENDING", "SUCCESS"]


@router.post(
    "/api/payments/process-cart/",
    status_code=201,
    response_model=CartProcessed,
    responses={
        200: {"model": CartProcessed, "description": "The payment was there: the same again"},
        **documented(*OPENING_PROBLEMS, "not-found", "hold-expired"),
    },
)
@router.post("/api/payments/process-cart", status_code=201, include_in_schema=False)
async def process_cart(
    request: Request, wanted: ProcessCart, caller: Caller, database: Db, once: Idempotency
) -> Response:
    """Open the payment of the caller's checked-out cart; the same again for the same checkout (S4-03)."""
    await refuse_reused_key(database, once)
    checkout = await _checkout(database, wanted.cart_id, caller)
    return await opened_answer(
        request, checkout, wanted.method.lower(), database, once, shown=_processed, field="method"
    )


def _processed(gateway: Gateway, opened: Opened) -> dict[str, Any]:
    fields = dict(gateway.checkout_fields(opened.gateway_order_id, opened.checkout))
    return {
        "success": True,
        "payment_id": str(opened.payment_id),
        "payment_url": fields.pop("payment_url", None),
        "amount": decimal_text(opened.amount_minor, opened.currency),
        "status": "SUCCESS" if opened.status in SECURED else "PENDING",
        **charged_later(opened),
        **fields,
    }


async def _checkout(database: Database, cart_id: str, caller: Principal) -> Checkout:
    """The cart's live checkout, of this caller. A guest's token names the cart, so it exists."""
    if caller.is_guest and not caller.may("cart", cart_id):
        raise Problem("not-found", "There is no such cart for you.")

    def is_mine(found: CartCheckout) -> bool:
        return caller.is_guest or found.checkout.buyer_id == caller.subject

    return await live_checkout(database, cart_id, is_mine, lambda ended: _absent(caller, ended))


def _absent(caller: Principal, ended: CartCheckout | None) -> Problem:
    if ended is not None:
        detail = "The cart's place is no longer held; check out again."
        return Problem("hold-expired", detail, booking_id=ended.checkout.booking_id)
    if caller.is_guest:
        detail = "This cart is not checked out, or was a moment ago; check it out, then send again."
        return Problem("state-conflict", detail, retry_after_seconds=1)
    detail = "There is no such checked-out cart for you; if it was checked out a moment ago, send again."
    return Problem("not-found", detail, retry_after_seconds=1)
