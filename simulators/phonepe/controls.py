"""Acting as PhonePe's payer and bank: the routes below /control/phonepe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from simulators.phonepe.routes import answered
from simulators.webhooks import Mode

if TYPE_CHECKING:
    from simulators.phonepe.vendor import PhonePe


class Pay(BaseModel):
    """How the payer's attempt ends; `amount_minor` lets a test pay another amount than the order's."""

    model_config = ConfigDict(extra="forbid")
    outcome: str = "success"
    webhooks: Mode = "normal"
    delay_seconds: float = Field(default=0.0, ge=0, le=3600)
    amount_minor: int | None = None


class Settle(BaseModel):
    """What becomes of a waiting attempt."""

    act: Literal["success", "fail"] = "success"
    webhooks: Mode = "normal"


class RefundEnd(BaseModel):
    """How the next refund ends; `WAITING` leaves it confirmed until its own control."""

    state: Literal["COMPLETED", "FAILED", "WAITING"]


def payer_controls(vendor: PhonePe) -> APIRouter:
    """The controls of `vendor`."""
    router = APIRouter()

    @router.post("/orders/{order_id}/pay")
    async def pay(order_id: str, body: Pay) -> JSONResponse:
        return answered(
            lambda: vendor.payer_pays(order_id, body.outcome, body.webhooks, body.delay_seconds, body.amount_minor)
        )

    @router.post("/orders/{order_id}/settle")
    async def settle(order_id: str, body: Settle) -> JSONResponse:
        def make() -> dict[str, Any]:
            vendor.order(order_id)
            vendor.settle(order_id, body.act, body.webhooks)
            return {"state": vendor.books.orders[order_id]["state"]}

        return answered(make)

    @router.post("/refunds/next")
    async def next_refund(body: RefundEnd) -> dict[str, str]:
        vendor.next_refund = body.state
        return {"next": body.state}

    @router.post("/refunds/{refund_id}/end")
    async def end_refund(refund_id: str, body: RefundEnd) -> JSONResponse:
        def make() -> dict[str, Any]:
            vendor.end_refund(refund_id, body.state)
            return vendor.books.refund(refund_id)

        return answered(make)

    @router.post("/tokens/revoke")
    async def revoke() -> dict[str, bool]:
        vendor.books.tokens.clear()
        return {"revoked": True}

    return router
