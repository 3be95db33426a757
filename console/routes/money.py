"""Money: the books, approvals, cases and differences, and deciding about what another person asked for."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chassis.pages import FormRefused, checked_form, see_other
from console import rendering
from console.access import Acting, Administrator, Person, Reading
from console.money import look
from console.upstream import UpstreamError

router = APIRouter()
_VERBS = {"approve": "Approved: it is carried out now.", "refuse": "Refused: nothing was done."}


@router.get("/money")
async def money(request: Request, who: Person, services: Reading) -> Response:
    """How the money stands."""
    return rendering.page(request, "money.html", who, section="money", money=await look(services))


@router.post("/money/approvals/{approval_id}")
async def decide(request: Request, who: Administrator, services: Acting, approval_id: UUID) -> Response:
    """Approve or refuse an act of another person; payment refuses one's own."""
    form = await checked_form(request)
    verb = form.get("act", "")
    if verb not in _VERBS:
        raise FormRefused(422, "Choose approve or refuse. Nothing was changed.")
    try:
        await services.post("payment", f"/api/v1/admin/approvals/{approval_id}/{verb}", {})
        rendering.notify(request, _VERBS[verb])
    except UpstreamError as error:
        rendering.notify(request, f"{error.title}. {error.detail}", "bad")
    return see_other("/money")


@router.post("/money/cases/{case_id}")
async def close(request: Request, who: Administrator, services: Acting, case_id: UUID) -> Response:
    """Close a case with the reason that goes on record."""
    form = await checked_form(request)
    reason = form.get("reason", "").strip()
    if len(reason) < 3:
        raise FormRefused(422, "Give a reason of at least three characters; it goes on record. Nothing was changed.")
    try:
        await services.post("payment", f"/api/v1/admin/cases/{case_id}/close", {"reason": reason})
        rendering.notify(request, "The case is closed.")
    except UpstreamError as error:
        rendering.notify(request, f"{error.title}. {error.detail}", "bad")
    return see_other("/money")
