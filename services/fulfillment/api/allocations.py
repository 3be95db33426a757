"""Allocations for administrators: the decisions, and what to do about the pending ones."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from chassis.identity import Principal, require
from chassis.ops.letters import Act
from chassis.ops.views import as_dict
from chassis.problems import Problem
from chassis.serving import Db
from services.fulfillment.handlers import by_hand
from services.fulfillment.storage import views

router = APIRouter(prefix="/api/v1/admin/allocations", tags=["allocations"])
Admin = Annotated[Principal, Depends(require("admin"))]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Retry(_Strict):
    """Whose purchases of which course to try again."""

    student_id: str = Field(min_length=1, max_length=64)
    course_id: str = Field(min_length=1, max_length=64)
    reason: str = Field(default="asked for by hand", min_length=3, max_length=500)


class Approve(_Strict):
    """Who is to teach, and why."""

    trainer_id: str = Field(min_length=1, max_length=64)
    reason: str = Field(min_length=3, max_length=500)


class Allocate(Approve):
    """The same for a purchase that need not have an allocation yet."""

    purchase_id: UUID


@router.get("")
async def listing(_: Admin, database: Db, status: Literal["pending", "approved"] | None = None) -> dict[str, Any]:
    """Allocations with who was considered and which rule removed whom."""
    async with database.transaction() as work:
        rows = await views.allocations(work, status)
    return {"allocations": [{**as_dict(row), "decision": orjson.loads(row.decision)} for row in rows]}


@router.post("/retry-auto-assign")
async def retry(body: Retry, caller: Admin, database: Db) -> dict[str, Any]:
    """Let the rules choose again (S2-23)."""
    async with database.transaction() as work:
        return {
            "decisions": await by_hand.retry(work, body.student_id, body.course_id, Act(caller.subject, body.reason))
        }


@router.post("/allocate")
async def allocate(body: Allocate, caller: Admin, database: Db) -> dict[str, Any]:
    """Give a purchase to a trainer (S2-25)."""
    async with database.transaction() as work:
        return await by_hand.approve(work, body.purchase_id, body.trainer_id, Act(caller.subject, body.reason))


@router.post("/{allocation_id}/approve")
async def approve(allocation_id: UUID, body: Approve, caller: Admin, database: Db) -> dict[str, Any]:
    """Approve a pending allocation with a trainer (S2-24)."""
    async with database.transaction() as work:
        row = await work.fetch_one(
            "SELECT purchase_id FROM trainer_allocations WHERE allocation_id = $1", allocation_id
        )
        if row is None:
            raise Problem("not-found", "There is no such allocation.")
        return await by_hand.approve(work, row.purchase_id, body.trainer_id, Act(caller.subject, body.reason))
