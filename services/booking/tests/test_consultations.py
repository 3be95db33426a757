"""Experts' times: what is offered, who gets it, and what becomes of it when nobody pays in time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import jwt
import pytest

from chassis.work import Database
from services.booking.domain.hours import bookable, is_bookable
from services.booking.domain.offers import Expert, OpenHours
from services.booking.handlers.expiry import expire_holds
from services.booking.tests.conftest import SECRET
from services.booking.tests.consultations import BUYER, STRATEGY, TAX, book, free, paid_session, pay, told, wish

BERLIN = ZoneInfo("Europe/Berlin")


def expert(*hours: tuple[int, time, time]) -> Expert:
    """Somebody in Berlin who is there at `hours`."""
    return Expert("exp", "E", "e@example.com", "Europe/Berlin", "https://r", tuple(OpenHours(*h) for h in hours))


def test_times_follow_the_expert_over_the_change_of_clocks() -> None:
    somebody = expert(*((day, time(1), time(5)) for day in range(7)))
    spring = datetime(2027, 3, 27, 12, tzinfo=UTC)
    starts = [s.astimezone(BERLIN) for s in bookable(somebody, 60, spring, spring + timedelta(days=1))]
    assert [f"{s:%H:%M%z}" for s in starts] == ["01:00+0100", "03:00+0200", "04:00+0200"], "no 02:00 on that night"
    autumn = datetime(2027, 10, 30, 12, tzinfo=UTC)
    starts = [s.astimezone(BERLIN) for s in bookable(somebody, 60, autumn, autumn + timedelta(days=1))]
    assert [f"{s:%H:%M%z}" for s in starts] == ["01:00+0200", "02:00+0200", "03:00+0100", "04:00+0100"]


def test_a_session_begins_on_the_expert_s_grid_and_ends_within_the_hours() -> None:
    monday = datetime(2027, 1, 4, 9, tzinfo=UTC)
    somebody = expert((0, time(9), time(12, 30)), (0, time(14), time(15)))
    local = [
        f"{s.astimezone(BERLIN):%H:%M}"
        for s in bookable(somebody, 60, monday - timedelta(hours=9), monday + timedelta(days=1))
    ]
    assert local == ["09:00", "10:00", "11:00", "14:00"]
    assert is_bookable(somebody, 60, monday)
    assert not is_bookable(somebody, 60, monday + timedelta(minutes=30))
    assert not is_bookable(somebody, 60, monday + timedelta(days=1))


async def test_a_session_is_held_at_the_book_s_price_and_payment_learns_when_it_ends(http: httpx2.AsyncClient) -> None:
    start = (await free(http, STRATEGY))[0]
    answer = await book(http, start, STRATEGY)
    assert answer.status_code == 201, answer.text
    checkout = answer.json()
    assert (checkout["amount_minor"], checkout["currency"], checkout["status"]) == (80000, "USD", "PENDING")
    claims = jwt.decode(checkout["checkout_token"], SECRET, algorithms=["HS256"], audience="payment")
    ends_at = datetime.fromisoformat(start) + timedelta(hours=1)
    assert (claims["capture_policy"], claims["kinds"]) == ("after_service", ["session"])
    assert datetime.fromisoformat(claims["service_ends_at"]) == ends_at
    assert start not in await free(http, STRATEGY)
    shown = await http.get(
        f"/api/v1/bookings/{checkout['booking_id']}",
        headers={"Authorization": f"Bearer {checkout['guest_token']}"},
    )
    (line,) = shown.json()["lines"]
    assert (line["session"]["starts_at"], line["answers"]) == (start, {"topic": "two countries"})
    assert shown.json()["meeting"] is None
    assert "email" not in str(line), "the expert's address is nobody's business"


async def test_of_ten_who_want_one_hour_one_gets_it(http: httpx2.AsyncClient, database: Database) -> None:
    start = (await free(http))[0]
    answers = await asyncio.gather(*(book(http, start) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    kinds = {answer.json()["type"].rsplit("/", 1)[1] for answer in answers if answer.status_code == 409}
    assert kinds <= {"slot-taken", "cart-invalid"}
    async with database.transaction() as work:
        assert len(await work.fetch("SELECT 1 FROM holds")) == 1


async def test_the_database_itself_refuses_two_claims_on_one_hour(http: httpx2.AsyncClient, database: Database) -> None:
    (await book(http, (await free(http))[0])).raise_for_status()
    with pytest.raises(Exception, match="ex_slots_claimed"):
        async with database.transaction() as work:
            await work.execute(
                """INSERT INTO slots (booking_id, line_id, expert_id, starts_at, ends_at)
                   SELECT 'other', 'other', expert_id, starts_at + interval '1 minute', ends_at FROM slots"""
            )


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"starts_at": "tomorrow"}, "/starts_at"),
        ({"starts_at": "2027-01-04T09:00:00"}, "/starts_at"),
        ({"time_zone": "Mars/Base"}, "/time_zone"),
        ({"amount_minor": 1}, "/amount_minor"),
        ({"tier": 10}, "/tier"),
        ({"answers": {"q": "x" * 2001}}, "/answers/q"),
        ({"answers": {str(n): "x" for n in range(21)}}, "/answers"),
        ({"offer_id": "ofr-course-music"}, "/offer_id"),
    ],
)
async def test_a_bad_session_line_is_refused_by_name(
    http: httpx2.AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    made = (await http.post("/api/v1/carts", json={})).json()
    bearer = {"Authorization": f"Bearer {made['guest_token']}"}
    body = {**wish((await free(http))[0]), **change}
    answer = await http.post(f"/api/v1/carts/{made['cart_id']}/lines", json=body, headers=bearer)
    assert answer.status_code == 422
    assert pointer in [item["pointer"] for item in answer.json()["errors"]]


async def test_a_time_that_is_none_of_the_expert_s_or_too_soon_is_a_problem_of_the_cart(
    http: httpx2.AsyncClient, database: Database
) -> None:
    made = (await http.post("/api/v1/carts", json={})).json()
    bearer = {"Authorization": f"Bearer {made['guest_token']}"}
    start = datetime.fromisoformat((await free(http))[0])
    soon = datetime.now(UTC) + timedelta(minutes=30)
    wanted = [start, start, start + timedelta(minutes=15), start + timedelta(days=400), soon]
    for instant in wanted:
        line = wish(instant.isoformat())
        added = await http.post(f"/api/v1/carts/{made['cart_id']}/lines", json=line, headers=bearer)
        assert added.status_code == 201, added.text
    problems = [problem["problem"] for problem in added.json()["problems"]]
    assert len(problems) == 5
    for words in ("overlaps another line", "no session at this time", "365 days ahead", "60 minutes ahead"):
        assert any(words in problem for problem in problems), words
    refused = await http.post(f"/api/v1/carts/{made['cart_id']}/checkout", json={"buyer": BUYER}, headers=bearer)
    assert refused.status_code == 409
    async with database.transaction() as work:
        assert await work.fetch("SELECT 1 FROM slots") == []


async def test_an_unpaid_hour_is_free_again_and_a_late_payment_takes_it_or_goes_back(
    http: httpx2.AsyncClient, database: Database
) -> None:
    first, second = (await free(http))[:2]
    lucky, unlucky = (await book(http, first)).json(), (await book(http, second)).json()
    async with database.transaction() as work:
        await work.execute("UPDATE holds SET expires_at = now() - interval '1 second'")
    await expire_holds(database)
    assert {first, second} <= set(await free(http))
    other = (await book(http, second)).json()
    await pay(database, lucky)
    await pay(database, unlucky)
    await pay(database, other)
    assert [kind for kind, _ in await told(database, lucky["booking_id"])][-1] == "booking.confirmed"
    kind, due = (await told(database, unlucky["booking_id"]))[-1]
    assert (kind, due["refund_key"]) == ("refund.due", "place-gone")
    assert [kind for kind, _ in await told(database, other["booking_id"])][-1] == "booking.confirmed"


async def test_a_payment_after_the_hour_itself_goes_back(http: httpx2.AsyncClient, database: Database) -> None:
    checkout = (await book(http, (await free(http))[0])).json()
    async with database.transaction() as work:
        await work.execute("UPDATE holds SET expires_at = now() - interval '1 second'")
        await work.execute("UPDATE slots SET starts_at = now() - interval '1 hour', ends_at = now()")
    await expire_holds(database)
    await pay(database, checkout)
    assert (await told(database, checkout["booking_id"]))[-1][0] == "refund.due"


async def test_fulfillment_learns_whose_time_it_is_and_nothing_that_the_buyer_answered(
    http: httpx2.AsyncClient, database: Database
) -> None:
    checkout, _ = await paid_session(http, database, offer_id=TAX)
    kind, event = (await told(database, checkout["booking_id"]))[-1]
    (line,) = event["lines"]
    assert kind == "booking.confirmed"
    assert (line["session"]["expert_id"], line["session"]["room_url"]) == (
        "exp-jonas",
        "https://rooms.example.com/jonas",
    )
    assert (line["partner_id"], line["partner_bps"]) == ("exp-jonas", 8000)
    assert "two countries" not in str(event)


async def test_nobody_learns_before_paying_where_they_meet_or_what_the_expert_gets(http: httpx2.AsyncClient) -> None:
    made = (await http.post("/api/v1/carts", json={})).json()
    bearer = {"Authorization": f"Bearer {made['guest_token']}"}
    path, (first, second) = f"/api/v1/carts/{made['cart_id']}", (await free(http))[:2]
    answers = [
        await http.post(f"{path}/lines", json=wish(first), headers=bearer),
        await http.get(path, headers=bearer),
        await http.post(f"{path}/checkout", json={"buyer": BUYER}, headers=bearer),
        await book(http, second),
    ]
    for answer in answers:
        assert answer.status_code < 300
        for secret in ("rooms.example.com", "experts.example.com", "partner_bps"):
            assert secret not in answer.text
    assert answers[0].json()["lines"][0]["session"]["expert_name"] == "Jonas Weber"


async def test_an_expert_s_page_has_no_address_and_five_skills(http: httpx2.AsyncClient) -> None:
    shown = (await http.get("/api/v1/experts/exp-maya")).json()
    assert (shown["name"], len(shown["skills"])) == ("Maya Iyer", 5)
    assert shown["offers"][0]["amount_minor"] == 80000
    assert "@" not in str(shown)
    assert "rooms.example.com" not in str(shown)
    assert (await http.get("/api/v1/experts/nobody")).status_code == 404
    query = {"from": "2027-01-01", "to": "2027-06-01"}
    assert (await http.get("/api/v1/experts/exp-maya/slots", params=query)).status_code == 422
