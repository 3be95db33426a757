"""The four services' /ops routes with made-up data, as the console's upstream in its own tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse

BOOKING = "0199a1f2-5a00-7d11-8e22-aa33bb44cc55"
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">\u202egnp.exe\x1b[31m'
_START = datetime(2026, 11, 20, 22, 3, 10, 120_000, tzinfo=UTC)
_STEPS = {
    "booking": ("booking.confirmations", "booking.progress"),
    "payment": ("payment.refunds",),
    "fulfillment": ("fulfillment.purchases", "fulfillment.assignments", "fulfillment.invoices"),
    "notification": ("notification.recipients", "notification.deliveries"),
}
_BEHIND = {"fulfillment.purchases": 1840, "notification.deliveries": 312, "fulfillment.assignments": 7}


def _at(milliseconds: float) -> str:
    return (_START + timedelta(milliseconds=milliseconds)).isoformat().replace("+00:00", "Z")


def _told(ms: float, kind: str, message: str, topic: str, offset: int) -> dict[str, Any]:
    return {
        "at": _at(ms),
        "what": "told",
        "type": kind,
        "message_id": message,
        "topic": topic,
        "partition": 4,
        "offset": offset,
        "published_at": _at(ms + 2),
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
        "first_failed_at": _at(-90_000),
        "dead_at": _at(-60_000 + number),
        "deadline_at": None,
        "topic": "booking.events.v1",
        "partition": 7,
        "offset": 4000 + number,
        "waiting_behind": number % 3,
        "amount_minor": 99900,
        "currency": "INR",
        **changes,
    }


class Fakes:
    """One application for all four services, below `/<service>`; `calls` keeps what was asked of them."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.calls: list[tuple[str, str, str, Any]] = []
        self.away: set[str] = set()
        self.refuse: dict[str, Any] | None = None
        self.replays_left = 2
        self.letters: dict[str, list[dict[str, Any]]] = {
            "fulfillment": [letter(number, "fulfillment.purchases") for number in range(1, 8)],
            "booking": [letter(9, "booking.progress", error_class="ValidationError", error_message=HOSTILE)],
            "payment": [],
            "notification": [],
        }
        self._reading()
        self._acting()

        @self.app.middleware("http")
        async def _watch(request: Request, call_next: Any) -> Any:
            service = request.url.path.split("/")[1]
            self.calls.append((request.method, request.url.path, request.headers.get("authorization", ""), None))
            if service in self.away:
                return JSONResponse({"title": "Something we need is away", "detail": "no broker"}, 503)
            return await call_next(request)

    def _reading(self) -> None:
        app = self.app

        @app.get("/{service}/ops/lag")
        async def lag(service: str) -> Any:
            return {"steps": [_lag(step) for step in _STEPS[service]]}

        @app.get("/{service}/ops/outbox")
        async def outbox(service: str) -> Any:
            oldest = [{"age_seconds": 0.31}] if service == "booking" else []
            return {"unpublished": len(oldest) * 3, "oldest": oldest}

        @app.get("/{service}/ops/tasks")
        async def tasks(service: str) -> Any:
            counts = [{"step": step, "state": "ready", "n": 3} for step in _STEPS[service][:1]]
            if service == "fulfillment":
                counts += [{"step": "fulfillment.purchases", "state": "dead", "n": 7}]
            if service == "payment":
                counts += [{"step": "payment.refunds", "state": "held", "n": 2}]
            return {"counts": counts, "tasks": [], "next_page_token": None}

        @app.get("/{service}/ops/dead-letters")
        async def dead_letters(
            service: str,
            step: str | None = None,
            error: str | None = None,
            booking_id: str | None = None,
            page_token: str = "0",
        ) -> Any:
            found = [
                item
                for item in self.letters[service]
                if (not step or item["step"] == step)
                and (not error or error in (item["error_class"], item["fingerprint"]))
                and (not booking_id or item["booking_id"] == booking_id)
                and int(item["id"]) > int(page_token)
            ]
            following = found[4]["id"] if len(found) > 5 else None
            return {
                "total": len(self.letters[service]),
                "dead_letters": found[:5] if following else found,
                "next_page_token": following,
            }

        @app.get("/{service}/ops/dead-letters/{identifier}")
        async def dead_letter(service: str, identifier: str) -> Any:
            found = [item for item in self.letters[service] if item["id"] == identifier]
            if not found:
                return JSONResponse({"title": "There is nothing here for you", "detail": "resolved"}, 404)
            return {**found[0], **_detail(found[0])}

        @app.get("/{service}/ops/timeline/{booking_id}")
        async def timeline(service: str, booking_id: str, request: Request) -> Any:
            return {"entries": _timeline(service, booking_id, request.query_params.getlist("message_id"))}

        @app.get("/{service}/metrics")
        async def metrics(service: str) -> Any:
            lines = ["# TYPE breaker_open gauge", f'breaker_open{{outside="razorpay"}} {float(service == "payment")}']
            if service == "booking":
                lines += [
                    *("# TYPE paid_not_fulfilled gauge", "paid_not_fulfilled 42.0"),
                    *("# TYPE paid_not_fulfilled_oldest_seconds gauge", "paid_not_fulfilled_oldest_seconds 75.5"),
                    "# TYPE paid_not_fulfilled_amount_minor gauge",
                    'paid_not_fulfilled_amount_minor{currency="INR"} 4.1958e+06',
                ]
            return PlainTextResponse("\n".join(lines) + "\n")

        @app.get("/booking/api/v1/bookings/{booking_id}")
        async def booking(booking_id: str) -> Any:
            if booking_id != BOOKING:
                return JSONResponse({"title": "There is nothing here for you"}, 404)
            return _booking()

    def _acting(self) -> None:
        @self.app.post("/{service}/ops/dead-letters/{identifier}/{verb}")
        async def act(service: str, identifier: str, verb: str, request: Request, dry_run: bool = False) -> Any:
            body = await request.json()
            self.calls.append((verb, f"{service}:{identifier}", "dry" if dry_run else "", body))
            if self.refuse is not None:
                return JSONResponse(self.refuse, 409)
            if dry_run:
                return {"id": identifier, "would": "fail", "error": "TrainerDirectoryAway", "why": HOSTILE}
            return {"id": identifier, "state": "ready", "episode": 1}

        @self.app.post("/{service}/ops/replays", status_code=201)
        async def begin(service: str, request: Request) -> Any:
            self.calls.append(("replays", service, "", await request.json()))
            return {"id": message(500), "state": "running", "count": len(self.letters[service])}

        @self.app.get("/{service}/ops/replays/{identifier}")
        async def progress(service: str, identifier: str) -> Any:
            self.replays_left -= 1
            done = self.replays_left < 0
            return {
                "id": identifier,
                "state": "done" if done else "running",
                "wave": 3,
                "reason": "the directory is back",
                "requested_by": "asha",
                "created_at": _at(0),
                "outcomes": {"succeeded": 7} if done else {"succeeded": 3, "sent": 2, "waiting": 2},
            }


def _lag(step: str) -> dict[str, Any]:
    behind = _BEHIND.get(step, 0)
    drain = behind / 210 if step == "fulfillment.purchases" else None if behind else 0.0
    return {
        "step": step,
        "messages": behind,
        "oldest_seconds": behind / 22,
        "rate_per_second": 210.4 if behind > 1000 else 0.0,
        "drain_seconds": drain,
    }


def _detail(item: dict[str, Any]) -> dict[str, Any]:
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
            {**attempt, "attempt": n, "episode": 0, "failed_at": _at(-90_000 + 1000 * 2**n)} for n in range(1, 5)
        ],
        "acts": [{"at": _at(-30_000), "actor": "ravi", "action": "replay", "reason": "the directory was restarted"}],
    }


def _timeline(service: str, booking_id: str, messages: list[str]) -> list[dict[str, Any]]:
    if booking_id != BOOKING:
        return []
    entries = list(TOLD.get(service, []))
    own = [entry["message_id"] for entry in entries]
    for ms, step, number in _TAKEN.get(service, []):
        if message(number) in (*messages, *own):
            entries.append(
                {
                    "at": _at(ms),
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
                "at": _at(2043),
                "what": "attempt failed",
                "step": "fulfillment.assignments",
                "message_id": message(4),
                "attempt": 1,
                "error_class": "SerializationFailure",
                "error_message": "could not serialize access",
            }
        )
    return entries


def _booking() -> dict[str, Any]:
    texts = ("your payment", "your place", "your course", "your trainer", "your invoice", "everything is ready")
    return {
        "booking_id": BOOKING,
        "reference": "BK-7Q2M4XKD",
        "status": "CONFIRMED",
        "payment_status": "captured",
        "amount_minor": 99900,
        "currency": "INR",
        "steps": [
            {"text": text, "done": n < 4, "awaited": n == 4, "at": _at(n * 20) if n < 4 else None}
            for n, text in enumerate(texts)
        ],
    }
