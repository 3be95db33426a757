"""The controls: act as the buyer, set misbehaviour, read the vendors' books, move their clock, forget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from simulators.clock import VendorClock
from simulators.faults import Fault, Faults
from simulators.fcm import Fcm
from simulators.razorpay.books import Refused
from simulators.vendor import Vendor
from simulators.webhooks import Delivery, Sender


class Clock(BaseModel):
    """By how much the vendors' clock moves."""

    advance_seconds: float


def controls(vendors: Sequence[Vendor], faults: Faults, clock: VendorClock, sender: Sender, fcm: Fcm) -> APIRouter:
    """The routes below /control."""
    router = APIRouter(prefix="/control", tags=["control"])
    for vendor in vendors:
        router.include_router(vendor.controls(), prefix=f"/{vendor.name}")
    _misbehaving(router, faults)
    _looking(router, vendors, clock, sender, fcm)

    @router.post("/webhooks/{event_id}/redeliver")
    async def redeliver(event_id: str) -> dict[str, Any]:
        if not sender.redeliver(event_id):
            raise Refused("There is no such webhook.", status=404)
        return {"redelivering": event_id}

    @router.post("/fcm/registrations/{registration}")
    async def script_registration(registration: str, outcome: str) -> dict[str, Any]:
        fcm.outcomes[registration] = outcome
        return {"registration": registration, "outcome": outcome}

    @router.post("/reset")
    async def reset() -> dict[str, Any]:
        for vendor in vendors:
            vendor.reset()
        faults.clear()
        sender.forget()
        fcm.messages.clear()
        clock.offset_seconds = 0.0
        return {"forgotten": True}

    return router


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


def _looking(router: APIRouter, vendors: Sequence[Vendor], clock: VendorClock, sender: Sender, fcm: Fcm) -> None:
    @router.get("/state")
    async def state() -> dict[str, Any]:
        sent = [_shown(delivery) for delivery in sender.log]
        books = {
            vendor.name: {"webhooks": [item for item in sent if item["vendor"] == vendor.name], **vendor.state()}
            for vendor in vendors
        }
        return {**books, "fcm": {"messages": list(fcm.messages)}, "now": clock.now()}

    @router.post("/clock")
    async def move(body: Clock) -> dict[str, Any]:
        clock.advance(body.advance_seconds)
        for vendor in vendors:
            vendor.clock_moved()
        return {"now": clock.now()}


def _shown(delivery: Delivery) -> dict[str, Any]:
    shown = {item.name: getattr(delivery, item.name) for item in fields(Delivery)}
    return {**shown, "body": delivery.body.decode(), "headers": dict(delivery.headers)}
