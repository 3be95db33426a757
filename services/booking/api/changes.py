"""What can be done about a booking: a refund quote, cancelling by it, and another time for a session."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chassis.idempotency import Idempotency
from chassis.identity import Caller
from chassis.problems import documented
from chassis.serving import Db
from chassis.work import Work
from services.booking.api.access import locked
from services.booking.api.schemas import CancelIn, RescheduleIn
from services.booking.handlers import cancellations
from services.booking.handlers.rescheduling import reschedule

router = APIRouter(prefix="/api/v1/bookings", tags=["bookings"])
_REFUSALS = ("not-found", "forbidden", "state-conflict", "unauthenticated")


@router.post("/{booking_id}/refund-quote", responses=documented(*_REFUSALS))
async def quote_refund(booking_id: str, request: Request, caller: Caller, database: Db) -> dict[str, Any]:
    """What cancelling now would give back, line by line, signed and good for ten minutes (S1-34)."""
    async with database.transaction() as work:
        booking, _, taken = await locked(work, booking_id, caller, "buyer", "admin")
        return cancellations.quote(request.app.state.settings, booking, taken)


@router.post("/{booking_id}/cancel", responses=documented(*_REFUSALS, "validation", "version-conflict"))
async def cancel(
    booking_id: str, body: CancelIn, request: Request, caller: Caller, once: Idempotency, database: Db
) -> Response:
    """Cancel: the buyer by a quote, which is executed exactly; the expert or an administrator with all money back (S1-33)."""

    async def make(work: Work) -> tuple[int, dict[str, Any]]:
        booking, part, _ = await locked(work, booking_id, caller, "buyer", "expert", "admin")
        if part == "buyer" or body.quote_id is not None:
            settings, actor = request.app.state.settings, caller.subject
            return 200, await cancellations.cancel_by_buyer(work, settings, booking, body.quote_id, actor, body.reason)
        told = "cancelled by the expert" if part == "expert" else "cancelled by us"
        return 200, await cancellations.cancel_by_seller(work, booking, caller.subject, told, body.reason)

    return await once.answer(database, make)


@router.post("/{booking_id}/reschedule", responses=documented(*_REFUSALS, "validation", "slot-taken"))
async def move(booking_id: str, body: RescheduleIn, caller: Caller, once: Idempotency, database: Db) -> Response:
    """Another time for a session; booking id, reference and payment stay the same."""

    async def make(work: Work) -> tuple[int, dict[str, Any]]:
        booking, part, _ = await locked(work, booking_id, caller, "buyer", "expert", "admin")
        starts_at = body.starts_at.astimezone(UTC)
        return 200, await reschedule(work, booking, body.line_id, starts_at, caller.subject, by_seller=part != "buyer")

    return await once.answer(database, make)
