"""`/api/v1/admin/payments/…`: refunds and captures by hand, and the approvals of a second person."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from chassis.idempotency import Idempotency
from chassis.identity import Caller, require
from chassis.problems import documented
from chassis.serving import Db
from chassis.work import Work
from services.payment.api.schemas import Given, Taken
from services.payment.storage import approvals

router = APIRouter(
    prefix="/api/v1/admin",
    tags=["admin"],
    responses=documented("unauthenticated", "forbidden", "not-found", "state-conflict", "validation"),
    dependencies=[Depends(require("admin"))],
)


class RefundWanted(Taken):
    """How much goes back, in minor units of the payment's currency, and why."""

    amount_minor: int = Field(strict=True, gt=0, le=10**15)
    reason: str = Field(min_length=3, max_length=500)


class Reason(Taken):
    """Why somebody acts by hand."""

    reason: str = Field(min_length=3, max_length=500)


class ApprovalShown(Given):
    """An act that waits for a second person."""

    id: UUID
    act: str
    payment_id: UUID
    booking_id: str
    amount_minor: int
    currency: str
    reason: str
    asked_by: str
    asked_at: datetime


class Approvals(Given):
    """What waits for a second person, oldest first."""

    approvals: list[ApprovalShown]


@router.post("/payments/{payment_id}/refunds", status_code=202)
async def refund(
    request: Request, payment_id: UUID, wanted: RefundWanted, caller: Caller, database: Db, once: Idempotency
) -> Response:
    """Give money back by hand; above the limit a second person has to approve it."""

    async def make(work: Work) -> tuple[int, dict[str, Any]]:
        by_hand = request.app.state.by_hand
        return 202, await by_hand.refund(work, payment_id, wanted.amount_minor, wanted.reason, caller.subject)

    return await once.answer(database, make)


@router.post("/payments/{payment_id}/capture", status_code=202)
async def capture(request: Request, payment_id: UUID, why: Reason, caller: Caller, database: Db) -> dict[str, Any]:
    """Capture an authorized payment now."""
    async with database.transaction() as work:
        done: dict[str, Any] = await request.app.state.by_hand.capture(work, payment_id, why.reason, caller.subject)
    return done


@router.get("/approvals", response_model=Approvals)
async def waiting(database: Db) -> Any:
    """What waits for a second person."""
    async with database.transaction() as work:
        return {"approvals": await approvals.waiting(work)}


@router.post("/approvals/{approval_id}/approve")
async def approve(request: Request, approval_id: UUID, caller: Caller, database: Db) -> dict[str, Any]:
    """Approve what another person asked for; it is carried out at once."""
    return await _decided(request, approval_id, caller.subject, database, approve=True)


@router.post("/approvals/{approval_id}/refuse")
async def refuse(request: Request, approval_id: UUID, caller: Caller, database: Db) -> dict[str, Any]:
    """Refuse it: nothing is done."""
    return await _decided(request, approval_id, caller.subject, database, approve=False)


async def _decided(request: Request, approval_id: UUID, actor: str, database: Db, *, approve: bool) -> dict[str, Any]:
    async with database.transaction() as work:
        done: dict[str, Any] = await request.app.state.by_hand.decide(work, approval_id, approve=approve, actor=actor)
    return done
