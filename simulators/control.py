"""The controls: act as the buyer, set misbehaviour, read the vendors' books, move their clock, forget."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from simulators.clock import VendorClock
from simulators.faults import Fault, Faults
from simulators.fcm import Fcm
from simulators.razorpay.books import Refused
from simulators.razorpay.vendor import Razorpay
from simulators.webhooks import Mode, Sender


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


class Clock(BaseModel):
    """By how much the vendors' clock moves."""

    advance_seconds: float


def controls(razorpay: Razorpay, faults: Faults, clock: VendorClock, sender: Sender, fcm: Fcm) -> APIRouter:
    """The routes below /control."""
    router = APIRouter(prefix="/control", tags=["control"])
    _buying(router, razorpay, sender)
    _misbehaving(router, faults)
    _looking(router, razorpay, clock, sender, fcm)

    @router.post("/fcm/registrations/{registration}")
    async def script_registration(registration: str, outcome: str) -> dict[str, Any]:
        fcm.outcomes[registration] = outcome
        return {"registration": registration, "outcome": outcome}

    @router.post("/reset")
    async def reset() -> dict[str, Any]:
        razorpay.books.reset()
        faults.clear()
        sender.log.clear()
        fcm.messages.clear()
        clock.offset_seconds = 0.0
        return {"forgotten": True}

    return router


def _buying(router: APIRouter, razorpay: Razorpay, sender: Sender) -> None:
    @router.post("/razorpay/orders/{order_id}/pay")
    async def pay(order_id: str, body: Pay) -> dict[str, Any]:
        return razorpay.customer_pays(
            order_id, body.outcome, body.webhooks, body.delay_seconds, body.method, body.amount_minor
        )

    @router.post("/razorpay/payments/{payment_id}/settle")
    async def settle(payment_id: str, body: Settle) -> dict[str, Any]:
        razorpay.settle(payment_id, body.act, body.webhooks)
        return razorpay.triple(razorpay.books.payment(payment_id))

    @router.post("/webhooks/{event_id}/redeliver")
    async def redeliver(event_id: str) -> dict[str, Any]:
        if not sender.redeliver(event_id):
            raise Refused("There is no such webhook.", status=404)
        return {"redelivering": event_id}


def _misbehaving(router: APIRouter, faults: Faults) -> None:
    @router.post("/faults", status_code=201)
    async def add_fault(body: Fault) -> dict[str, Any]:
        faults.add(body)
        return {"faults": faults.listing()}

    @router.get("/faults")
    async def list_faults() -> dict[str, Any]:
        return {"faults": faults.listing(), "bitten": faults.bitten}

    @router.delete("/faults")
    async def clear_faults() -> dict[str, Any]:
        faults.clear()
        return {"faults": []}


def _looking(router: APIRouter, razorpay: Razorpay, clock: VendorClock, sender: Sender, fcm: Fcm) -> None:
    @router.get("/state")
    async def state() -> dict[str, Any]:
        books = razorpay.books
        sent = [{**asdict(item), "body": item.body.decode(), "headers": dict(item.headers)} for item in sender.log]
        return {
            "razorpay": {
                "orders": list(books.orders.values()),
                "payments": list(books.payments.values()),
                "refunds": list(books.refunds.values()),
                "webhooks": sent,
            },
            "fcm": {"messages": list(fcm.messages)},
            "now": clock.now(),
        }

    @router.post("/clock")
    async def move(body: Clock) -> dict[str, Any]:
        clock.advance(body.advance_seconds)
        for payment_id in list(razorpay.books.payments):
            razorpay.books.expire(payment_id)
        return {"now": clock.now()}
