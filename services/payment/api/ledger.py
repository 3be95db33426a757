"""`/api/v1/admin/ledger`: the journals, and the trial balance (S1-19)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from chassis.identity import require
from chassis.problems import documented
from chassis.serving import Db
from services.payment.api.schemas import Given
from services.payment.storage import ledger

router = APIRouter(
    prefix="/api/v1/admin/ledger",
    tags=["admin"],
    responses=documented("unauthenticated", "forbidden", "validation"),
    dependencies=[Depends(require("admin", "ops"))],
)
_PAGE = 100


class EntryShown(Given):
    """One side of a journal: minor units, debit positive."""

    account: str
    line_id: str | None
    amount_minor: int


class JournalShown(Given):
    """One movement of money: of a payment, or of a payout to a partner."""

    id: UUID
    kind: str
    reference: str
    payment_id: UUID | None
    booking_id: str | None
    payout_id: UUID | None
    currency: str
    at: datetime
    entries: list[EntryShown]


class Journals(Given):
    """One page of journals, newest first; `next_page_token` is null on the last."""

    journals: list[JournalShown]
    next_page_token: str | None


class BalanceShown(Given):
    """What an account holds: minor units, debit positive."""

    account: str
    currency: str
    amount_minor: int
    entries: int


class TrialBalance(Given):
    """Every account; the sum of each currency is zero, or `balanced` is false and somebody has to look."""

    accounts: list[BalanceShown]
    balanced: bool


@router.get("", response_model=Journals)
async def journals(
    database: Db,
    booking_id: str | None = None,
    account: str | None = None,
    since: AwareDatetime | None = None,
    page_token: Annotated[UUID | None, Query(description="From the page before.")] = None,
) -> Any:
    """The journals of a booking, of an account, or all."""
    async with database.transaction() as work:
        rows = await ledger.journals(work, booking_id, account, since, page_token, _PAGE + 1)
    shown = [{**row, "entries": orjson.loads(row.entries)} for row in rows[:_PAGE]]
    return {"journals": shown, "next_page_token": str(rows[_PAGE - 1].id) if len(rows) > _PAGE else None}


@router.get("/balances", response_model=TrialBalance)
async def balances(database: Db) -> Any:
    """The trial balance."""
    async with database.transaction() as work:
        rows = await ledger.balances(work)
    sums: dict[str, int] = {}
    for row in rows:
        sums[row.currency] = sums.get(row.currency, 0) + row.amount_minor
    return {"accounts": rows, "balanced": not any(sums.values())}
