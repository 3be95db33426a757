"""What a person must decide, and paid bookings that are not fulfilled, for administrators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from chassis.identity import Principal, require
from chassis.ops.views import as_dict
from chassis.serving import Db
from services.booking.storage import standings

router = APIRouter(prefix="/api/v1/admin", tags=["admin"])
Staff = Annotated[Principal, Depends(require("admin", "ops"))]
_LATE_ROWS = 200


@router.get("/cases")
async def cases(_: Staff, database: Db) -> dict[str, Any]:
    """Open cases, the oldest first."""
    async with database.transaction() as work:
        rows = await work.fetch("SELECT * FROM cases WHERE closed_at IS NULL ORDER BY id LIMIT 200")
    return {"cases": [as_dict(row) for row in rows]}


@router.get("/paid-not-fulfilled")
async def paid_not_fulfilled(_: Staff, database: Db) -> dict[str, Any]:
    """Whether every paid amount was fulfilled, given back, let go or is in time, in sum; and the bookings at risk."""
    async with database.transaction() as work:
        found = await standings.sums(work)
        late = await standings.late(work, _LATE_ROWS + 1)
    return {
        "deadline_seconds": standings.DEADLINE_SECONDS,
        "sums": [as_dict(row) for row in found],
        "bookings": [as_dict(row) for row in late[:_LATE_ROWS]],
        "more": len(late) > _LATE_ROWS,
    }
