"""Sessions over HTTP: the buyer's dashboard and invoice, the expert's consultations, and who may not see them."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pypdf
import pytest

from chassis.hosting import api_of
from chassis.identity import issue_account_token, issue_guest_token
from chassis.work import Database
from services.fulfillment.app import build
from services.fulfillment.handlers.purchases import take_many
from services.fulfillment.settings import FulfillmentSettings
from services.fulfillment.tests import sessions
from services.fulfillment.tests.sessions import AT, confirmed, course, session
from services.fulfillment.tests.test_consultations import fulfil
from services.fulfillment.tests.test_steps import run

pytestmark = pytest.mark.db
SECRET = "a-secret-of-the-tests-that-is-long-enough"


def account(subject: str, *roles: str) -> dict[str, str]:
    """Headers of a signed-in caller."""
    return {"Authorization": f"Bearer {issue_account_token(SECRET, subject, list(roles))}"}


def guest(booking_id: str) -> dict[str, str]:
    """Headers of a guest."""
    return {"Authorization": f"Bearer {issue_guest_token(SECRET, {'booking': booking_id})}"}


@pytest.fixture
async def http(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """The service's HTTP door over the test's database."""
    application = build(FulfillmentSettings(database_url="postgresql://unused", token_secret=SECRET))
    application.connected = database
    transport = httpx2.ASGITransport(app=api_of(application))
    async with httpx2.AsyncClient(transport=transport, base_url="http://fulfillment") as client:
        yield client


async def purchases(http: httpx2.AsyncClient, headers: dict[str, str], **query: str) -> list[dict[str, Any]]:
    """GET /api/v1/purchases."""
    answer = await http.get("/api/v1/purchases", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["purchases"]
    return found


async def test_the_dashboard_shows_sessions_and_courses_newest_first(
    http: httpx2.AsyncClient, database: Database
) -> None:
    mixed = confirmed(session(), course())
    await fulfil(database, [mixed])
    buyer = sessions.booking_of(mixed).buyer.student_id
    staff = await purchases(http, account("ada", "admin"), student_id=buyer)
    for headers in (account(buyer, "buyer"), guest(mixed.key)):
        assert await purchases(http, headers) == staff
    assert [one["kind"] for one in staff] == ["course", "session"]
    shown = staff[1]
    assert shown["expert"] == {"expert_id": "exp-maya", "name": "Maya Iyer"}
    assert (shown["starts_at"], shown["state"]) == ("2027-01-04T04:30:00Z", "live")
    assert shown["join_url"] == "https://rooms.example.com/exp-maya"
    assert shown["invoice"]["invoice_number"].startswith("PF-")
    assert "maya@experts.example.com" not in str(staff)


async def test_a_removed_meeting_leads_nowhere(http: httpx2.AsyncClient, database: Database) -> None:
    booking = confirmed()
    await run(database, take_many, [booking, sessions.cancelled(booking.key)])
    (shown,) = await purchases(http, guest(booking.key))
    assert (shown["state"], shown["join_url"]) == ("removed", None)


async def test_a_sessions_invoice_is_its_buyers_as_json_and_as_pdf(
    http: httpx2.AsyncClient, database: Database
) -> None:
    booking = confirmed()
    await fulfil(database, [booking])
    (shown,) = await purchases(http, guest(booking.key))
    path = f"/api/v1/invoices/{shown['invoice']['invoice_id']}"
    found = (await http.get(path, headers=guest(booking.key))).json()
    assert (found["total_minor"], found["lines"][0]["text"]) == (250000, "Strategy session, with Maya Iyer")
    pdf = await http.get(f"{path}.pdf", headers=guest(booking.key))
    assert pdf.headers["content-type"] == "application/pdf"
    text = " ".join(pypdf.PdfReader(io.BytesIO(pdf.content)).pages[0].extract_text().split())
    for words in ("Strategy session, with Maya Iyer", "2,500.00", shown["invoice"]["invoice_number"]):
        assert words in text
    for stranger in (account("std-other", "buyer"), guest("another")):
        refused = await http.get(path, headers=stranger)
        assert (refused.status_code, refused.headers["content-type"]) == (404, "application/problem+json")


async def test_an_expert_pages_through_own_consultations_the_latest_first(
    http: httpx2.AsyncClient, database: Database
) -> None:
    days = [3, 1, 2, 1]
    bookings = [confirmed(session(starts_at=AT + timedelta(days=n))) for n in days]
    await run(database, take_many, [*bookings, confirmed(session(expert_id="exp-omar"))])
    await run(database, take_many, [sessions.cancelled(bookings[0].key), sessions.completed(bookings[2].key)])
    seen: list[dict[str, Any]] = []
    token = None
    while True:
        query = {"limit": 3, **({"page_token": token} if token else {})}
        answer = await http.get("/api/v1/consultations", params=query, headers=account("exp-maya", "expert"))
        assert answer.status_code == 200, answer.text
        seen += answer.json()["consultations"]
        if (token := answer.json()["next_page_token"]) is None:
            break
    assert len({one["purchase_id"] for one in seen}) == 4
    assert [one["starts_at"] for one in seen] == sorted((one["starts_at"] for one in seen), reverse=True)
    assert [one["state"] for one in seen] == ["removed", "held", "live", "live"]
    assert seen[0]["join_url"] is None
    assert seen[1] == {
        "purchase_id": seen[1]["purchase_id"],
        "booking_id": bookings[2].key,
        "reference": "BK-449034CB",
        "title": "Strategy session",
        "starts_at": "2027-01-06T04:30:00Z",
        "ends_at": "2027-01-06T05:30:00Z",
        "time_zone": "Asia/Kolkata",
        "provider": "standing_room",
        "join_url": "https://rooms.example.com/exp-maya",
        "state": "held",
    }


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({}, {}, 401),
        (account("std-asha", "buyer"), {}, 403),
        (account("ada", "admin"), {}, 403),
        (account("exp-maya", "expert"), {"page_token": "no-id"}, 422),
        (account("exp-maya", "expert"), {"limit": "0"}, 422),
    ],
)
async def test_who_is_no_expert_or_asks_wrongly_gets_a_problem(
    http: httpx2.AsyncClient, headers: dict[str, str], query: dict[str, str], status: int
) -> None:
    answer = await http.get("/api/v1/consultations", params=query, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_another_experts_page_token_gives_nothing(http: httpx2.AsyncClient, database: Database) -> None:
    await run(database, take_many, [confirmed(), confirmed(session(expert_id="exp-omar"))])
    foreign = (await database.alone("SELECT purchase_id::text FROM consultations WHERE expert_id = 'exp-omar'"))[0][0]
    answer = await http.get(
        "/api/v1/consultations", params={"page_token": foreign}, headers=account("exp-maya", "expert")
    )
    assert answer.json() == {"consultations": [], "next_page_token": None}
