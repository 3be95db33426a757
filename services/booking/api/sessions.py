"""The expert's word on how a session went: it took place, or somebody did not come (S1-02)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from chassis.idempotency import Idempotency
from chassis.identity import Caller, Principal
from chassis.problems import Problem, documented
from chassis.serving import Db
from chassis.work import Row, Work
from services.booking.api.access import Part, locked
from services.booking.api.schemas import CompleteIn, NoShowIn
from services.booking.handlers.attendance import complete, contest
from services.booking.handlers.cancellations import cancel_by_seller

router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"])
_REFUSALS = ("not-found", "forbidden", "state-conflict", "unauthenticated")


def _lines(taken: Sequence[Row], booking_id: str, caller: Principal, part: Part, line_id: str | None) -> list[str]:
    """The session that is meant, or all of the booking that are the caller's: of an expert the own ones, else all."""
    mine = [slot.line_id for slot in taken if part != "expert" or slot.expert_id == caller.subject]
    chosen = [known for known in mine if line_id in (None, known)]
    if not chosen:
        raise Problem("not-found", "The booking has no such session of yours.", booking_id=booking_id)
    return chosen


@router.post("/{booking_id}/complete", responses=documented(*_REFUSALS))
async def complete_session(
    booking_id: str, body: CompleteIn, caller: Caller, once: Idempotency, database: Db
) -> Response:
    """It took place: money that is only authorized is captured now (C5). Saying so again changes nothing."""

    async def make(work: Work) -> tuple[int, dict[str, Any]]:
        booking, part, taken = await locked(work, booking_id, caller, "expert", "admin")
        lines = _lines(taken, booking_id, caller, part, body.line_id)
        return 200, await complete(work, booking, lines, "took_place", caller.subject)

    return await once.answer(database, make)


@router.post("/{booking_id}/no-show", responses=documented(*_REFUSALS))
async def report_no_show(booking_id: str, body: NoShowIn, caller: Caller, once: Idempotency, database: Db) -> Response:
    """The buyer did not come: the session counts as given. The expert did not: cancelled, all money goes back; the buyer
    who says so puts it before a person, who cancels or completes, and held money waits meanwhile (C5)."""

    async def make(work: Work) -> tuple[int, dict[str, Any]]:
        booking, part, taken = await locked(work, booking_id, caller, "buyer", "expert", "admin")
        lines = _lines(taken, booking_id, caller, part, body.line_id)
        if part == "buyer":
            if body.absent == "buyer":
                raise Problem("forbidden", "Cancel it, or move it.", booking_id=booking_id)
            return 200, await contest(work, booking, lines)
        if body.absent == "expert":
            return 200, await cancel_by_seller(work, booking, caller.subject, "the expert did not come")
        return 200, await complete(work, booking, lines, "buyer_absent", caller.subject)

    return await once.answer(database, make)
