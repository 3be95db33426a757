"""Consultations in tests: an expert's next times, booked and paid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import orjson

from chassis.identity import issue_account_token
from chassis.ids import uuid7
from chassis.steps import Message
from chassis.work import Database
from contracts.payment_events import PaymentSecured
from services.booking.handlers.confirmations import take_many
from services.booking.tests.conftest import SECRET

TAX, STRATEGY = "ofr-session-tax", "ofr-session-strategy"
BUYER = {"name": "Asha Rao", "email": "asha@example.com"}
EXPERTS = {TAX: "exp-jonas", STRATEGY: "exp-maya"}


def bearer(subject: str, *roles: str) -> dict[str, str]:
    """The header of an account."""
    return {"Authorization": f"Bearer {issue_account_token(SECRET, subject, list(roles))}"}


async def free(http: httpx2.AsyncClient, offer_id: str = TAX, days: int = 7) -> list[str]:
    """The expert's free starts from `days` ahead on."""
    first = datetime.now(UTC).date() + timedelta(days=days)
    query = {"from": first.isoformat(), "to": (first + timedelta(days=9)).isoformat(), "offer_id": offer_id}
    answer = await http.get(f"/api/v1/experts/{EXPERTS[offer_id]}/slots", params=query)
    assert answer.status_code == 200, answer.text
    return [slot["starts_at"] for slot in answer.json()["slots"]]


def wish(starts_at: str, offer_id: str = TAX) -> dict[str, Any]:
    """The body of a session's line."""
    answers = {"topic": "two countries"}
    return {"offer_id": offer_id, "starts_at": starts_at, "time_zone": "Asia/Kolkata", "answers": answers}


async def book(http: httpx2.AsyncClient, starts_at: str, offer_id: str = TAX) -> httpx2.Response:
    """One session in one call."""
    return await http.post("/api/v1/book", json={**wish(starts_at, offer_id), "buyer": BUYER})


async def pay(database: Database, checkout: dict[str, Any], secured_as: Any = "captured") -> None:
    """Payment told that the checkout's money is safe."""
    event = PaymentSecured(
        booking_id=checkout["booking_id"],
        payment_id=f"pay-{checkout['booking_id']}",
        gateway="stripe",
        amount_minor=checkout["amount_minor"],
        currency=checkout["currency"],
        secured_as=secured_as,
        secured_at=datetime.now(UTC),
    )
    async with database.transaction() as work:
        await take_many(work, [Message(uuid7(), event.type, event.booking_id, event)])


async def paid_session(
    http: httpx2.AsyncClient, database: Database, *, hours_ahead: float | None = None, offer_id: str = TAX
) -> tuple[dict[str, Any], dict[str, str]]:
    """A paid session, and its buyer's header; `hours_ahead`: it begins so many hours from now (behind, when negative)."""
    checkout = (await book(http, (await free(http, offer_id))[0], offer_id)).json()
    await pay(database, checkout)
    if hours_ahead is not None:
        async with database.transaction() as work:
            await work.execute(
                """UPDATE slots SET starts_at = now() + make_interval(secs => $2),
                                    ends_at = now() + make_interval(secs => $2 + 3600) WHERE booking_id = $1""",
                checkout["booking_id"],
                hours_ahead * 3600,
            )
    return checkout, {"Authorization": f"Bearer {checkout['guest_token']}"}


async def told(database: Database, booking_id: str) -> list[tuple[str, dict[str, Any]]]:
    """What was told of the booking, in order: type and body."""
    async with database.transaction() as work:
        rows = await work.fetch("SELECT type, body FROM events WHERE key = $1 ORDER BY id", booking_id)
    return [(row.type, orjson.loads(row.body)) for row in rows]
