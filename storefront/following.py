"""The page that follows what was bought until everything is ready, and the invoice as PDF."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chassis.pages import instant, see_other
from storefront import rendering
from storefront.shopping import upstream_of
from storefront.upstream import Refusal

router = APIRouter()
PAID = ("authorized", "captured")
SAVED = "method_saved"
_CONTESTED_WITHIN = timedelta(hours=24)


def held_by(request: Request, booking_id: str) -> dict[str, str] | None:
    """Id and token of a booking that this browser checked out, the newest or an earlier one."""
    newest_one = request.session.get("booking")
    kept: list[dict[str, str]] = [*([newest_one] if newest_one else []), *request.session.get("earlier", [])]
    return next((held for held in kept if held["id"] == booking_id), None)


async def _of(request: Request, held: dict[str, str]) -> dict[str, Any] | None:
    """The booking as booking has it; None when its token opens nothing (any more)."""
    path = f"/api/v1/bookings/{quote(held['id'], safe='')}"
    try:
        found: dict[str, Any] = await upstream_of(request).get("booking", path, held["token"])
    except Refusal as refusal:
        if refusal.status not in (401, 404):
            raise
        return None
    return found


async def newest(request: Request) -> dict[str, Any] | None:
    """The booking that this session checked out last; None when there is none."""
    held = request.session.get("booking")
    if held is None:
        return None
    found = await _of(request, held)
    if found is None:
        request.session.pop("booking")
    return found


@router.get("/booking")
async def booking(request: Request) -> Response:
    """Where the last purchase stands, step by step."""
    found = await newest(request)
    if found is None:
        return see_other("/")
    return _page(request, "booking.html", found)


@router.get("/bookings/{booking_id}")
async def booking_by_id(request: Request, booking_id: str) -> Response:
    """Where a purchase of this browser stands. Raises `Refusal` for one of somebody else."""
    return _page(request, "booking.html", await mine(request, booking_id))


@router.get("/live/bookings/{booking_id}")
async def live(request: Request, booking_id: str) -> Response:
    """The part of the booking's page that changes."""
    return _page(request, "booking_live.html", await mine(request, booking_id))


@router.get("/bookings/{booking_id}/invoices/{invoice_id}.pdf")
async def invoice(request: Request, booking_id: str, invoice_id: UUID) -> Response:
    """The invoice's PDF, from fulfillment by the guest's token; the browser never sees the token."""
    held = held_by(request, booking_id)
    if held is None:
        raise _unknown()
    path = f"/api/v1/invoices/{invoice_id}.pdf"
    made = await upstream_of(request).document("fulfillment", path, held["token"])
    name = {"Content-Disposition": f'inline; filename="invoice-{invoice_id}.pdf"'}
    return Response(made, media_type="application/pdf", headers=name)


async def mine(request: Request, booking_id: str) -> dict[str, Any]:
    """A booking that this browser checked out, as booking has it. Raises `Refusal` for any other."""
    held = held_by(request, booking_id)
    found = None if held is None else await _of(request, held)
    if found is None:
        raise _unknown()
    return found


def page_of(booking: dict[str, Any]) -> str:
    """The address of a booking's page here."""
    return f"/bookings/{quote(booking['booking_id'], safe='')}"


def changeable(booking: dict[str, Any]) -> bool:
    """Whether a session of it may still be moved or cancelled: it is to come, and it is paid or waits for its saved card."""
    stands = booking["status"] in ("CONFIRMED", "IN_PROGRESS")
    waits = booking["status"] == "PENDING" and booking["payment_status"] == SAVED
    return (stands or waits) and any(is_to_come(line) for line in booking["lines"])


def is_to_come(line: dict[str, Any]) -> bool:
    """Whether it is a session that has not begun."""
    session = line.get("session", {})
    starts_at = instant(session.get("starts_at"))
    return session.get("state") == "claimed" and starts_at is not None and starts_at > datetime.now(UTC)


def contestable(line: dict[str, Any]) -> bool:
    """Whether it is a session of which the buyer may still say that the expert did not come: begun, and not a day over."""
    session = line.get("session", {})
    starts_at, ends_at = instant(session.get("starts_at")), instant(session.get("ends_at"))
    if starts_at is None or ends_at is None or session.get("state") not in ("claimed", "ended"):
        return False
    return starts_at <= datetime.now(UTC) <= ends_at + _CONTESTED_WITHIN


def _unknown() -> Refusal:
    detail = "Open it in the browser that you bought with, or follow the link in our mail there."
    return Refusal(404, "not-found", "This browser has no such booking", {"detail": detail})


def _page(request: Request, template: str, found: dict[str, Any]) -> Response:
    ended = found["status"] in ("EXPIRED", "CANCELLED", "COMPLETED") or found["steps"][-1]["done"]
    return rendering.page(
        request,
        template,
        booking=found,
        ended=ended,
        changeable=changeable(found),
        contestable=contestable,
        paid=found["payment_status"] in (*PAID, "refunded") or found["steps"][0]["done"],
        newest=found["booking_id"] == (request.session.get("booking") or {}).get("id"),
    )
