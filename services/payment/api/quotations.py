"""`POST /api/v1/payments/create-order`: the payment of a quotation, for those who are signed in (S0-07, S0-08)."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict

from chassis.idempotency import Idempotency
from chassis.identity import Caller, Principal
from chassis.problems import Problem, documented
from chassis.serving import Db
from contracts.values import Identifier
from services.payment.api.creating import OPENING_PROBLEMS, opened_answer, refuse_reused_key
from services.payment.api.schemas import CreatedOrder, Taken
from services.payment.api.told import live_checkout
from services.payment.storage.checkouts import CartCheckout

router = APIRouter(tags=["payments"])


class QuotationOrder(Taken):
    """The quotation to pay, and where. Never an amount: the expert named it in booking."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"quotation_id": "0199a0c4-5f9c-7a11-8e08-4d5e6f708193", "gateway": "razorpay"}]
        },
    )

    quotation_id: Identifier
    gateway: Identifier


@router.post(
    "/api/v1/payments/create-order",
    status_code=201,
    response_model=CreatedOrder,
    responses={
        200: {"model": CreatedOrder, "description": "The payment was there: the same again"},
        **documented(*OPENING_PROBLEMS, "not-found", "hold-expired"),
    },
)
async def pay_quotation(
    request: Request, wanted: QuotationOrder, caller: Caller, database: Db, once: Idempotency
) -> Response:
    """Open the payment of a sent quotation, for its client, its expert or an administrator; the same again for the same."""
    await refuse_reused_key(database, once)

    def is_mine(found: CartCheckout) -> bool:
        return found.seller_id is not None and _takes_part(caller, found)

    checkout = await live_checkout(database, wanted.quotation_id, is_mine, _absent)
    return await opened_answer(request, checkout, wanted.gateway, database, once)


def _takes_part(caller: Principal, found: CartCheckout) -> bool:
    if caller.is_guest:
        return False
    is_expert = "expert" in caller.roles and found.seller_id == caller.subject
    return is_expert or found.checkout.buyer_id == caller.subject or "admin" in caller.roles


def _absent(ended: CartCheckout | None) -> Problem:
    if ended is not None:
        detail = "The quotation is over and its time no longer held; ask for a new one."
        return Problem("hold-expired", detail, booking_id=ended.checkout.booking_id)
    detail = "There is no such sent quotation for you; if it was sent a moment ago, send again."
    return Problem("not-found", detail, retry_after_seconds=1)
