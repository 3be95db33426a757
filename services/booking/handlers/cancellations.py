"""Cancelling: a signed quote says what goes back, and cancelling with it executes exactly that (S1-33, S1-34)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import orjson

from chassis.clock import rfc3339
from chassis.machine import Ignore, Move
from chassis.problems import Problem
from chassis.work import Row, Work
from contracts.booking_events import BookingCancelled, HoldExpired, RefundDue
from services.booking.domain.courses import first_session_at
from services.booking.domain.refund_policy import RefundPolicy, quoted_lines
from services.booking.domain.states import BookingState, BookingTrigger, HoldState, HoldTrigger, SlotState
from services.booking.domain.transitions import BOOKING, HOLD
from services.booking.settings import BookingSettings
from services.booking.storage import bookings, offers, slots

QUOTE_VALID = timedelta(minutes=10)
_AUDIENCE = "refund-quote"


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Why a booking ends and what goes back. `reason` is told; `own_words` are the person's and stay in our own trail."""

    trigger: BookingTrigger
    refund_minor: int
    actor: str
    reason: str
    refund_key: str = "cancelled"
    own_words: str = ""
    causation: UUID | None = None


def quote(settings: BookingSettings, booking: Row, taken: Sequence[Row]) -> dict[str, Any]:
    """What cancelling the locked `booking` now gives back, line by line, minor units; `quote_id` is the signed breakdown.

    Raises `state-conflict` for one that can't be cancelled any more.
    """
    _refuse_unless_cancellable(booking, BookingTrigger.CANCELLED_BY_BUYER)
    percent = refund_percent(booking, taken)
    over = {slot.line_id for slot in taken if slot.state == SlotState.ENDED}
    lines = [
        *quoted_lines([line for line in orjson.loads(booking.lines) if line["line_id"] not in over], percent),
        *quoted_lines([line for line in orjson.loads(booking.lines) if line["line_id"] in over], 0),
    ]
    refund_minor = sum(line["refund_minor"] for line in lines)
    expires_at = booking.at + QUOTE_VALID
    claims = {
        "aud": _AUDIENCE,
        "booking_id": booking.booking_id,
        "basis": _basis(booking, taken),
        "refund_minor": refund_minor,
        "exp": expires_at,
    }
    return {
        "quote_id": jwt.encode(claims, settings.token_secret.get_secret_value(), algorithm="HS256"),
        "booking_id": booking.booking_id,
        "percent": percent,
        "lines": lines,
        "refund_minor": refund_minor,
        "kept_minor": booking.amount_minor - refund_minor,
        "currency": booking.currency,
        "expires_at": rfc3339(expires_at),
    }


def refund_percent(booking: Row, taken: Sequence[Row]) -> int:
    """What part of the money goes back when it is cancelled now: by its next beginning, and by how it was moved before."""
    starts_at = _next_beginning(booking, taken)
    policy = RefundPolicy(**orjson.loads(booking.refund_policy))
    return int(min(policy.percent(starts_at, booking.at), booking.refund_percent_cap))


async def cancel_by_buyer(
    work: Work, settings: BookingSettings, booking: Row, quote_id: str | None, actor: str, own_words: str
) -> dict[str, Any]:
    """Cancel the locked `booking` as its quote says; a checkout that is not paid yet needs no quote.

    Raises `validation` for a missing, foreign or ended quote, `version-conflict` when the booking changed since,
    `state-conflict` when nothing can be cancelled.
    """
    if booking.state is None:
        return await _give_up_hold(work, booking, actor, own_words)
    trigger = BookingTrigger.CANCELLED_BY_BUYER
    _refuse_unless_cancellable(booking, trigger)
    claims = _read(settings, booking, quote_id)
    if claims["basis"] != _basis(booking, await slots.of_booking(work, booking.booking_id)):
        raise Problem("version-conflict", "The booking changed since the quote; ask for a new one.")
    told = "cancelled by the buyer"
    return await cancel(work, booking, Cancellation(trigger, claims["refund_minor"], actor, told, own_words=own_words))


async def cancel_by_seller(work: Work, booking: Row, actor: str, reason: str, own_words: str = "") -> dict[str, Any]:
    """Cancel the locked `booking` in the expert's or our own name: all money goes back. Raises `state-conflict`."""
    if booking.state is None:
        return await _give_up_hold(work, booking, actor, own_words)
    trigger = BookingTrigger.CANCELLED_BY_SELLER
    _refuse_unless_cancellable(booking, trigger)
    return await cancel(work, booking, Cancellation(trigger, booking.amount_minor, actor, reason, own_words=own_words))


async def cancel(work: Work, booking: Row, why: Cancellation) -> dict[str, Any]:
    """Move the locked booking, give its places and slots back, and tell what is owed. Returns the route's answer.

    The caller has asked the table: a booking that does not move is a fault in the code.
    """
    moved = BOOKING.decide(BookingState(booking.state), why.trigger)
    assert isinstance(moved, Move)
    await bookings.move(
        work, booking, moved.to, why.trigger, why.actor, owed_minor=why.refund_minor, reason=why.own_words
    )
    await _release(work, booking, why.actor)
    if why.refund_minor:
        work.tell(
            RefundDue(
                booking_id=booking.booking_id,
                payment_id=booking.payment_id,
                refund_key=why.refund_key,
                amount_minor=why.refund_minor,
                currency=booking.currency,
                reason=why.reason,
            ),
            causation=why.causation,
        )
    work.tell(
        BookingCancelled(
            booking_id=booking.booking_id,
            reference=booking.reference,
            reason=why.reason,
            cancelled_at=datetime.now(UTC),
            refund_minor=why.refund_minor,
            currency=booking.currency,
        ),
        causation=why.causation,
    )
    return _cancelled(booking, why.refund_minor, booking.amount_minor - why.refund_minor)


def _cancelled(booking: Row, refund_minor: int, kept_minor: int) -> dict[str, Any]:
    return {
        "booking_id": booking.booking_id,
        "status": "CANCELLED",
        "refund_minor": refund_minor,
        "kept_minor": kept_minor,
        "currency": booking.currency,
    }


async def _give_up_hold(work: Work, booking: Row, actor: str, own_words: str) -> dict[str, Any]:
    """An unpaid checkout ends: its places are free, and nobody is charged for them."""
    decision = HOLD.decide(HoldState(booking.hold_state), HoldTrigger.CANCELLED)
    if isinstance(decision, Ignore):
        raise Problem("state-conflict", f"There is nothing to cancel: {decision.reason}.")
    await _release(work, booking, actor, own_words)
    now = datetime.now(UTC)
    work.tell(HoldExpired(booking_id=booking.booking_id, expired_at=now))
    if booking.is_saved:  # their card was saved and they were told so: they are told of this too
        ended = {"booking_id": booking.booking_id, "reference": booking.reference, "cancelled_at": now}
        work.tell(BookingCancelled(**ended, reason="cancelled before the card was charged"))
    return _cancelled(booking, 0, 0)


async def _release(work: Work, booking: Row, actor: str, own_words: str = "") -> None:
    """The locked hold ends; its places and slots are free for others."""
    await bookings.release(work, booking, actor, own_words)
    await offers.give_places_back(work, orjson.loads(booking.places))
    await slots.free_many(work, [booking.booking_id])


def _refuse_unless_cancellable(booking: Row, trigger: BookingTrigger) -> None:
    if booking.state is None:
        raise Problem("state-conflict", "It is not paid yet: cancel without a quote, nothing was charged.")
    decision = BOOKING.decide(BookingState(booking.state), trigger)
    if not isinstance(decision, Move):
        raise Problem("state-conflict", f"It can't be cancelled: {decision.reason}.", booking_id=booking.booking_id)


def _read(settings: BookingSettings, booking: Row, quote_id: str | None) -> dict[str, Any]:
    where = [{"pointer": "/quote_id", "in": "body", "detail": "not a quote for this booking, or it has ended"}]
    try:
        claims: dict[str, Any] = jwt.decode(
            quote_id or "", settings.token_secret.get_secret_value(), algorithms=["HS256"], audience=_AUDIENCE
        )
    except jwt.InvalidTokenError as error:
        raise Problem("validation", "Ask for a refund quote and cancel with its quote_id.", errors=where) from error
    if claims["booking_id"] != booking.booking_id:
        raise Problem("validation", "Ask for a refund quote of this booking.", errors=where)
    return claims


def _next_beginning(booking: Row, taken: Sequence[Row]) -> datetime:
    """When the first thing of the booking begins that was not given yet."""
    lines = orjson.loads(booking.lines)
    sessions: list[datetime] = [slot.starts_at for slot in taken if slot.state == SlotState.CLAIMED]
    beginnings = sessions + [first_session_at(line["course"]) for line in lines if line.get("course")]
    return min(beginnings, default=booking.at)


def _basis(booking: Row, taken: Sequence[Row]) -> str:
    """What a quote rests on: it is void once a session was moved or given."""
    rests_on = [(slot.line_id, slot.state, slot.starts_at.isoformat()) for slot in taken]
    return hashlib.sha256(orjson.dumps([booking.state, booking.refund_percent_cap, rests_on])).hexdigest()[:16]
