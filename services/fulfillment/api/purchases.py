"""The dashboard: purchases and progress, read only; and a trainer's sessions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter

from chassis.identity import Caller, Principal
from chassis.ops.views import plain
from chassis.problems import Problem
from chassis.serving import Db
from services.fulfillment.domain.invoices import number_text
from services.fulfillment.domain.states import MeetingState
from services.fulfillment.handlers.by_hand import complete_session
from services.fulfillment.storage import consultations, views

router = APIRouter(prefix="/api/v1", tags=["purchases"])
_MOST = 200


def may_see(caller: Principal, student_id: str, booking_id: str) -> bool:
    """Own things, a guest's booking, or everything for staff."""
    return caller.is_staff or caller.owns("booking", booking_id, student_id)


def shown(row: Any) -> dict[str, Any]:
    """A course on the dashboard."""
    wish = orjson.loads(row.metadata)
    kept = ("purchase_id", "booking_id", "student_id", "course_id", "title", "tier", "amount_minor", "currency")
    return {
        "kind": "course",
        **{name: plain(getattr(row, name)) for name in kept},
        "purchased_at": plain(row.purchased_at),
        "expires_at": plain(row.expires_at),
        "time_slot": wish["time_slot"],
        "weekdays": wish["weekdays"],
        "allocation": {
            "allocation_id": plain(row.allocation_id),
            "status": row.allocation,
            "trainer_id": row.trainer_id,
            "trainer_name": row.trainer_name,
            "first_session_at": plain(row.first_session_at),
        },
        "invoice": _invoice(row),
        "progress": {"completed": row.completed, "total": row.tier},
    }


def shown_session(row: Any) -> dict[str, Any]:
    """A session on the dashboard; one whose meeting was removed leads nowhere."""
    kept = ("purchase_id", "booking_id", "student_id", "title", "amount_minor", "currency", "purchased_at")
    return {
        "kind": "session",
        **{name: plain(getattr(row, name)) for name in kept},
        "expert": {"expert_id": row.expert_id, "name": row.expert_name},
        "starts_at": plain(row.starts_at),
        "ends_at": plain(row.ends_at),
        "time_zone": row.time_zone,
        "provider": row.provider,
        "join_url": joinable(row),
        "state": row.state,
        "invoice": _invoice(row),
    }


def joinable(row: Any) -> str | None:
    """Where a session takes place; None once its meeting was removed."""
    return None if row.state == MeetingState.REMOVED else str(row.join_url)


def _invoice(row: Any) -> dict[str, Any] | None:
    if row.invoice_id is None:
        return None
    return {"invoice_id": plain(row.invoice_id), "invoice_number": number_text(row.issuer, row.year, row.number)}


@router.get("/purchases")
async def list_purchases(
    caller: Caller, database: Db, student_id: str | None = None, booking_id: str | None = None
) -> dict[str, Any]:
    """Purchases of a student (own, or any for staff) or of a guest's booking: courses and sessions, the newest first."""
    if caller.is_guest:
        student_id, booking_id = None, caller.scope.get("booking", "none")
    elif not caller.is_staff:
        student_id = caller.subject
    async with database.transaction() as work:
        courses = await views.purchases(work, student_id, booking_id)
        sessions = await consultations.bought(work, student_id, booking_id)
    found = [*map(shown, courses), *map(shown_session, sessions)]
    return {"purchases": sorted(found, key=lambda one: str(one["purchase_id"]), reverse=True)[:_MOST]}


@router.get("/progress/{purchase_id}")
async def progress(purchase_id: UUID, caller: Caller, database: Db) -> dict[str, Any]:
    """How many sessions took place; kept by the database, written by no route (S2-10)."""
    async with database.transaction() as work:
        row = await views.purchase(work, purchase_id)
        if row is None or not may_see(caller, row.student_id, row.booking_id):
            raise Problem("not-found", "You have no such purchase.")
        kept = await views.progress(work, purchase_id)
    last = None if kept is None else plain(kept.last_completed_at)
    return {"purchase_id": str(purchase_id), "completed": row.completed, "total": row.tier, "last_completed_at": last}


@router.post("/enrollments", status_code=410)
async def enroll() -> None:
    """Enrolment was removed; a purchase is the enrolment (S2-09)."""
    raise Problem("gone", "Buy the course: the purchase enrols, and progress follows its sessions.")


@router.post("/sessions/{session_id}/complete")
async def complete(session_id: str, caller: Caller, database: Db) -> dict[str, Any]:
    """The trainer says that a session took place."""
    if not caller.roles & {"expert", "admin"}:
        raise Problem("forbidden", "Only the trainer or an administrator can say that.")
    allocation, _, number = session_id.partition(":")
    try:
        allocation_id, position = UUID(allocation), int(number)
    except ValueError as error:
        raise Problem("not-found", "You have no such session.") from error
    trainer_id = None if "admin" in caller.roles else caller.subject
    async with database.transaction() as work:
        return await complete_session(work, allocation_id, position, trainer_id)
