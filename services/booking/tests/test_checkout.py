"""Carts and checkout over HTTP on a real database: prices are ours, places are held once, nobody sees another's."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import jwt
import pytest

from chassis.work import Database
from contracts.booking_events import CheckoutOpened
from services.booking.handlers.expiry import expire_holds
from services.booking.tests.conftest import SECRET

LINE = {
    "offer_id": "ofr-course-mathematics",
    "tier": 10,
    "time_slot": "10:00",
    "schedule": {"weekdays": [0, 2], "starts_on": "2027-01-04", "time_zone": "Asia/Kolkata"},
}
BUYER = {"buyer": {"name": "Asha Rao", "email": "asha@example.com", "phone": "+919800000000"}}


async def _cart(http: httpx2.AsyncClient, line: dict[str, Any] | None = None) -> tuple[str, dict[str, str]]:
    made = (await http.post("/api/v1/carts", json={})).json()
    bearer = {"Authorization": f"Bearer {made['guest_token']}"}
    added = await http.post(f"/api/v1/carts/{made['cart_id']}/lines", json=line or LINE, headers=bearer)
    assert added.status_code == 201, added.text
    return made["cart_id"], bearer


async def test_a_cart_is_priced_from_our_book_and_its_checkout_is_signed(http: httpx2.AsyncClient) -> None:
    cart, bearer = await _cart(http)
    shown = (await http.get(f"/api/v1/carts/{cart}", headers=bearer)).json()
    assert (shown["amount_minor"], shown["currency"], shown["problems"]) == (99900, "INR", [])
    answer = await http.post(f"/api/v1/carts/{cart}/checkout", json=BUYER, headers=bearer)
    assert answer.status_code == 201
    checkout = answer.json()
    assert checkout["status"] == "PENDING"
    claims = jwt.decode(checkout["checkout_token"], SECRET, algorithms=["HS256"], audience="payment")
    assert (claims["booking_id"], claims["amount_minor"]) == (checkout["booking_id"], 99900)
    assert not {"meeting", "meeting_link"} & checkout.keys()


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"amount_minor": 1}, "/amount_minor"),
        ({"tier": 11}, "/tier"),
        ({"time_slot": "25:00"}, "/time_slot"),
        ({"quantity": 2}, "/quantity"),
        ({"offer_id": "nothing"}, "/offer_id"),
        ({"schedule": {**LINE["schedule"], "time_zone": "Mars/Base"}}, "/schedule/time_zone"),  # type: ignore[dict-item]
        ({"schedule": {**LINE["schedule"], "weekdays": []}}, "/schedule/weekdays"),  # type: ignore[dict-item]
    ],
)
async def test_a_bad_line_is_refused_by_name_and_changes_nothing(
    http: httpx2.AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    made = (await http.post("/api/v1/carts", json={})).json()
    bearer = {"Authorization": f"Bearer {made['guest_token']}"}
    answer = await http.post(f"/api/v1/carts/{made['cart_id']}/lines", json={**LINE, **change}, headers=bearer)
    assert answer.status_code == 422
    assert pointer in [item["pointer"] for item in answer.json()["errors"]]
    assert (await http.get(f"/api/v1/carts/{made['cart_id']}", headers=bearer)).json()["lines"] == []


async def test_an_empty_or_late_cart_is_invalid_and_holds_nothing(http: httpx2.AsyncClient, database: Database) -> None:
    late = {**LINE, "schedule": {**LINE["schedule"], "starts_on": "2020-01-01"}}  # type: ignore[dict-item]
    cart, bearer = await _cart(http, late)
    answer = await http.post(f"/api/v1/carts/{cart}/checkout", json=BUYER, headers=bearer)
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (409, "cart-invalid")
    async with database.transaction() as work:
        assert not await work.fetch("SELECT 1 FROM holds")


async def test_two_checkouts_at_once_hold_one_place_and_answer_the_same(
    http: httpx2.AsyncClient, database: Database
) -> None:
    cart, bearer = await _cart(http)
    url = f"/api/v1/carts/{cart}/checkout"
    answers = await asyncio.gather(*(http.post(url, json=BUYER, headers=bearer) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["booking_id"] for answer in answers}) == 1
    async with database.transaction() as work:
        assert len(await work.fetch("SELECT 1 FROM holds")) == 1


async def test_the_last_seats_go_to_exactly_two_and_come_back_when_holds_expire(
    http: httpx2.AsyncClient, database: Database
) -> None:
    line = {**LINE, "offer_id": "ofr-course-english-evening"}
    carts = [await _cart(http, line) for _ in range(6)]
    answers = await asyncio.gather(
        *(http.post(f"/api/v1/carts/{cart}/checkout", json=BUYER, headers=bearer) for cart, bearer in carts)
    )
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409, 409]
    async with database.transaction() as work:
        await work.execute("UPDATE holds SET expires_at = now() - interval '1 second'")
    assert await expire_holds(database) == 2
    assert await expire_holds(database) == 0
    async with database.transaction() as work:
        taken = await work.fetch_one("SELECT seats_taken FROM offers WHERE offer_id = $1", line["offer_id"])
    assert taken is not None
    assert taken.seats_taken == 0
    cart, bearer = carts[0]
    assert (await http.post(f"/api/v1/carts/{cart}/checkout", json=BUYER, headers=bearer)).status_code == 201


async def test_a_foreign_token_opens_nothing(http: httpx2.AsyncClient) -> None:
    cart, mine = await _cart(http)
    _, other = await _cart(http)
    checkout = (await http.post(f"/api/v1/carts/{cart}/checkout", json=BUYER, headers=mine)).json()
    for path in (f"/api/v1/carts/{cart}", f"/api/v1/bookings/{checkout['booking_id']}"):
        assert (await http.get(path)).status_code == 401
        foreign, absent = await http.get(path, headers=other), await http.get(path[:-4] + "0000", headers=other)
        assert foreign.status_code == absent.status_code == 404
        assert foreign.json()["detail"] == absent.json()["detail"]


async def test_book_does_it_in_one_call(http: httpx2.AsyncClient) -> None:
    answer = await http.post("/api/v1/book", json={**LINE, **BUYER})
    assert answer.status_code == 201
    body = answer.json()
    bearer = {"Authorization": f"Bearer {body['guest_token']}"}
    shown = (await http.get(f"/api/v1/bookings/{body['booking_id']}", headers=bearer)).json()
    assert (shown["status"], shown["payment_status"], shown["next_deadline"]) == (
        "PENDING",
        "pending",
        body["expires_at"],
    )
    assert [step["awaited"] for step in shown["steps"]] == [True, False, False, False, False, False]


async def test_a_checkout_is_told_once_with_the_claims_of_its_token_and_nothing_about_the_person(
    http: httpx2.AsyncClient, database: Database
) -> None:
    cart, bearer = await _cart(http)
    answers = [await http.post(f"/api/v1/carts/{cart}/checkout", json=BUYER, headers=bearer) for _ in range(3)]
    async with database.transaction() as work:
        (row,) = await work.fetch("SELECT key, body FROM events WHERE type = 'checkout.opened'")
    told = CheckoutOpened.model_validate_json(row.body)
    claims = jwt.decode(answers[0].json()["checkout_token"], SECRET, algorithms=["HS256"], audience="payment")
    assert (told.cart_id, row.key) == (cart, answers[0].json()["booking_id"])
    assert told.expires_at.timestamp() == claims["exp"]
    shared = set(claims) & set(CheckoutOpened.model_fields)
    assert shared == {"booking_id", "reference", "amount_minor", "currency", "capture_policy", "buyer_id"}
    assert {name: getattr(told, name) for name in shared} == {name: claims[name] for name in shared}
    assert not [word for word in (b"Asha", b"asha@example.com", b"98000") if word in bytes(row.body)]


async def test_the_next_checkout_of_a_cart_is_told_too_and_a_refused_one_is_not(
    http: httpx2.AsyncClient, database: Database
) -> None:
    cart, bearer = await _cart(http)
    await http.post(f"/api/v1/carts/{cart}/checkout", json=BUYER, headers=bearer)
    async with database.transaction() as work:
        await work.execute("UPDATE holds SET expires_at = now() - interval '1 second'")
    again = await http.post(f"/api/v1/carts/{cart}/checkout", json=BUYER, headers=bearer)
    assert again.status_code == 201
    late, late_bearer = await _cart(http, {**LINE, "schedule": {**LINE["schedule"], "starts_on": "2020-01-01"}})  # type: ignore[dict-item]
    assert (await http.post(f"/api/v1/carts/{late}/checkout", json=BUYER, headers=late_bearer)).status_code == 409
    async with database.transaction() as work:
        rows = await work.fetch("SELECT body FROM events WHERE type = 'checkout.opened' ORDER BY id")
    first, second = [CheckoutOpened.model_validate_json(row.body) for row in rows]
    assert (first.cart_id, second.cart_id, second.booking_id) == (cart, cart, again.json()["booking_id"])
    assert second.opened_at > first.opened_at
