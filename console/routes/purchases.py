"""A purchase: where it stands, its journey as a picture and as a table, and the search for it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chassis.ids import uuid7
from chassis.pages import FormRefused, checked_form, minor_units, see_other
from console import drawing, journeys, rendering
from console.access import Acting, Administrator, Person, Reading
from console.letters import parse_reference
from console.upstream import Services, UpstreamError, settled

router = APIRouter()
_LONGEST_ID = 64
_SHORTEST_REASON = 3
_SAID = {"refund": "The money is on its way back.", "capture": "It is being captured."}


@router.get("/search")
async def search(request: Request, who: Person, q: str = "") -> Response:
    """From a booking id to its journey, from `service:id` to its dead letter."""
    wanted = q.strip()
    if not wanted or len(wanted) > _LONGEST_ID:
        rendering.notify(request, "Type a booking id, or a dead letter as service:id.", "plain")
        return see_other("/")
    try:
        service, identifier = parse_reference(wanted)
    except ValueError:
        return see_other(f"/purchases/{quote(wanted, safe='')}")
    return see_other(f"/dead-letters/{service}/{identifier}")


async def _look(services: Services, booking_id: str) -> dict[str, Any]:
    entries, missing = await journeys.gather(services, booking_id)
    booked, _ = await settled(
        [("booking", services.get("booking", f"/api/v1/bookings/{quote(booking_id, safe='')}"))]
        if "booking" in services.addresses
        else []
    )
    return {
        "booking_id": booking_id,
        "booking": booked.get("booking"),
        "entries": [{**entry, "look": drawing.look_of(entry)} for entry in entries],
        "picture": drawing.draw(entries),
        "missing": list(missing.values()),
    }


@router.get("/purchases/{booking_id}")
async def purchase(request: Request, who: Person, services: Reading, booking_id: str) -> Response:
    """The journey of one purchase through all services."""
    if len(booking_id) > _LONGEST_ID:
        raise UpstreamError("console", 404, "This is no booking id")
    seen = await _look(services, booking_id)
    paid, _ = await settled(
        [("payments", services.get("payment", "/api/v1/admin/payments", {"booking_id": booking_id}))]
    )
    seen |= {"payments": paid.get("payments", {}).get("payments", []), "once": uuid7().hex}
    status = 200 if seen["entries"] or seen["booking"] or seen["missing"] else 404
    return rendering.page(request, "purchase.html", who, status=status, section="purchases", **seen)


@router.get("/live/purchases/{booking_id}")
async def live(request: Request, who: Person, services: Reading, booking_id: str) -> Response:
    """The part of a purchase's page that changes."""
    return rendering.page(request, "purchase_live.html", who, **await _look(services, booking_id[:_LONGEST_ID]))


@router.post("/purchases/{booking_id}/payments/{payment_id}/{act}")
async def act_on_payment(
    request: Request, who: Administrator, services: Acting, booking_id: str, payment_id: UUID, act: str
) -> Response:
    """Refund or capture a payment by hand, with the reason that goes on record; above the limit it waits for another."""
    form = await checked_form(request)
    path, body = f"/api/v1/admin/payments/{payment_id}", {"reason": form.get("reason", "").strip()}
    if act not in _SAID or len(body["reason"]) < _SHORTEST_REASON:
        raise FormRefused(422, "Give a reason of at least three characters; it goes on record. Nothing was changed.")
    try:
        if act == "refund":
            minor = minor_units(form.get("amount", ""), form.get("currency", ""))
            answer = await services.post(
                "payment", f"{path}/refunds", {**body, "amount_minor": minor}, once=form.get("once", "")
            )
        else:
            answer = await services.post("payment", f"{path}/capture", body)
        waits = "approval_id" in answer
        rendering.notify(
            request, "Above the limit: another person has to approve it on the money page." if waits else _SAID[act]
        )
    except ValueError as error:
        raise FormRefused(422, "Write the amount like 999.00, more than nothing. Nothing was changed.") from error
    except UpstreamError as error:
        rendering.notify(request, f"{error.title}. {error.detail}", "bad")
    return see_other(f"/purchases/{quote(booking_id, safe='')}")
