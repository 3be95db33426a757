"""The buyer's page of a booking: as JSON, and as a stream that follows it live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from chassis.identity import Caller, Principal
from chassis.problems import Problem
from chassis.serving import Db
from chassis.work import Database, Work
from services.booking.api import views
from services.booking.api.access import part_of
from services.booking.handlers.checkouts import checkout_token
from services.booking.settings import BookingSettings
from services.booking.storage import holds, milestones, slots

router = APIRouter(prefix="/api/v1/bookings", tags=["bookings"])
_POLL_SECONDS = 0.25
_STREAM_SECONDS = 300.0
_FINAL = ("EXPIRED", "CANCELLED", "COMPLETED")


async def _own(work: Work, booking_id: str, caller: Principal, settings: BookingSettings) -> dict[str, Any]:
    """The booking's page; the buyer of one that can still be paid gets a checkout token that is good as long as its hold."""
    hold = await holds.find(work, booking_id)
    taken = await slots.of_booking(work, booking_id)
    part = None if hold is None else part_of(caller, booking_id, hold.buyer, taken)
    if hold is None or part is None:
        raise Problem("not-found", "There is no such booking, or its token is another one.")
    shown = views.booking(hold, await milestones.of_booking(work, booking_id), taken)
    if part == "buyer" and shown["status"] == "PENDING":
        shown["checkout_token"] = checkout_token(settings, hold)
    return shown


@router.get("/{booking_id}")
async def show_booking(booking_id: str, request: Request, caller: Caller, database: Db) -> dict[str, Any]:
    """Where the booking stands: what is done, what is awaited, until when (S4-19)."""
    async with database.transaction() as work:
        return await _own(work, booking_id, caller, request.app.state.settings)


@router.get("/{booking_id}/events")
async def follow_booking(booking_id: str, request: Request, caller: Caller, database: Db) -> StreamingResponse:
    """The same as server-sent events: one whenever something changed, until it is final or five minutes passed."""
    async with database.transaction() as work:
        await _own(work, booking_id, caller, request.app.state.settings)
    return StreamingResponse(_stream(request, database, booking_id, caller), media_type="text/event-stream")


async def _stream(request: Request, database: Database, booking_id: str, caller: Principal) -> AsyncIterator[bytes]:
    last = b""
    end = asyncio.get_running_loop().time() + _STREAM_SECONDS
    while asyncio.get_running_loop().time() < end and not await request.is_disconnected():
        async with database.transaction() as work:
            now = await _own(work, booking_id, caller, request.app.state.settings)
        body = orjson.dumps(now)
        if body != last:
            yield b"data: " + body + b"\n\n"
            last = body
        if now["status"] in _FINAL or now["steps"][-1]["done"]:
            return
        await asyncio.sleep(_POLL_SECONDS)
