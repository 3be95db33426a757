"""What a person must decide, for administrators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from chassis.identity import Principal, require
from chassis.ops.views import as_dict
from chassis.serving import Db

router = APIRouter(prefix="/api/v1/admin", tags=["admin"])


@router.get("/cases")
async def cases(_: Annotated[Principal, Depends(require("admin", "ops"))], database: Db) -> dict[str, Any]:
    """Open cases, the oldest first."""
    async with database.transaction() as work:
        rows = await work.fetch("SELECT * FROM cases WHERE closed_at IS NULL ORDER BY id LIMIT 200")
    return {"cases": [as_dict(row) for row in rows]}
