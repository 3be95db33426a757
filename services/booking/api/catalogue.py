"""The catalogue: what can be bought, for anyone to read."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from chassis.problems import Problem
from chassis.serving import Db
from services.booking.api import views
from services.booking.storage import offers

router = APIRouter(prefix="/api/v1", tags=["catalogue"])
_PAGE = 50


@router.get("/offers")
async def list_offers(database: Db, kind: str | None = None, page_token: str = "") -> dict[str, Any]:
    """A page of offers, with the token of the next."""
    async with database.transaction() as work:
        rows = await offers.page(work, kind, page_token, _PAGE)
    return {
        "offers": [views.offer(row) for row in rows],
        "next_page_token": rows[-1].offer_id if len(rows) == _PAGE else None,
    }


@router.get("/offers/{offer_id}")
async def show_offer(offer_id: str, database: Db) -> dict[str, Any]:
    """One offer."""
    async with database.transaction() as work:
        row = await offers.find(work, offer_id)
    if row is None or not row.active:
        raise Problem("not-found", "See GET /api/v1/offers for what is offered.")
    return views.offer(row)
