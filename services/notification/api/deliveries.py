"""`GET /api/v1/deliveries`: what was sent, what waits, what failed; never what it said."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from chassis.identity import Caller
from chassis.problems import Problem
from chassis.serving import Db
from chassis.work import Row
from contracts.values import Identifier
from services.notification.api.ownership import ensure_own_booking
from services.notification.domain.delivery import State
from services.notification.storage import deliveries

router = APIRouter(prefix="/api/v1", tags=["deliveries"])


class Delivery(BaseModel):
    """One notice to one recipient. The address is masked, and shown to staff alone."""

    delivery_id: UUID
    booking_id: str
    kind: str
    recipient: str
    about: str
    channel: str
    state: State
    address_masked: str | None = None
    reason: str | None = None
    queued_at: datetime
    settled_at: datetime | None = None


class Deliveries(BaseModel):
    """A page of deliveries, newest first; `next_page_token` is absent on the last one."""

    items: list[Delivery]
    next_page_token: str | None = None


def _shown(row: Row, *, staff: bool) -> Delivery:
    role, _, _ = row.recipient.partition(":")
    return Delivery(
        delivery_id=row.delivery_id,
        booking_id=row.booking_id,
        kind=row.kind,
        recipient=row.recipient if staff else role,
        about=row.about,
        channel="push" if role == "device" else "mail",
        state=row.state,
        address_masked=row.address_masked if staff else None,
        reason=row.reason if staff else None,
        queued_at=row.queued_at,
        settled_at=row.settled_at,
    )


@router.get("/deliveries", response_model_exclude_none=True)
async def list_deliveries(
    principal: Caller,
    database: Db,
    booking_id: Annotated[Identifier | None, Query(description="Needed, unless the caller is admin or ops.")] = None,
    state: State | None = None,
    page_token: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Deliveries:
    """A buyer sees the notices of an own booking; admin and ops see all, those to trainers and experts too."""
    staff = principal.is_staff
    if booking_id is None and not staff:
        raise Problem(
            "validation",
            "Say which booking.",
            errors=[{"pointer": "/booking_id", "in": "query", "detail": "Field required"}],
        )
    async with database.transaction() as work:
        if booking_id is not None and not staff:
            await ensure_own_booking(work, principal, booking_id)
        rows = await deliveries.page(work, booking_id, state, page_token, givers=staff, limit=limit + 1)
    more = str(rows[limit - 1].delivery_id) if len(rows) > limit else None
    return Deliveries(items=[_shown(row, staff=staff) for row in rows[:limit]], next_page_token=more)
