"""How rows look outside: offers, carts and the buyer's page of a booking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from chassis.clock import rfc3339
from services.booking.domain.offers import COURSE, QUOTATION, SESSION, Priced, shown

_BEGINNING = (("payment.secured", "your payment"), ("booking.confirmed", "your place"))
_OF_A_KIND = {
    COURSE: (("purchase.recorded", "your course"), ("trainer.assigned", "your trainer")),
    SESSION: (("meeting.ready", "your meeting"),),
    QUOTATION: (("meeting.ready", "your meeting"),),
}
_END = (("invoice.issued", "your invoice"), ("fulfillment.completed", "everything is ready"))
_PROOFS = {
    "purchase.recorded": ("allocation.pending", "invoice.issued", "fulfillment.completed"),
    "trainer.assigned": ("fulfillment.completed",),
    "meeting.ready": ("fulfillment.completed",),
}
_NEEDED = {COURSE: ["tier", "time_slot", "schedule"], SESSION: ["starts_at", "time_zone"]}
_UNPAID = {"payment.method_saved": "method_saved", "payment.failed": "failed", "payment.expired": "expired"}


def instant(value: datetime | None) -> str | None:
    """RFC 3339 with Z."""
    return None if value is None else rfc3339(value)


def needed(kind: str) -> list[str]:
    """The fields that a line of such an offer needs."""
    return _NEEDED[kind]


def offer(row: Any) -> dict[str, Any]:
    """An offer in the catalogue; prices by tier, the number of sessions."""
    prices = orjson.loads(row.prices)
    return {
        "offer_id": row.offer_id,
        "kind": row.kind,
        "title": row.title,
        "description": row.description,
        "course_id": row.course_id,
        "specialty": row.specialty,
        "tiers": [
            {"tier": int(tier), "amount_minor": minor, "currency": row.currency}
            for tier, minor in sorted(prices.items())
        ],
        "currency": row.currency,
        "capture_policy": row.capture_policy,
        "refund_policy": orjson.loads(row.refund_policy),
        "session_minutes": row.session_minutes,
        "seats_left": None if row.seats is None else row.seats - row.seats_taken,
        "expert_id": row.expert_id,
        "needed": needed(row.kind),
    }


def cart(row: Any, priced: Priced) -> dict[str, Any]:
    """A cart, priced, with what is wrong with it."""
    return {
        "cart_id": row.cart_id,
        "status": row.state,
        "booking_id": row.booking_id,
        "lines": [shown(line) for line in priced.lines],
        "amount_minor": priced.amount_minor,
        "currency": priced.currency,
        "problems": list(priced.problems),
    }


def booking(hold: Any, milestones: list[dict[str, Any]], slots: Sequence[Any]) -> dict[str, Any]:
    """The buyer's page: where things stand, what is awaited, until when. Sessions have the time that they have now."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for milestone in milestones:
        by_name.setdefault(milestone["name"], []).append(milestone)
    confirmed = hold.booking_state is not None
    payment_status = _payment_status(hold, by_name)
    return {
        "booking_id": hold.booking_id,
        "reference": hold.reference,
        "status": _status(hold),
        "payment_status": payment_status,
        "charge_at": _charge_at(payment_status, by_name),
        "amount_minor": hold.amount_minor,
        "currency": hold.currency,
        "expires_at": instant(hold.expires_at) if not confirmed else None,
        "lines": _lines(hold, slots),
        "orders": [],
        "invoices": [_invoice(item["detail"]) for item in by_name.get("invoice.issued", [])],
        "meeting": _meeting(by_name, slots),
        "allocation": _allocation(by_name),
        "refunds": [_refund(item) for item in by_name.get("refund.succeeded", [])],
        "cancellation": _cancellation(hold),
        "steps": _steps(hold, by_name, confirmed=confirmed),
        "next_deadline": instant(hold.expires_at) if _status(hold) == "PENDING" else None,
    }


def _status(hold: Any) -> str:
    if hold.booking_state is not None:
        return str(hold.booking_state).upper()
    if hold.state == "held" and hold.expires_at <= hold.at:
        return "EXPIRED"
    return {"held": "PENDING", "expired": "EXPIRED", "released": "CANCELLED", "converted": "CONFIRMED"}[hold.state]


def _payment_status(hold: Any, by_name: dict[str, list[dict[str, Any]]]) -> str:
    refunds = by_name.get("refund.succeeded", [])
    if any(not item["detail"].get("released") for item in refunds):
        return "refunded"
    if "payment.captured" in by_name:
        return "captured"
    if refunds:
        return "voided"
    return _unpaid_status(by_name) if hold.secured_as is None else str(hold.secured_as)


def _unpaid_status(by_name: dict[str, list[dict[str, Any]]]) -> str:
    """Where it stands without money: what was said last of each payment, the hopeful first. Somebody who left one gateway
    and saved a card at another is waiting for the charge, though the first payment has expired."""
    said = [(item["at"], status, item) for name, status in _UNPAID.items() for item in by_name.get(name, ())]
    newest = {item["detail"].get("payment_id"): status for _, status, item in sorted(said, key=lambda row: row[0])}
    saved = "payment.method_saved" in by_name
    order = ("method_saved", "failed", "expired") if saved else ("expired", "failed")
    return next((status for status in order if status in newest.values()), "pending")


def _charge_at(payment_status: str, by_name: dict[str, list[dict[str, Any]]]) -> str | None:
    """When the saved method is charged, as long as that is what is awaited."""
    if payment_status != "method_saved":
        return None
    return instant(datetime.fromisoformat(by_name["payment.method_saved"][-1]["detail"]["charge_at"]))


def _steps(hold: Any, by_name: dict[str, list[dict[str, Any]]], *, confirmed: bool) -> list[dict[str, Any]]:
    """Done and awaited. A later step proves the ones before it, so not every event has to reach booking."""
    instants = {name: items[-1]["at"] for name, items in by_name.items()}
    if confirmed:
        instants |= {"payment.secured": hold.confirmed_at, "booking.confirmed": hold.confirmed_at}
    for name, later in _PROOFS.items():
        proven = [instants[proof] for proof in later if proof in instants]
        if proven:
            instants[name] = min(proven)
    steps = []
    awaited = True
    kinds = dict.fromkeys(line["kind"] for line in orjson.loads(hold.lines))
    for name, text in (*_BEGINNING, *(step for kind in kinds for step in _OF_A_KIND[kind]), *_END):
        at = instants.get(name)
        steps.append(
            {"name": name, "text": text, "done": at is not None, "at": instant(at), "awaited": at is None and awaited}
        )
        awaited = awaited and at is not None
    return steps


def _lines(hold: Any, slots: Sequence[Any]) -> list[dict[str, Any]]:
    times = {slot.line_id: slot for slot in slots}
    lines = [shown(line) for line in orjson.loads(hold.lines)]
    for line in lines:
        if (slot := times.get(line["line_id"])) is not None:
            line["session"] |= {
                "starts_at": instant(slot.starts_at),
                "ends_at": instant(slot.ends_at),
                "state": slot.state,
                "outcome": slot.outcome,
            }
    return lines


def _meeting(by_name: dict[str, list[dict[str, Any]]], slots: Sequence[Any]) -> dict[str, Any] | None:
    """The meeting that comes next, only once it is paid and made (S0-03); it moves with its session, and goes with it."""
    standing = [slot for slot in slots if slot.state != "freed"]
    if "meeting.ready" not in by_name or not standing:
        return None
    detail = by_name["meeting.ready"][-1]["detail"]
    slot = next((slot for slot in standing if slot.state == "claimed"), standing[-1])
    times = {"starts_at": instant(slot.starts_at), "ends_at": instant(slot.ends_at)}
    return {"provider": detail["provider"], "join_url": detail["join_url"], **times}


def _cancellation(hold: Any) -> dict[str, Any] | None:
    """What the policy gives back of a booking that was cancelled, and what it keeps."""
    if hold.owed_minor is None:
        return None
    kept_minor = hold.amount_minor - hold.owed_minor
    return {"refund_minor": hold.owed_minor, "kept_minor": kept_minor, "currency": hold.currency}


def _allocation(by_name: dict[str, list[dict[str, Any]]]) -> dict[str, Any] | None:
    """Who gives the course; a session's expert is no allocation."""
    completed = by_name.get("fulfillment.completed", [{"detail": {"lines": []}}])[-1]["detail"]["lines"]
    if courses := [line for line in completed if line.get("join_url") is None]:
        line = courses[0]
        kept = ("trainer_id", "trainer_name", "sessions_total", "first_session_at")
        return {"status": "approved", **{key: line[key] for key in kept}}
    if "allocation.pending" in by_name:
        detail = by_name["allocation.pending"][-1]["detail"]
        return {"status": "pending", "allocation_id": detail["allocation_id"], "reason": detail["reason"]}
    return None


def _invoice(detail: dict[str, Any]) -> dict[str, Any]:
    return {key: detail[key] for key in ("invoice_id", "invoice_number", "total_minor", "currency", "issued_at")}


def _refund(milestone: dict[str, Any]) -> dict[str, Any]:
    detail = milestone["detail"]
    kept = ("refund_id", "amount_minor", "currency", "reason", "refunded_at")
    return {**{key: detail[key] for key in kept}, "released": detail.get("released", False)}
