"""Who may see and change what over HTTP, and what is never shown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from chassis.hosting import api_of
from chassis.identity import issue_account_token, issue_guest_token
from chassis.work import Database
from services.notification.app import build
from services.notification.settings import NotificationSettings
from services.notification.tests import samples

pytestmark = pytest.mark.db
SECRET = "a-secret-of-the-tests-that-is-long-enough"


def account(subject: str, *roles: str) -> dict[str, str]:
    """Headers of a signed-in caller."""
    return {"Authorization": f"Bearer {issue_account_token(SECRET, subject, list(roles))}"}


def guest(**scope: str) -> dict[str, str]:
    """Headers of a guest."""
    return {"Authorization": f"Bearer {issue_guest_token(SECRET, scope)}"}


@pytest.fixture
async def http(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """The service's HTTP door over a database with one purchase of `student-1`."""
    await samples.know_buyers(database, [samples.confirmed("bk-1")])
    await samples.owe(database, [samples.completed("bk-1"), samples.assigned("bk-1"), samples.ready("bk-1")])
    application = build(NotificationSettings(database_url="postgresql://unused", token_secret=SECRET))
    application.connected = database
    transport = httpx2.ASGITransport(app=api_of(application))
    async with httpx2.AsyncClient(transport=transport, base_url="http://notification") as client:
        yield client


async def listed(http: httpx2.AsyncClient, headers: dict[str, str], **query: Any) -> httpx2.Response:
    """GET /api/v1/deliveries."""
    return await http.get("/api/v1/deliveries", params=query, headers=headers)


@pytest.mark.parametrize("headers", [account("student-1", "buyer"), guest(booking="bk-1")])
async def test_a_buyer_sees_own_notices_without_body_address_trainer_or_expert(
    http: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await listed(http, headers, booking_id="bk-1")
    assert answer.status_code == 200
    [item] = answer.json()["items"]
    assert (item["kind"], item["recipient"], item["channel"], item["state"]) == (
        "confirmation",
        "buyer",
        "mail",
        "queued",
    )
    assert item.keys() == {"delivery_id", "booking_id", "kind", "recipient", "about", "channel", "state", "queued_at"}


@pytest.mark.parametrize("headers", [account("somebody", "buyer"), guest(booking="bk-2"), guest(cart="bk-1")])
async def test_another_persons_booking_does_not_exist(http: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    answer = await listed(http, headers, booking_id="bk-1")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("role", ["admin", "ops"])
async def test_staff_see_all_notices_page_by_page(http: httpx2.AsyncClient, role: str) -> None:
    first = (await listed(http, account("op", role), limit=1)).json()
    second = (await listed(http, account("op", role), limit=1, page_token=first["next_page_token"])).json()
    third = (await listed(http, account("op", role), limit=1, page_token=second["next_page_token"])).json()
    assert "next_page_token" not in third
    seen = {page["items"][0]["recipient"] for page in (first, second, third)}
    assert seen == {"buyer", "trainer:trainer-1", "expert:exp-maya"}


async def test_staff_can_ask_for_what_failed(http: httpx2.AsyncClient, database: Database) -> None:
    async with database.transaction() as work:
        await work.execute(
            "UPDATE deliveries SET state = 'failed', reason = 'refused-550', address_masked = 'a***@b.c' WHERE kind = 'confirmation'"
        )
    [item] = (await listed(http, account("op", "ops"), state="failed")).json()["items"]
    assert (item["reason"], item["address_masked"]) == ("refused-550", "a***@b.c")


async def test_a_buyer_must_say_which_booking(http: httpx2.AsyncClient) -> None:
    answer = await listed(http, account("student-1", "buyer"))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/booking_id"


async def test_without_a_token_nothing_is_shown(http: httpx2.AsyncClient) -> None:
    for path in ("/api/v1/deliveries?booking_id=bk-1", "/api/v1/preferences"):
        assert (await http.get(path)).status_code == 401


async def test_preferences_are_kept_for_their_owner_alone(http: httpx2.AsyncClient) -> None:
    wishes = {"push": False, "optional_mail": True}
    assert (await http.put("/api/v1/preferences", json=wishes, headers=account("student-1"))).json() == wishes
    assert (await http.get("/api/v1/preferences", headers=account("student-1"))).json() == wishes
    for other in (account("student-2"), guest(booking="bk-1")):
        assert (await http.get("/api/v1/preferences", headers=other)).json() == {"push": True, "optional_mail": True}


@pytest.mark.parametrize(
    "wishes", [{"push": True}, {"push": True, "optional_mail": True, "owner": "x"}, {"push": "maybe"}]
)
async def test_wrong_preferences_change_nothing(http: httpx2.AsyncClient, wishes: dict[str, Any]) -> None:
    answer = await http.put("/api/v1/preferences", json=wishes, headers=account("student-1"))
    assert answer.status_code == 422
    assert (await http.get("/api/v1/preferences", headers=account("student-1"))).json()["push"] is True


async def test_a_guest_with_a_cart_alone_has_no_preferences(http: httpx2.AsyncClient) -> None:
    assert (await http.get("/api/v1/preferences", headers=guest(cart="c-1"))).status_code == 403


async def test_a_device_is_registered_once_and_belongs_to_who_registered_it_last(
    http: httpx2.AsyncClient, database: Database
) -> None:
    device = {"registration": "phone-1"}
    first = await http.post("/api/v1/devices", json=device, headers=account("student-1"))
    second = await http.post("/api/v1/devices", json=device, headers=guest(booking="bk-1"))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["device_id"] == second.json()["device_id"]
    assert "phone-1" not in first.text
    assert await samples.rows(database, "SELECT owner, target FROM devices") == [("booking:bk-1", "token")]


async def test_the_same_idempotency_key_gives_the_same_answer_again(http: httpx2.AsyncClient) -> None:
    headers = {**account("student-1"), "Idempotency-Key": "key-1"}
    first = await http.post("/api/v1/devices", json={"registration": "phone-1"}, headers=headers)
    again = await http.post("/api/v1/devices", json={"registration": "phone-1"}, headers=headers)
    other = await http.post("/api/v1/devices", json={"registration": "phone-2"}, headers=headers)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert other.status_code == 422


@pytest.mark.parametrize(
    "device", [{}, {"registration": ""}, {"registration": "a b"}, {"registration": "x", "target": "topic"}]
)
async def test_a_registration_that_is_none_is_refused(
    http: httpx2.AsyncClient, database: Database, device: dict[str, str]
) -> None:
    answer = await http.post("/api/v1/devices", json=device, headers=account("student-1"))
    assert answer.status_code == 422
    assert await samples.rows(database, "SELECT count(*) FROM devices") == [(0,)]
