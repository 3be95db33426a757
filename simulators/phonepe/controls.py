"""Acting as PhonePe's payer and bank: the routes below /control/phonepe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from simulators.phonepe.instruments import Chosen
from simulators.phonepe.routes import answered
from simulators.webhooks import Mode

if TYPE_CHECKING:
    from simulators.phonepe.vendor import PhonePe

_CODE = r"^[A-Z0-9_]{1,40}$"


class Pay(BaseModel):
    """How the payer's attempt ends; `amount_minor` lets a test pay another amount than the order's.

    `leaves`: after a decline the payer gives up, which ends the order; else it may be tried again while attempts remain.
    """

    model_config = ConfigDict(extra="forbid")
    outcome: str = "success"
    webhooks: Mode = "normal"
    delay_seconds: float = Field(default=0.0, ge=0, le=86_400)
    amount_minor: int | None = None
    payment_mode: Literal["UPI_INTENT", "UPI_COLLECT", "UPI_QR", "CARD", "NET_BANKING"] = "UPI_QR"
    card_type: Literal["DEBIT_CARD", "CREDIT_CARD"] = "DEBIT_CARD"
    leaves: bool = True


class Settle(BaseModel):
    """What becomes of a waiting attempt; `code` says why it fails."""

    model_config = ConfigDict(extra="forbid")
    act: Literal["success", "fail"] = "success"
    code: str = Field(default="U69", pattern=_CODE)
    webhooks: Mode = "normal"


class RefundEnd(BaseModel):
    """How a refund ends, and why it fails. The next one may also rest: PENDING, or WAITING, which is confirmed."""

    model_config = ConfigDict(extra="forbid")
    state: Literal["COMPLETED", "FAILED", "WAITING", "PENDING"] = "COMPLETED"
    code: str = Field(default="BF_034", pattern=_CODE)
    webhooks: Mode = "normal"


def payer_controls(vendor: PhonePe) -> APIRouter:
    """The controls of `vendor`."""
    router = APIRouter()
    _paying(router, vendor)
    _refunding(router, vendor)

    @router.post("/tokens/revoke")
    async def revoke() -> dict[str, bool]:
        vendor.books.tokens.clear()
        return {"revoked": True}

    return router


def _paying(router: APIRouter, vendor: PhonePe) -> None:
    @router.post("/orders/{order_id}/pay")
    async def pay(order_id: str, body: Pay) -> JSONResponse:
        chosen = Chosen(body.payment_mode, card_type=body.card_type)

        def make() -> dict[str, Any]:
            delay, amount = body.delay_seconds, body.amount_minor
            return vendor.payer_pays(order_id, body.outcome, body.webhooks, delay, amount, chosen, body.leaves)

        return answered(make)

    @router.post("/orders/{order_id}/settle")
    async def settle(order_id: str, body: Settle) -> JSONResponse:
        outcome = "success" if body.act == "success" else body.code
        return answered(lambda: {"state": vendor.settle(order_id, outcome, body.webhooks).state})


def _refunding(router: APIRouter, vendor: PhonePe) -> None:
    @router.post("/refunds/next")
    async def next_refund(body: RefundEnd) -> dict[str, str]:
        vendor.next_refund = body
        return {"next": body.state}

    @router.post("/refunds/{refund_id}/end")
    async def end_refund(refund_id: str, body: RefundEnd) -> JSONResponse:
        def make() -> dict[str, Any]:
            refund = vendor.books.refund(refund_id)
            if refund.open:
                refund.end_code = body.code
            vendor.end_refund(refund, body.state, body.webhooks)
            return refund.in_books()

        return answered(make)
