"""PhonePe's documented paths with their token check and error bodies (gateways.md 3.2, 3.3)."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from simulators.phonepe.validation import Refused, bad_request, pay_request, refund_request

if TYPE_CHECKING:
    from simulators.phonepe.vendor import PhonePe

REASON_HEADER = "X-Simulated-Reason"
"""Tells the tester which input was wrong; the vendor's own answer keeps that to itself."""


def rest_routes(vendor: PhonePe) -> APIRouter:
    """The API of `vendor`."""
    router = APIRouter()
    _token(router, vendor)
    _orders(router, vendor)
    _refunds(router, vendor)
    return router


def answered(make: Callable[[], dict[str, Any]]) -> JSONResponse:
    """The answer of `make`, or the vendor's refusal."""
    try:
        return JSONResponse(make())
    except Refused as error:
        return refused(error)


def refused(error: Refused) -> JSONResponse:
    """The vendor's refusal."""
    return JSONResponse(error.body, error.status, {REASON_HEADER: error.reason} if error.reason else None)


def _authorized(vendor: PhonePe, request: Request) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme != "O-Bearer" or not vendor.books.knows(token):
        raise Refused("AUTHORIZATION_FAILED", "Unauthorized access", 401)


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
        expected = [keys.client_id, keys.client_secret, keys.version]
        known = hmac.compare_digest("\n".join(given).encode(), "\n".join(expected).encode())
        if form.get("grant_type") != "client_credentials":
            return refused(bad_request("grant_type"))
        if not known:
            return JSONResponse(
                {
                    "code": "INVALID_CLIENT",
                    "errorCode": "OIM000",
                    "message": f"Bad Request: Invalid Client, trackingId: {secrets.token_hex(4)}",
                    "context": {"error_description": "Client authentication failure"},
                },
                400,
            )
        return JSONResponse(vendor.books.token())


def _orders(router: APIRouter, vendor: PhonePe) -> None:
    @router.post("/checkout/v2/pay")
    async def pay(request: Request) -> JSONResponse:
        body = await _body(request)

        def make() -> dict[str, Any]:
            _authorized(vendor, request)
            order = vendor.books.create_order(pay_request(body))
            base = vendor.keys.page_url or f"{request.url.scheme}://{request.url.netloc}/phonepe"
            page = f"{base}/transact/{order.merchant_order_id}"
            return {
                "orderId": order.order_id,
                "state": order.state,
                "expireAt": order.expire_at * 1000,
                "redirectUrl": f"{page}?token={vendor.page_token(order.merchant_order_id)}",
            }

        return answered(make)

    @router.get("/checkout/v2/order/{order_id}/status")
    async def status(request: Request, order_id: str, details: str = "", errorContext: str = "") -> JSONResponse:  # noqa: N803
        def make() -> dict[str, Any]:
            _authorized(vendor, request)
            order = vendor.order(order_id)
            return order.shown(details=details.lower() == "true", context=errorContext.lower() == "true")

        return answered(make)

    @router.get("/checkout/v2/transaction/{transaction_id}/status")
    async def transaction(request: Request, transaction_id: str) -> JSONResponse:
        def make() -> dict[str, Any]:
            _authorized(vendor, request)
            order, attempt = vendor.books.order_of(transaction_id)
            return {**vendor.order(order.merchant_order_id).shown(), "paymentDetails": [attempt.shown()]}

        return answered(make)


def _refunds(router: APIRouter, vendor: PhonePe) -> None:
    @router.post("/payments/v2/refund")
    async def refund(request: Request) -> JSONResponse:
        body = await _body(request)

        def make() -> dict[str, Any]:
            _authorized(vendor, request)
            made = vendor.books.create_refund(refund_request(body))
            answer = {"refundId": made.refund_id, "amount": made.amount, "state": made.state}
            vendor.refund_accepted(made)
            return answer

        return answered(make)

    @router.get("/payments/v2/refund/{refund_id}/status")
    async def refund_status(request: Request, refund_id: str) -> JSONResponse:
        def make() -> dict[str, Any]:
            _authorized(vendor, request)
            made = vendor.books.refund(refund_id)
            vendor.end_refund(made)  # one that ends by itself has ended when somebody asks
            return made.shown()

        return answered(make)
