"""`/api/v1/admin/reconciliation`: the comparisons with the gateways' books, and asking for one."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import AwareDatetime, Field

from chassis.identity import Caller, require
from chassis.problems import Problem, documented
from chassis.serving import Db
from services.payment.api.schemas import Given, Taken
from services.payment.storage import reconciliations

router = APIRouter(
    prefix="/api/v1/admin/reconciliation",
    tags=["admin"],
    responses=documented("unauthenticated", "forbidden", "validation"),
)
_RUNS = 30


class DifferenceShown(Given):
    """One thing in which the books differed; `proposed` is empty where it was mended."""

    run_id: UUID
    kind: str
    gateway_payment_id: str
    payment_id: UUID | None
    ours: str
    theirs: str
    mended: bool
    proposed: str
    at: datetime


class RunShown(Given):
    """One comparison of a period with a gateway's book."""

    id: UUID
    gateway: str
    since: datetime
    until: datetime
    reason: str
    started_at: datetime
    ended_at: datetime | None
    compared: int
    mended: int
    differing: int
    failure: str | None


class Reconciled(Given):
    """The newest runs, newest first, and what differed in them."""

    runs: list[RunShown]
    differences: list[DifferenceShown]


class RunWanted(Taken):
    """A period to compare with a gateway's book, and why."""

    gateway: str = Field(min_length=1, max_length=40)
    since: AwareDatetime
    until: AwareDatetime
    reason: str = Field(min_length=3, max_length=500)


@router.get("", response_model=Reconciled, dependencies=[Depends(require("admin", "ops"))])
async def show(database: Db) -> Any:
    """The newest comparisons."""
    async with database.transaction() as work:
        runs, differences = await reconciliations.shown(work, _RUNS)
    return {"runs": runs, "differences": differences}


@router.post("/runs", status_code=202, dependencies=[Depends(require("admin"))])
async def ask(request: Request, wanted: RunWanted, caller: Caller, database: Db) -> dict[str, str]:
    """Compare a period now; the run begins within seconds and is on record with who asked and why."""
    if request.app.state.gateways.get(wanted.gateway) is None:
        error = {"pointer": "/gateway", "in": "body", "detail": "Not configured here."}
        raise Problem("validation", "Name a gateway that is configured.", errors=[error])
    if wanted.until <= wanted.since:
        error = {"pointer": "/until", "in": "body", "detail": "Must be after since."}
        raise Problem("validation", "Give a period.", errors=[error])
    async with database.transaction() as work:
        run_id = await reconciliations.request(work, wanted.gateway, wanted.since, wanted.until, wanted.reason)
        await work.execute(
            "INSERT INTO audit (actor, action, target, reason) VALUES ($1, 'reconcile', $2, $3)",
            caller.subject,
            str(run_id),
            wanted.reason,
        )
    return {"run_id": str(run_id)}
