"""Quotations over HTTP on a real database: an expert's own price for one buyer, held until it is paid or over."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from chassis.work import Database
from services.booking.handlers.expiry import expire_holds
from services.booking.tests.consultations import TAX, bearer, book, free, pay, told

EXPERT, CLIENT = bearer("exp-jonas", "expert"), bearer("std-asha", "buyer")


def quoted(**changed: Any) -> dict[str, Any]:
    """The body of a quotation for a week from now."""
    starts_at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=7)
    client = {"subject": "std-asha", "name": "Asha Rao", "email": "asha@example.com"}
    body = {"client": client, "title": "Two hours on moving", "amount_minor": 400000, "currency": "INR"}
    return {**body, "starts_at": starts_at.isoformat(), "session_minutes": 120, "time_zone": "Asia/Kolkata", **changed}


async def draft(http: httpx2.AsyncClient, **changed: Any) -> dict[str, Any]:
    """A draft."""
    answer = await http.post("/api/v1/quotations", json=quoted(**changed), headers=EXPERT)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def send(http: httpx2.AsyncClient, quotation: dict[str, Any]) -> httpx2.Response:
    """Send it."""
    return await http.post(f"/api/v1/quotations/{quotation['quotation_id']}/send", json={}, headers=EXPERT)


async def test_a_quotation_is_held_told_paid_and_met_like_any_session(
    http: httpx2.AsyncClient, database: Database
) -> None:
    made = await draft(http)
    path = f"/api/v1/quotations/{made['quotation_id']}"
    assert (made["status"], made["booking_id"]) == ("DRAFT", None)
    assert (await http.get(path, headers=CLIENT)).status_code == 404, "a draft is the expert's alone"
    sent = (await send(http, made)).json()
    assert (sent["status"], sent["amount_minor"]) == ("SENT", 400000)
    assert (await send(http, made)).json() == sent
    events = await told(database, sent["booking_id"])
    assert [kind for kind, _ in events] == ["checkout.opened", "quotation.sent"]
    opened, said = (body for _, body in events)
    assert (opened["cart_id"], opened["buyer_id"], opened["seller_id"]) == (
        made["quotation_id"],
        "std-asha",
        "exp-jonas",
    )
    assert said["unmade"]["buyer"]["email"] == "asha@example.com"
    assert (await http.get(path, headers=CLIENT)).json()["status"] == "SENT"
    await pay(database, {**sent, "booking_id": sent["booking_id"]})
    assert (await http.get(path, headers=CLIENT)).json()["status"] == "PAID"
    kind, confirmed = (await told(database, sent["booking_id"]))[-1]
    (line,) = confirmed["lines"]
    assert (kind, line["kind"], line["session"]["expert_id"]) == ("booking.confirmed", "quotation", "exp-jonas")
    shown = (await http.get(f"/api/v1/bookings/{sent['booking_id']}", headers=CLIENT)).json()
    assert [step["name"] for step in shown["steps"]][2] == "meeting.ready"
    assert (await send(http, made)).status_code == 409


async def test_the_time_is_held_for_the_buyer_until_the_quotation_is_over(
    http: httpx2.AsyncClient, database: Database
) -> None:
    start = (await free(http))[0]
    made = await draft(http, starts_at=start, session_minutes=60)
    assert start in await free(http), "a draft holds nothing"
    (await send(http, made)).raise_for_status()
    assert start not in await free(http)
    assert (await book(http, start, TAX)).status_code == 409
    async with database.transaction() as work:
        await work.execute("UPDATE holds SET expires_at = now() - interval '1 second'")
    await expire_holds(database)
    assert start in await free(http)
    path = f"/api/v1/quotations/{made['quotation_id']}"
    assert (await http.get(path, headers=CLIENT)).json()["status"] == "EXPIRED"
    (await book(http, start, TAX)).raise_for_status()
    assert (await send(http, made)).json()["type"].endswith("slot-taken")


async def test_ten_sendings_at_once_hold_once(http: httpx2.AsyncClient, database: Database) -> None:
    made = await draft(http)
    answers = await asyncio.gather(*(send(http, made) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["booking_id"] for answer in answers}) == 1
    async with database.transaction() as work:
        assert len(await work.fetch("SELECT 1 FROM holds")) == 1


async def test_the_expert_withdraws_it_and_the_time_is_free(http: httpx2.AsyncClient, database: Database) -> None:
    made = await draft(http)
    sent = (await send(http, made)).json()
    answer = await http.post(f"/api/v1/bookings/{sent['booking_id']}/cancel", json={"reason": "ill"}, headers=EXPERT)
    assert answer.status_code == 200, answer.text
    path = f"/api/v1/quotations/{made['quotation_id']}"
    assert (await http.get(path, headers=CLIENT)).json()["status"] == "WITHDRAWN"
    assert [kind for kind, _ in await told(database, sent["booking_id"])][-1] == "hold.expired"


async def test_strangers_see_nothing_and_only_experts_quote(http: httpx2.AsyncClient) -> None:
    made = await draft(http)
    (await send(http, made)).raise_for_status()
    path = f"/api/v1/quotations/{made['quotation_id']}"
    for header, status in ((bearer("other", "buyer"), 404), (bearer("exp-maya", "expert"), 404), ({}, 401)):
        assert (await http.get(path, headers=header)).status_code == status
    assert (await http.post(f"{path}/send", json={}, headers=bearer("exp-maya", "expert"))).status_code == 404
    body = quoted()
    assert (await http.post("/api/v1/quotations", json=body, headers=CLIENT)).status_code == 403
    assert (await http.post("/api/v1/quotations", json=body, headers=bearer("nobody", "expert"))).status_code == 404


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"amount_minor": 0}, "/amount_minor"),
        ({"amount_minor": "400000"}, "/amount_minor"),
        ({"amount_minor": 10**13}, "/amount_minor"),
        ({"currency": "inr"}, "/currency"),
        ({"starts_at": "2027-01-04T10:00:00"}, "/starts_at"),
        ({"starts_at": "2020-01-04T10:00:00Z"}, "/starts_at"),
        ({"session_minutes": 5}, "/session_minutes"),
        ({"valid_hours": 721}, "/valid_hours"),
        ({"fee_minor": 1}, "/fee_minor"),
        ({"client": {"subject": "std", "name": "A", "email": "none"}}, "/client/email"),
    ],
)
async def test_a_bad_quotation_is_refused_by_name(
    http: httpx2.AsyncClient, database: Database, change: dict[str, Any], pointer: str
) -> None:
    body = quoted(**change)
    answer = await http.post("/api/v1/quotations", json=body, headers=EXPERT)
    assert answer.status_code == 422
    assert pointer in [item["pointer"] for item in answer.json()["errors"]]
    async with database.transaction() as work:
        assert await work.fetch("SELECT 1 FROM quotations") == []
