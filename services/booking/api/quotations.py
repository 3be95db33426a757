"""Quotations of experts: written, sent, read; paid through payment's create-order by the quotation's id (S0-07, S0-19)."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import AwareDatetime, EmailStr, Field, StringConstraints

from chassis.idempotency import Idempotency
from chassis.identity import Caller, Principal, require
from chassis.problems import Problem, documented
from chassis.serving import Db
from chassis.work import Row, Work
from contracts.values import Currency, Identifier
from services.booking.api.schemas import Name, Strict, Zone
from services.booking.api.views import instant
from services.booking.handlers import quotations as quoting
from services.booking.storage import quotations

router = APIRouter(prefix="/api/v1/quotations", tags=["quotations"])
Expert = Annotated[Principal, Depends(require("expert"))]
_REFUSALS = ("unauthenticated", "forbidden", "not-found", "validation")


class ClientIn(Strict):
    """For whom it is: the account that pays, and how they are called and written to."""

    subject: Identifier
    name: Name
    email: EmailStr = Field(max_length=200)


class QuotationIn(Strict):
    """What the expert quotes. The price is the expert's own; it is in minor units."""

    client: ClientIn
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    amount_minor: int = Field(strict=True, gt=0, le=10**12)
    currency: Currency
    starts_at: AwareDatetime
    session_minutes: int = Field(default=60, strict=True, ge=15, le=480)
    time_zone: Zone = "UTC"
    capture_policy: Literal["immediate", "after_service"] = "immediate"
    valid_hours: int = Field(default=72, strict=True, ge=1, le=24 * 30)

    def columns(self) -> dict[str, Any]:
        """As the table has it."""
        kept = self.model_dump(
            include={"title", "amount_minor", "currency", "time_zone", "capture_policy", "valid_hours"}
        )
        starts_at = self.starts_at.astimezone(UTC)
        client = {"student_id": self.client.subject, "name": self.client.name, "email": self.client.email}
        return {
            **kept,
            **client,
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(minutes=self.session_minutes),
        }


@router.post("", status_code=201, responses=documented(*_REFUSALS))
async def create_quotation(body: QuotationIn, caller: Expert, once: Idempotency, database: Db) -> Response:
    """Write a draft: nobody is told and nothing is held."""

    async def make(work: Work) -> tuple[int, dict[str, Any]]:
        return 201, _shown(await quoting.draft(work, caller.subject, body.columns()))

    return await once.answer(database, make)


@router.post("/{quotation_id}/send", responses=documented(*_REFUSALS, "state-conflict", "slot-taken"))
async def send_quotation(
    quotation_id: str, request: Request, caller: Expert, once: Idempotency, database: Db
) -> Response:
    """Hold the time, and tell the client how much is to be paid until when. Sending again changes nothing."""

    async def make(work: Work) -> tuple[int, dict[str, Any]]:
        quotation = await _own(work, quotation_id, caller, lock=True)
        return 200, _shown(await quoting.send(work, request.app.state.settings, quotation))

    return await once.answer(database, make)


@router.get("/{quotation_id}", responses=documented("unauthenticated", "not-found"))
async def show_quotation(quotation_id: str, caller: Caller, database: Db) -> dict[str, Any]:
    """For the expert, the client once it was sent, and staff."""
    async with database.transaction() as work:
        return _shown(await _own(work, quotation_id, caller))


async def _own(work: Work, quotation_id: str, caller: Principal, *, lock: bool = False) -> Row:
    found = await quotations.find(work, quotation_id, lock=lock)
    is_expert = found is not None and "expert" in caller.roles and found.expert_id == caller.subject
    is_client = found is not None and found.student_id == caller.subject and found.state != "DRAFT"
    if found is None or caller.is_guest or not (is_expert or is_client or (caller.is_staff and not lock)):
        raise Problem("not-found", "There is no such quotation for you.")
    return found


def _shown(row: Row) -> dict[str, Any]:
    return {
        "quotation_id": row.quotation_id,
        "status": row.state,
        "expert_id": row.expert_id,
        "client": {"subject": row.student_id, "name": row.name},
        "title": row.title,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "starts_at": instant(row.starts_at),
        "ends_at": instant(row.ends_at),
        "time_zone": row.time_zone,
        "capture_policy": row.capture_policy,
        "valid_hours": row.valid_hours,
        "booking_id": row.booking_id,
        "reference": row.reference,
        "pay_by": instant(row.expires_at) if row.state == "SENT" else None,
    }
