"""A made-up expert in the made-up booking: free times, a session that is bought, moved and cancelled."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import httpx2
from fastapi import Request

from storefront.tests.conftest import Buyer, Fakes

OFFER, PAGE = "ofr-session-strategy", "/experts/exp-maya"
FREE = ("2099-01-05T03:30:00Z", "2099-01-05T04:30:00Z", "2099-01-06T20:00:00Z")
BOUGHT = "2099-01-05T03:30:00Z"
ROOM = "https://rooms.example.com/maya"


class Consulting:
    """The expert; `asked` keeps the queries for free times."""

    def __init__(self, fakes: Fakes) -> None:
        self.fakes, self.free, self.asked = fakes, list(FREE), list[dict[str, str]]()
        self.quoted = {"refund_minor": 40000, "kept_minor": 40000, "expires_at": "2099-01-04T10:10:00Z"}
        self.name = "Maya <i>Iyer"
        fakes.more_offers.append(self._listed())
        fakes.line_of = self._line
        self._routes()

    def _listed(self) -> dict[str, Any]:
        tiers = [{"tier": 1, "amount_minor": 80000, "currency": "USD"}]
        told = {
            "title": "Strategy",
            "description": "By video.",
            "tiers": tiers,
            "currency": "USD",
            "session_minutes": 60,
        }
        return {"offer_id": OFFER, "kind": "session", "expert_id": "exp-maya", "seats_left": None, **told}

    def _line(self, wish: dict[str, Any]) -> dict[str, Any]:
        session = {"expert_id": "exp-maya", "expert_name": self.name, "starts_at": wish["starts_at"]}
        session["time_zone"] = wish["time_zone"]
        named = {"line_id": "line-1", "offer_id": OFFER, "kind": "session", "title": "Strategy"}
        return {**named, "total_minor": 80000, "session": session}

    def sold(self, status: str = "CONFIRMED", payment_status: str = "authorized") -> None:
        """Let the booking be of a session at `BOUGHT`, in the buyer's zone Asia/Kolkata."""
        line = self._line({"starts_at": BOUGHT, "time_zone": "Asia/Kolkata"})
        line["session"] |= {"ends_at": "2099-01-05T04:30:00Z", "state": "claimed", "outcome": None}
        money = {"amount_minor": 80000, "currency": "USD"}
        self.fakes.booking.update(
            status=status, payment_status=payment_status, lines=[line], meeting=None, charge_at=None, **money
        )

    def meet(self, address: str = ROOM) -> None:
        """Let the meeting be ready."""
        self.fakes.booking["meeting"] = {"provider": "standing_room", "join_url": address, "starts_at": BOUGHT}

    def _routes(self) -> None:
        app = self.fakes.app

        @app.get("/booking/api/v1/experts/{expert_id}")
        async def expert() -> Any:
            offer = {"offer_id": OFFER, "title": "Strategy", "session_minutes": 60, "amount_minor": 80000}
            offer |= {"currency": "USD", "capture_policy": "after_service"}
            skills = ["strategy", "pricing", "fundraising", "hiring", "operations"]
            told = {"expert_id": "exp-maya", "name": self.name, "bio": "Twenty years.", "time_zone": "Asia/Kolkata"}
            return {**told, "skills": skills, "offers": [offer]}

        @app.get("/booking/api/v1/experts/{expert_id}/slots")
        async def slots(request: Request) -> Any:
            self.asked.append(dict(request.query_params))
            return {"slots": [{"starts_at": start} for start in self.free]}

        @app.post("/booking/api/v1/bookings/{booking_id}/reschedule")
        async def reschedule(request: Request) -> Any:
            return {"starts_at": (await request.json())["starts_at"]}

        @app.post("/booking/api/v1/bookings/{booking_id}/refund-quote")
        async def refund_quote() -> Any:
            line = {"title": "Strategy", "paid_minor": 80000, "refund_minor": self.quoted["refund_minor"]}
            line["kept_minor"] = self.quoted["kept_minor"]
            return {"quote_id": "quote-1", "lines": [line], "currency": "USD", **self.quoted}

        @app.post("/booking/api/v1/bookings/{booking_id}/cancel")
        async def cancel() -> Any:
            kept = {name: self.quoted[name] for name in ("refund_minor", "kept_minor")}
            return {"status": "CANCELLED", "currency": "USD", **kept}

        @app.post("/booking/api/v1/sessions/{booking_id}/no-show")
        async def no_show(request: Request) -> Any:
            return {"booking_id": "bk-1", "lines": [{"line_id": "line-1", "outcome": "contested"}]}


async def choose(buyer: Buyer, **changes: str) -> httpx2.Response:
    """Send the form of the expert's page."""
    fields = {"key": "key-of-the-form", "offer": OFFER, "starts_at": FREE[1], "time_zone": "Europe/Berlin"}
    return await buyer.send(PAGE, {**fields, "question": "Two founders, one chair.", **changes})


async def bought(buyer: Buyer) -> None:
    """A session is checked out by this browser."""
    await choose(buyer)
    await buyer.send("/checkout", {"key": "key-2", "name": "Asha Rao", "email": "asha@example.com", "phone": ""})


def query(**wished: str) -> str:
    """The address of the expert's page with `wished` (`start` stands for `from`)."""
    return f"{PAGE}?{urlencode({name.replace('start', 'from'): value for name, value in wished.items()})}"
