"""Cases: what needs a person, for administrators."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from chassis.identity import Principal, require
from chassis.problems import Problem, documented
from chassis.serving import Db
from services.payment.api.shown import Cases, CaseShown, CloseCase
from services.payment.storage import views

router = APIRouter(tags=["cases"], responses=documented("unauthenticated", "forbidden", "validation"))
Admin = Annotated[Principal, Depends(require("admin"))]
_DEFAULT_PAGE_ROWS = 50


@router.get("/api/v1/admin/cases", response_model=Cases)
async def list_cases(
    admin: Admin,
    database: Db,
    state: Annotated[str, Query(pattern="^(open|closed)$")] = "open",
    kind: Annotated[str | None, Query(max_length=64)] = None,
    page_token: UUID | None = None,
    page_size: Annotated[int, Query(ge=1, le=100)] = _DEFAULT_PAGE_ROWS,
) -> Cases:
    """Cases oldest first, page by page."""
    async with database.transaction() as work:
        rows = await views.cases(work, is_open=state == "open", kind=kind, after=page_token, limit=page_size + 1)
    shown = [CaseShown.model_validate(row) for row in rows[:page_size]]
    return Cases(cases=shown, next_page_token=str(shown[-1].id) if len(rows) > page_size else None)


@router.post("/api/v1/admin/cases/{case_id}/close", response_model=CaseShown, responses=documented("not-found"))
async def close_case(case_id: UUID, closing: CloseCase, admin: Admin, database: Db) -> CaseShown:
    """Close a case: who and why stays on record. Closing a closed one changes nothing."""
    async with database.transaction() as work:
        row = await views.close_case(work, case_id, admin.subject, closing.reason)
    if row is None:
        raise Problem("not-found", "There is no such case.")
    return CaseShown.model_validate(row)
