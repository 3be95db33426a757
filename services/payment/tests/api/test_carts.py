"""`process-cart` over real HTTP with the vendors' simulators: S4's answer, whose cart it is, and what is not known yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from chassis.identity import issue_guest_token
from chassis.ids import uuid7
from chassis.testing import Server
from contracts.booking_events import CheckoutOpened
from services.payment.handlers import bookings
from services.payment.tests.samples import AMOUNT, checkout_token, message, rows
from services.payment.tests.stage import Stage, staged

pytestmark = [pytest.mark.db, pytest.mark.asyncio(loop_scope="module")]
PATH = "/api/payments/process-cart/"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(postgres_server: Server) -> AsyncIterator[Stage]:
    """Payment with all simulators."""
    async with staged(postgres_server, payment_breaker_failures=100) as made:
        yield made


def opened(**changed: Any) -> CheckoutOpened:
    """A cart's checkout as booking tells it."""
    booking_id, now = str(uuid7()), datetime.now(UTC)
    fields: dict[str, Any] = {
        "booking_id": booking_id,
        "cart_id": str(uuid7()),
        "reference": "BK-449034CB",
        "amount_minor": AMOUNT,
        "currency": "INR",
        "capture_policy": "immediate",
        "buyer_id": f"guest-{booking_id}",
        "opened_at": now,
        "expires_at": now + timedelta(minutes=15),
        **changed,
    }
    return CheckoutOpened(**fields)


async def told(stage: Stage, *events: CheckoutOpened) -> None:
    """Booking's events reach payment."""
    async with stage.database.transaction() as work:
        await bookings.record_many(work, [message(event) for event in events])


def guest_of(stage: Stage, cart_id: str) -> dict[str, str]:
    """The header of the guest of a cart."""
    secret = stage.application.settings.token_secret.get_secret_value()
    return {"authorization": f"Bearer {issue_guest_token(secret, {'cart': cart_id})}"}


async def process(
    stage: Stage, cart_id: str, method: str = "PHONEPE", headers: dict[str, str] | None = None, **more: Any
) -> httpx2.Response:
    """Process the cart as its guest, or with `headers`."""
    body = {"cart_id": cart_id, "method": method, **more}
    return await stage.api.post(PATH, json=body, headers=headers or guest_of(stage, cart_id), timeout=20)


def kind(answer: httpx2.Response) -> str:
    """The type of the problem."""
    return str(answer.json()["type"]).rsplit("/", 1)[-1]


async def payments(stage: Stage, event: CheckoutOpened) -> list[tuple[Any, ...]]:
    """Gateways and amounts of the payments that were opened for a checkout."""
    return await rows(
        stage.database,
        "SELECT gateway, amount_minor, buyer_id FROM payments WHERE booking_id = $1 ORDER BY gateway",
        event.booking_id,
    )


async def test_a_cart_is_answered_in_s4s_shape_and_paid_on_phonepes_page(stage: Stage) -> None:
    event = opened()
    await told(stage, event)
    answer = await process(stage, event.cart_id)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert set(body) == {"success", "payment_id", "payment_url", "amount", "status"}
    assert (body["success"], body["amount"], body["status"]) == (True, "999.00", "PENDING")
    assert (await stage.simulator.get(body["payment_url"])).status_code == 200
    assert await payments(stage, event) == [("phonepe", AMOUNT, event.buyer_id)]
    again = await process(stage, event.cart_id)
    assert (again.status_code, again.json()) == (200, body)
    without_slash = await stage.api.post(
        PATH.rstrip("/"),
        json={"cart_id": event.cart_id, "method": "PHONEPE"},
        headers=guest_of(stage, event.cart_id),
    )
    assert without_slash.json() == body


async def test_clicks_at_once_open_one_payment_with_one_order(stage: Stage) -> None:
    event = opened()
    await told(stage, event)
    answers = await asyncio.gather(*(process(stage, event.cart_id) for _ in range(8)))
    assert sorted({answer.status_code for answer in answers}) == [200, 201]
    assert len({answer.text for answer in answers}) == 1
    payment_id = answers[0].json()["payment_id"]
    assert await rows(stage.database, "SELECT count(*) FROM gateway_orders WHERE payment_id = $1", payment_id) == [(1,)]


async def test_the_checkout_token_and_the_cart_open_the_same_payment(stage: Stage) -> None:
    event = opened()
    await told(stage, event)
    token = checkout_token(booking_id=event.booking_id, buyer_id=event.buyer_id)
    by_token = (await stage.create(token, "phonepe")).json()
    by_cart = (await process(stage, event.cart_id)).json()
    assert (by_cart["payment_id"], by_cart["payment_url"]) == (by_token["payment_id"], by_token["payment_url"])


async def test_an_idempotency_key_gives_the_answer_again_and_refuses_another_body(stage: Stage) -> None:
    event = opened()
    await told(stage, event)
    headers = {**guest_of(stage, event.cart_id), "Idempotency-Key": "one"}
    first, second = [await process(stage, event.cart_id, headers=headers) for _ in range(2)]
    assert (second.status_code, second.json()) == (201, first.json())
    assert second.headers["idempotent-replayed"] == "true"
    other = await process(stage, event.cart_id, "RAZORPAY", headers=headers)
    assert (other.status_code, kind(other)) == (422, "idempotency-key-reused")


@pytest.mark.parametrize(
    ("method", "needed"),
    [
        ("RAZORPAY", {"razorpay_order_id", "key_id"}),
        ("STRIPE", {"payment_intent_id", "client_secret", "publishable_key"}),
    ],
)
async def test_another_method_gives_what_its_checkout_needs(stage: Stage, method: str, needed: set[str]) -> None:
    event = opened()
    await told(stage, event)
    body = (await process(stage, event.cart_id, method)).json()
    assert set(body) == {"success", "payment_id", "payment_url", "amount", "status"} | needed
    assert (body["payment_url"], body["amount"], all(body[name] for name in needed)) == (None, "999.00", True)


async def test_the_cart_is_its_buyers_alone(stage: Stage) -> None:
    mine, others = opened(buyer_id="ada"), opened()
    await told(stage, mine, others)
    ada, bob = stage.account("ada", "buyer"), stage.account("bob", "buyer", "admin")
    assert (await stage.api.post(PATH, json={"cart_id": mine.cart_id, "method": "PHONEPE"})).status_code == 401
    foreign = [
        await process(stage, mine.cart_id, headers=bob),
        await process(stage, others.cart_id, headers=ada),
        await process(stage, str(uuid7()), headers=ada),
        await process(stage, mine.cart_id, headers=guest_of(stage, others.cart_id)),
        await process(stage, mine.cart_id, headers=stage.guest(mine.booking_id)),
    ]
    assert [(answer.status_code, kind(answer)) for answer in foreign] == [(404, "not-found")] * 5
    # To an account, another's cart and no cart look the same.
    assert len({answer.json()["detail"] for answer in foreign[:3]}) == 1
    assert await payments(stage, mine) + await payments(stage, others) == []
    answer = await process(stage, mine.cart_id, headers=ada)
    assert answer.status_code == 201, answer.text


async def test_a_checkout_that_is_on_its_way_is_waited_for(stage: Stage) -> None:
    event = opened()
    async with stage.database.transaction() as work:
        # The request looks for the first time while nothing is there: it can't read before this lock is gone.
        await work.execute("LOCK TABLE checkouts IN ACCESS EXCLUSIVE MODE")
        asked = asyncio.create_task(process(stage, event.cart_id))
        await stage.until(
            "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
    await told(stage, event)
    answer = await asked
    assert answer.status_code == 201, answer.text


async def test_a_cart_that_is_not_known_says_when_to_ask_again_and_opens_nothing(stage: Stage) -> None:
    event = opened()
    answer = await process(stage, event.cart_id)
    assert (answer.status_code, kind(answer), answer.headers["retry-after"]) == (409, "state-conflict", "1")
    await told(stage, event)
    assert (await process(stage, event.cart_id)).status_code == 201


async def test_a_checkout_that_has_ended_opens_nothing_and_the_next_one_does(stage: Stage) -> None:
    past = datetime.now(UTC) - timedelta(minutes=20)
    event = opened(opened_at=past, expires_at=past + timedelta(minutes=15))
    await told(stage, event)
    answer = await process(stage, event.cart_id)
    assert (answer.status_code, kind(answer)) == (409, "hold-expired")
    assert answer.json()["booking_id"] == event.booking_id
    assert await payments(stage, event) == []
    again = opened(cart_id=event.cart_id)
    await told(stage, again)
    assert (await process(stage, event.cart_id)).status_code == 201
    assert await payments(stage, again) == [("phonepe", AMOUNT, again.buyer_id)]


async def test_a_paid_cart_says_so_and_is_not_paid_twice(stage: Stage) -> None:
    event = opened()
    await told(stage, event)
    body = (await process(stage, event.cart_id)).json()
    order = (
        await rows(
            stage.database, "SELECT gateway_order_id FROM gateway_orders WHERE payment_id = $1", body["payment_id"]
        )
    )[0][0]
    paid = await stage.simulator.post(f"/control/phonepe/orders/{order}/pay", json={"outcome": "success"})
    assert paid.status_code < 300, paid.text
    await stage.api.post("/api/v1/payments/public/verify", json={"payment_id": body["payment_id"]})
    await stage.until("SELECT status = 'captured' FROM payments WHERE id = $1", body["payment_id"])
    again = await process(stage, event.cart_id)
    assert (again.status_code, again.json()["payment_id"]) == (200, body["payment_id"])
    assert again.json()["status"] == "SUCCESS"
    elsewhere = await process(stage, event.cart_id, "RAZORPAY")
    assert (elsewhere.status_code, kind(elsewhere)) == (409, "state-conflict")
    await rows(stage.database, "UPDATE checkouts SET expires_at = now() WHERE cart_id = $1 RETURNING 1", event.cart_id)
    late = await process(stage, event.cart_id)
    assert (late.status_code, kind(late), late.json()["booking_id"]) == (409, "state-conflict", event.booking_id)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"method": "CASH"}, "/method"),
        ({"cart_id": ""}, "/cart_id"),
        ({"cart_id": None}, "/cart_id"),
        ({"amount": "1.00"}, "/amount"),
        ({"currency": "INR"}, "/currency"),
    ],
)
async def test_a_bad_body_is_refused_by_name(stage: Stage, change: dict[str, Any], pointer: str) -> None:
    event = opened()
    await told(stage, event)
    body = {"cart_id": event.cart_id, "method": "PHONEPE", **change}
    answer = await stage.api.post(PATH, json=body, headers=guest_of(stage, event.cart_id))
    assert answer.status_code == 422
    assert pointer in [item["pointer"] for item in answer.json()["errors"]]
    assert await payments(stage, event) == []


async def test_a_gateway_that_is_not_offered_is_refused_by_name(postgres_server: Server) -> None:
    async with staged(postgres_server, with_simulator=False, phonepe_client_id="") as bare:
        event = opened()
        await told(bare, event)
        answer = await process(bare, event.cart_id)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/method")
        assert "razorpay" in answer.json()["errors"][0]["detail"]
