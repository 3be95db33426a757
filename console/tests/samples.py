"""Made-up lag, dead letters and journeys, in the shapes of the services' /ops routes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

BOOKING = "0199a1f2-5a00-7d11-8e22-aa33bb44cc55"
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">\u202egnp.exe\x1b[31m'
_START = datetime(2026, 11, 20, 22, 3, 10, 120_000, tzinfo=UTC)
STEPS = {
    "booking": ("booking.confirmations", "booking.progress"),
    "payment": ("payment.refunds",),
    "fulfillment": ("fulfillment.purchases", "fulfillment.assignments", "fulfillment.invoices"),
    "notification": ("notification.recipients", "notification.deliveries"),
}
_BEHIND = {"fulfillment.purchases": 1840, "notification.deliveries": 312, "fulfillment.assignments": 7}


def at(milliseconds: float) -> str:
    return (_START + timedelta(milliseconds=milliseconds)).isoformat().replace("+00:00", "Z")


def _told(ms: float, kind: str, message: str, topic: str, offset: int) -> dict[str, Any]:
    return {
        "at": at(ms),
        "what": "told",
        "type": kind,
        "message_id": message,
        "topic": topic,
        "partition": 4,
        "offset": offset,
        "published_at": at(ms + 2),
    }


def message(number: int) -> str:
    """A message id."""
    return f"0199a1f2-6c1b-7c3a-9f43-{number:012d}"


TOLD: dict[str, list[dict[str, Any]]] = {
    "payment": [
        _told(0, "payment.secured", message(1), "payment.events.v1", 812),
        _told(0, "payment.captured", message(2), "payment.events.v1", 813),
    ],
    "booking": [_told(11, "booking.confirmed", message(3), "booking.events.v1", 455)],
    "fulfillment": [
        _told(38, "purchase.recorded", message(4), "fulfillment.events.v1", 1207),
        _told(6050, "trainer.assigned", message(5), "fulfillment.events.v1", 1208),
        _told(6090, "invoice.issued", message(6), "fulfillment.events.v1", 1209),
        _told(6093, "fulfillment.completed", message(7), "fulfillment.events.v1", 1210),
    ],
}
_TAKEN = {
    "booking": [(10, "booking.confirmations", 1), (6110, "booking.progress", 7), (12, "booking.progress", 2)],
    "fulfillment": [
        (30, "fulfillment.purchases", 3),
        (6049, "fulfillment.assignments", 4),
        (6088, "fulfillment.invoices", 5),
    ],
    "notification": [
        (33, "notification.recipients", 3),
        (34, "notification.deliveries", 1),
        (6120, "notification.deliveries", 7),
    ],
}


def letter(number: int, step: str, **changes: Any) -> dict[str, Any]:
    """A dead letter in a list."""
    return {
        "id": str(number),
        "step": step,
        "message_id": message(100 + number),
        "booking_id": f"0199a1f2-5a00-7d11-8e22-{number:012d}",
        "type": "booking.confirmed",
        "disposition": "EXHAUSTED",
        "attempts": 4,
        "episode": 0,
        "error_class": "TrainerDirectoryAway",
        "error_message": "the directory did not answer within 2 s while looking for mathematics at 18:00",
        "fingerprint": "9f1c2ab34d",
        "first_failed_at": at(-90_000),
        "dead_at": at(-60_000 + number),
        "deadline_at": None,
        "topic": "booking.events.v1",
        "partition": 7,
        "offset": 4000 + number,
        "waiting_behind": number % 3,
        "amount_minor": 99900,
        "currency": "INR",
        **changes,
    }


def lag(step: str) -> dict[str, Any]:
    behind = _BEHIND.get(step, 0)
    drain = behind / 210 if step == "fulfillment.purchases" else None if behind else 0.0
    return {
        "step": step,
        "messages": behind,
        "oldest_seconds": behind / 22,
        "rate_per_second": 210.4 if behind > 1000 else 0.0,
        "drain_seconds": drain,
    }


def detail(item: dict[str, Any]) -> dict[str, Any]:
    payload = {
        "booking_id": item["booking_id"],
        "reference": "BK-7Q2M4XKD",
        "buyer": {"student_id": "guest-1", "name": HOSTILE, "email": "asha@example.com", "phone": "+919800000001"},
        "lines": [{"offer_id": "ofr-course-mathematics", "title": "Mathematics, one to one", "total_minor": 99900}],
        "amount_minor": 99900,
        "currency": "INR",
    }
    attempt = {name: item[name] for name in ("error_class", "error_message", "fingerprint")}
    return {
        "state": "dead",
        "key": item["booking_id"],
        "payload": payload,
        "headers": {"ce_type": item["type"], "traceparent": "00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01"},
        "attempt_log": [
            {**attempt, "attempt": n, "episode": 0, "failed_at": at(-90_000 + 1000 * 2**n)} for n in range(1, 5)
        ],
        "acts": [{"at": at(-30_000), "actor": "ravi", "action": "replay", "reason": "the directory was restarted"}],
    }


def timeline(service: str, booking_id: str, messages: list[str]) -> list[dict[str, Any]]:
    if booking_id != BOOKING:
        return []
    entries = list(TOLD.get(service, []))
    own = [entry["message_id"] for entry in entries]
    for ms, step, number in _TAKEN.get(service, []):
        if message(number) in (*messages, *own):
            entries.append(
                {
                    "at": at(ms),
                    "what": "taken",
                    "step": step,
                    "message_id": message(number),
                    "topic": "payment.events.v1",
                    "partition": 4,
                    "offset": 800 + number,
                }
            )
    if service == "fulfillment" and message(4) in own:
        entries.append(
            {
                "at": at(2043),
                "what": "attempt failed",
                "step": "fulfillment.assignments",
                "message_id": message(4),
                "attempt": 1,
                "error_class": "SerializationFailure",
                "error_message": "could not serialize access",
            }
        )
    return entries


def booking() -> dict[str, Any]:
    texts = ("your payment", "your place", "your course", "your trainer", "your invoice", "everything is ready")
    return {
        "booking_id": BOOKING,
        "reference": "BK-7Q2M4XKD",
        "status": "CONFIRMED",
        "payment_status": "captured",
        "amount_minor": 99900,
        "currency": "INR",
        "steps": [
            {"text": text, "done": n < 4, "awaited": n == 4, "at": at(n * 20) if n < 4 else None}
            for n, text in enumerate(texts)
        ],
    }
