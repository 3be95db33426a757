"""An expert's consultations: those to come and those that were."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from chassis.identity import Principal, require
from chassis.problems import documented
from chassis.serving import Db
from services.fulfillment.api.purchases import joinable
from services.fulfillment.domain.states import MeetingState
from services.fulfillment.storage import consultations

router = APIRouter(prefix="/api/v1/consultations", tags=["consultations"])
Expert = Annotated[Principal, Depends(require("expert"))]


class Consultation(BaseModel):
    """One session as its expert sees it: what, when, where; nothing of the buyer but the booking's reference."""

    purchase_id: UUID
    booking_id: str
    reference: str
    title: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    provider: str
    join_url: str | None
    state: MeetingState


class Consultations(BaseModel):
    """A page of consultations, the latest beginning first; `next_page_token` is null on the last one."""

    consultations: list[Consultation]
    next_page_token: str | None


def _shown(row: Any) -> Consultation:
    return Consultation(
        purchase_id=row.purchase_id,
        booking_id=row.booking_id,
        reference=row.reference,
        title=row.title,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        time_zone=row.expert_time_zone,
        provider=row.provider,
        join_url=joinable(row),
        state=row.state,
    )


@router.get("", responses=documented("unauthenticated", "forbidden", "validation"))
async def own(
    caller: Expert,
    database: Db,
    page_token: Annotated[UUID | None, Query(description="From the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Consultations:
    """The expert's own sessions, upcoming and past; `time_zone` is the expert's."""
    async with database.transaction() as work:
        rows = await consultations.given(work, caller.subject, page_token, limit + 1)
    more = str(rows[limit - 1].purchase_id) if len(rows) > limit else None
    return Consultations(consultations=[_shown(row) for row in rows[:limit]], next_page_token=more)
