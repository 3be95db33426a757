"""Razorpay's REST paths, with its authentication, its error bodies and its idempotency."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from simulators.razorpay.books import Refused
from simulators.razorpay.requests import body_of, listing, page
from simulators.razorpay.route import route_routes

if TYPE_CHECKING:
    from simulators.razorpay.vendor import Razorpay

_IN_FLIGHT: set[str] = set()


def rest_routes(vendor: Razorpay) -> APIRouter:
    """The API of `vendor`; the caller decides below which path it lies."""
    router = APIRouter()
    expected = base64.b64encode(f"{vendor.keys.key_id}:{vendor.keys.key_secret}".encode()).decode()

    def authorized(request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme != "Basic" or not hmac.compare_digest(given, expected):
            raise Refused("Authentication failed", status=401)

    _orders(router, vendor, authorized)
    _payments(router, vendor, authorized)
    _refunds(router, vendor, authorized)
    route_routes(router, vendor, authorized)
    return router


def _orders(router: APIRouter, vendor: Razorpay, authorized: Any) -> None:
    books = vendor.books

    @router.post("/v1/orders")
    async def create(request: Request) -> dict[str, Any]:
        authorized(request)
        return books.create_order(await body_of(request))

    @router.get("/v1/orders")
    async def find(request: Request, receipt: str | None = None, count: int = 10, skip: int = 0) -> dict[str, Any]:
        authorized(request)
        found = [order for order in books.orders.values() if receipt is None or order["receipt"] == receipt]
        return listing(found[::-1][skip : skip + min(count, 100)])

    @router.get("/v1/orders/{order_id}")
    async def show(request: Request, order_id: str) -> dict[str, Any]:
        authorized(request)
        return books.order(order_id)

    @router.get("/v1/orders/{order_id}/payments")
    async def payments(request: Request, order_id: str) -> dict[str, Any]:
        authorized(request)
        books.order(order_id)
        return listing([books.payment(payment_id) for payment_id in books.payments_of[order_id]])


def _payments(router: APIRouter, vendor: Razorpay, authorized: Any) -> None:
    books = vendor.books

    @router.get("/v1/payments")
    async def find(request: Request, count: int = 10, skip: int = 0) -> dict[str, Any]:
        authorized(request)
        return listing(page(books.payments.values(), request, count, skip))

    @router.get("/v1/payments/{payment_id}")
    async def show(request: Request, payment_id: str) -> dict[str, Any]:
        authorized(request)
        return books.payment(payment_id)

    @router.post("/v1/payments/{payment_id}/capture")
    async def capture(request: Request, payment_id: str) -> dict[str, Any]:
        authorized(request)
        body = await body_of(request)
        payment = books.capture_payment(payment_id, body.get("amount"), body.get("currency"))
        vendor.tell(payment, ["payment.captured", "order.paid"], "normal")
        return payment


def _refunds(router: APIRouter, vendor: Razorpay, authorized: Any) -> None:
    books = vendor.books

    @router.post("/v1/payments/{payment_id}/refund")
    async def refund(request: Request, payment_id: str) -> Any:
        authorized(request)
        body = await body_of(request)
        key = request.headers.get("x-refund-idempotency")
        if key is not None and key in _IN_FLIGHT:
            return JSONResponse(Refused("A request with this key is in progress.").body, 409)
        shape = json.dumps([payment_id, body], sort_keys=True)
        if key is not None and key in books.refund_keys:
            known, known_shape = books.refund_keys[key]
            if known_shape != shape:
                raise Refused("Different request body for the same idempotency key.")
            return known
        if key is not None:
            _IN_FLIGHT.add(key)
        try:
            made = books.refund(payment_id, body)
            await asyncio.sleep(0)
            if key is not None:
                books.refund_keys[key] = (made, shape)
        finally:
            _IN_FLIGHT.discard(key or "")
        ended = [] if made["status"] == "pending" else [f"refund.{made['status']}"]
        vendor.tell(books.payments[payment_id], ["refund.created", *ended], "normal", refund=made)
        return made

    @router.get("/v1/refunds")
    async def find(request: Request, count: int = 10, skip: int = 0) -> dict[str, Any]:
        authorized(request)
        return listing(page(books.refunds.values(), request, count, skip))

    @router.get("/v1/payments/{payment_id}/refunds")
    async def of_payment(request: Request, payment_id: str) -> dict[str, Any]:
        authorized(request)
        books.payment(payment_id)
        return listing([item for item in books.refunds.values() if item["payment_id"] == payment_id])

    @router.get("/v1/payments/{payment_id}/refunds/{refund_id}")
    @router.get("/v1/refunds/{refund_id}")
    async def show(request: Request, refund_id: str) -> dict[str, Any]:
        authorized(request)
        if refund_id not in books.refunds:
            raise Refused("The id provided does not exist")
        return books.refunds[refund_id]
