"""Quotations: an expert offers one buyer a session at a price of its own; sent, it is a hold with a long deadline (S0-19)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.ids import uuid7
from chassis.problems import Problem
from chassis.work import Row, Work
from contracts.booking_events import QuotationSent
from services.booking.domain.offers import PARTNER_BPS, QUOTATION, Expert, Slot
from services.booking.domain.refund_policy import STANDARD
from services.booking.domain.sessions import HORIZON, NOTICE, session_wish
from services.booking.handlers.checkouts import opened, reference
from services.booking.handlers.extensions import unmade
from services.booking.settings import BookingSettings
from services.booking.storage import experts, holds, quotations, slots


async def draft(work: Work, expert_id: str, wanted: dict[str, Any]) -> Row:
    """Write what the expert wants to quote. Raises `not-found` for nobody's expert, `validation` for a time that is too near or far.

    `wanted` has the columns of `quotations` but for the ids. The expert decides about the own hours, so any time goes.
    """
    if await experts.find(work, expert_id) is None:
        raise Problem("not-found", "There is no such expert.")
    quotation_id = str(uuid7())
    await quotations.create(work, {**wanted, "quotation_id": quotation_id, "expert_id": expert_id})
    made = await quotations.find(work, quotation_id)
    assert made is not None
    _refuse_unless_ahead(made)
    return made


async def send(work: Work, settings: BookingSettings, quotation: Row) -> Row:
    """Hold the time for the buyer and tell them; sending the same again changes nothing.

    The locked `quotation` may be sent anew once it has expired. Raises `state-conflict` when it was paid or withdrawn,
    `slot-taken` when the expert's time is somebody else's.
    """
    if quotation.state == "SENT":
        return quotation
    if quotation.state in ("PAID", "WITHDRAWN"):
        raise Problem("state-conflict", f"It is {quotation.state.lower()}.", booking_id=quotation.booking_id)
    _refuse_unless_ahead(quotation)
    expert = experts.expert_of(await experts.find(work, quotation.expert_id))
    assert expert is not None
    booking_id, line_id = str(uuid7()), str(uuid7())
    slot = Slot(line_id, expert.expert_id, quotation.starts_at, quotation.ends_at)
    if not await slots.claim(work, booking_id, [slot]):
        raise Problem("slot-taken", "You have something else at this time; quote another one.")
    pay_by = min(quotation.at + timedelta(hours=quotation.valid_hours), quotation.starts_at - NOTICE)
    hold = _hold(quotation, expert, booking_id, slot)
    await holds.create(work, hold, int((pay_by - quotation.at).total_seconds()))
    await quotations.mark_sent(work, quotation.quotation_id, booking_id)
    made = await holds.find(work, booking_id)
    work.tell(opened(settings, made, seller_id=expert.expert_id))
    work.tell(_sent(quotation, expert, made))
    sent = await quotations.find(work, quotation.quotation_id)
    assert sent is not None
    return sent


def _hold(quotation: Row, expert: Expert, booking_id: str, slot: Slot) -> dict[str, Any]:
    line = {
        "line_id": slot.line_id,
        "offer_id": f"quotation-{quotation.quotation_id}",
        "kind": QUOTATION,
        "title": quotation.title,
        "quantity": 1,
        "unit_minor": quotation.amount_minor,
        "total_minor": quotation.amount_minor,
        "session": session_wish(expert, slot, quotation.time_zone),
        "answers": {},
        "partner_id": expert.expert_id,
        "partner_bps": PARTNER_BPS,
    }
    return {
        "booking_id": booking_id,
        "reference": reference(),
        "cart_id": quotation.quotation_id,
        "buyer": {"student_id": quotation.student_id, "name": quotation.name, "email": quotation.email},
        "lines": [line],
        "places": {},
        "amount_minor": quotation.amount_minor,
        "currency": quotation.currency,
        "capture_policy": quotation.capture_policy,
        "refund_policy": STANDARD,
        "service_ends_at": slot.ends_at,
    }


def _sent(quotation: Row, expert: Expert, hold: Any) -> QuotationSent:
    return QuotationSent(
        booking_id=hold.booking_id,
        quotation_id=quotation.quotation_id,
        expert_name=expert.name,
        amount_minor=hold.amount_minor,
        currency=hold.currency,
        starts_at=quotation.starts_at,
        ends_at=quotation.ends_at,
        pay_by=hold.expires_at,
        sent_at=datetime.now(UTC),
        unmade=unmade(hold),
    )


def _refuse_unless_ahead(quotation: Row) -> None:
    """Time to pay and to come has to be left, and nobody quotes for the year after next."""
    if not quotation.at + 2 * NOTICE <= quotation.starts_at <= quotation.at + HORIZON:
        hours = 2 * NOTICE // timedelta(hours=1)
        where = [
            {"pointer": "/starts_at", "in": "body", "detail": f"{hours} hours to {HORIZON.days} days ahead, no other"}
        ]
        raise Problem("validation", "Choose another time.", errors=where)
