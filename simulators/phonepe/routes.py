"""PhonePe's documented paths with their token check and error bodies (gateways.md 3.2, 3.3)."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from simulators.phonepe.books import Refused

if TYPE_CHECKING:
    from simulators.phonepe.vendor import PhonePe

_PRIVATE = ("redirectUrl", "message", "retries", "merchantOrderId", "createdAt")


def rest_routes(vendor: PhonePe) -> APIRouter:
    """The API of `vendor`."""
    router = APIRouter()
    _token(router, vendor)
    _orders(router, vendor)
    _refunds(router, vendor)
    return router


def answered(make: Any) -> JSONResponse:
    """The answer of `make`, or the vendor's refusal."""
    try:
        return JSONResponse(make())
    except Refused as error:
        return JSONResponse(error.body, error.status)


def _authorized(vendor: PhonePe, request: Request) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme != "O-Bearer" or not vendor.books.knows(token):
        raise Refused("401", "Unauthorized", 401)


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {}


def _token(router: APIRouter, vendor: PhonePe) -> None:
    @router.post("/v1/oauth/token")
    async def token(request: Request) -> JSONResponse:
        form = await request.form()
        keys = vendor.keys
        given = [str(form.get(name, "")) for name in ("client_id", "client_secret", "client_version")]
        known = hmac.compare_digest("\n".join(given), "\n".join([keys.client_id, keys.client_secret, keys.version]))
        if not known or form.get("grant_type") != "client_credentials":
            return JSONResponse({"code": "BAD_REQUEST", "message": "Invalid client credentials."}, 400)
        return JSONResponse(vendor.books.token())


def _orders(router: APIRouter, vendor: PhonePe) -> None:
    @router.post("/checkout/v2/pay")
    async def pay(request: Request) -> JSONResponse:
        body = await _body(request)

        def make() -> dict[str, Any]:
            _authorized(vendor, request)
            order = vendor.books.create_order(body)
            base = vendor.keys.page_url or f"{request.url.scheme}://{request.url.netloc}/phonepe"
            page = f"{base}/transact/{order['merchantOrderId']}"
            return {
                "orderId": order["orderId"],
                "state": "PENDING",
                "expireAt": order["expireAt"],
                "redirectUrl": f"{page}?token={vendor.page_token(order['merchantOrderId'])}",
            }

        return answered(make)

    @router.get("/checkout/v2/order/{order_id}/status")
    async def status(request: Request, order_id: str, details: str = "", errorContext: str = "") -> JSONResponse:  # noqa: N803
        def make() -> dict[str, Any]:
            _authorized(vendor, request)
            order = dict(vendor.order(order_id))
            if errorContext.lower() != "true":
                order.pop("errorContext", None)
            if details.lower() != "true":
                order["paymentDetails"] = order["paymentDetails"][-1:]
            return {name: value for name, value in order.items() if name not in _PRIVATE}

        return answered(make)


def _refunds(router: APIRouter, vendor: PhonePe) -> None:
    @router.post("/payments/v2/refund")
    async def refund(request: Request) -> JSONResponse:
        body = await _body(request)

        def make() -> dict[str, Any]:
            _authorized(vendor, request)
            made = vendor.books.create_refund(body)
            answer = {"refundId": made["refundId"], "amount": made["amount"], "state": made["state"]}
            vendor.refund_accepted(made)
            return answer

        return answered(make)

    @router.get("/payments/v2/refund/{refund_id}/status")
    async def refund_status(request: Request, refund_id: str) -> JSONResponse:
        def make() -> dict[str, Any]:
            _authorized(vendor, request)
            return vendor.books.refund(refund_id)

        return answered(make)
