"""The first page: how everything stands, and the same as a fragment for the live script."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console import rendering
from console.access import Person, Reading
from console.overview import STATES, look

router = APIRouter()


@router.get("/")
async def overview(request: Request, who: Person, services: Reading) -> Response:
    """Lag, unpublished events, tasks, dead letters, money at risk."""
    return rendering.page(
        request,
        "overview.html",
        who,
        section="overview",
        overview=await look(services),
        states=STATES,
        now=datetime.now(UTC),
    )


@router.get("/live/overview")
async def live(request: Request, who: Person, services: Reading) -> Response:
    """The part of the first page that changes."""
    return rendering.page(
        request, "overview_live.html", who, overview=await look(services), states=STATES, now=datetime.now(UTC)
    )
