"""The four services' /ops routes with made-up data, as the console's upstream in its own tests."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse

from console.tests import samples
from console.tests.money import money_routes
from console.tests.samples import BOOKING, HOSTILE, letter, message

__all__ = ["BOOKING", "HOSTILE", "Fakes", "message"]


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
        self._numbers()
        self._letters()
        self._journeys()
        self._acting()
        money_routes(self)

        @self.app.middleware("http")
        async def _watch(request: Request, call_next: Any) -> Any:
            service = request.url.path.split("/")[1]
            self.calls.append((request.method, request.url.path, request.headers.get("authorization", ""), None))
            if service in self.away:
                return JSONResponse({"title": "Something we need is away", "detail": "no broker"}, 503)
            return await call_next(request)

    def _numbers(self) -> None:
        app = self.app

        @app.get("/{service}/ops/lag")
        async def lag(service: str) -> Any:
            return {"steps": [samples.lag(step) for step in samples.STEPS[service]]}

        @app.get("/{service}/ops/outbox")
        async def outbox(service: str) -> Any:
            oldest = [{"age_seconds": 0.31}] if service == "booking" else []
            return {"unpublished": len(oldest) * 3, "oldest": oldest}

        @app.get("/{service}/ops/tasks")
        async def tasks(service: str) -> Any:
            counts = [{"step": step, "state": "ready", "n": 3} for step in samples.STEPS[service][:1]]
            if service == "fulfillment":
                counts += [{"step": "fulfillment.purchases", "state": "dead", "n": 7}]
            if service == "payment":
                counts += [{"step": "payment.refunds", "state": "held", "n": 2}]
            return {"counts": counts, "tasks": [], "next_page_token": None}

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

    def _letters(self) -> None:
        app = self.app

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
            return {**found[0], **samples.detail(found[0])}

    def _journeys(self) -> None:
        app = self.app

        @app.get("/{service}/ops/timeline/{booking_id}")
        async def timeline(service: str, booking_id: str, request: Request) -> Any:
            return {"entries": samples.timeline(service, booking_id, request.query_params.getlist("message_id"))}

        @app.get("/booking/api/v1/bookings/{booking_id}")
        async def booking(booking_id: str) -> Any:
            if booking_id != BOOKING:
                return JSONResponse({"title": "There is nothing here for you"}, 404)
            return samples.booking()

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
                "created_at": samples.at(0),
                "outcomes": {"succeeded": 7} if done else {"succeeded": 3, "sent": 2, "waiting": 2},
            }
