"""Acting as Razorpay's buyer and bank: the routes below /control/razorpay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from simulators.razorpay.route import route_controls
from simulators.webhooks import Mode

if TYPE_CHECKING:
    from simulators.razorpay.vendor import Razorpay


class Pay(BaseModel):
    """How the customer's attempt ends; `amount_minor` lets a test pay another amount than the order's."""

    model_config = ConfigDict(extra="forbid")
    outcome: str = "success"
    webhooks: Mode = "normal"
    delay_seconds: float = Field(default=0.0, ge=0, le=3600)
    method: str = "card"
    amount_minor: int | None = None


class Settle(BaseModel):
    """What becomes of a waiting payment."""

    act: str = "authorize"
    webhooks: Mode = "normal"


class RefundEnd(BaseModel):
    """How the next refund goes, or a waiting one ends."""

    state: Literal["processed", "failed", "pending"]


def buyer_controls(razorpay: Razorpay) -> APIRouter:
    """The controls of `razorpay`."""
    router = APIRouter()

    @router.post("/orders/{order_id}/pay")
    async def pay(order_id: str, body: Pay) -> dict[str, Any]:
        return razorpay.customer_pays(
            order_id, body.outcome, body.webhooks, body.delay_seconds, body.method, body.amount_minor
        )

    @router.post("/payments/{payment_id}/settle")
    async def settle(payment_id: str, body: Settle) -> dict[str, Any]:
        razorpay.settle(payment_id, body.act, body.webhooks)
        return razorpay.triple(razorpay.books.payment(payment_id))

    @router.post("/refunds/next")
    async def next_refund(body: RefundEnd) -> dict[str, str]:
        razorpay.books.next_refund = body.state
        return {"next": body.state}

    @router.post("/refunds/{refund_id}/end")
    async def end_refund(refund_id: str, body: RefundEnd) -> dict[str, Any]:
        return razorpay.end_refund(refund_id, body.state)

    route_controls(router, razorpay)

    return router
