"""`create-order` by quotation over real HTTP: for its client, its expert and administrators, and nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from chassis.identity import issue_account_token, issue_guest_token
from chassis.ids import uuid7
from chassis.testing import Server
from services.payment.tests.api.test_carts import kind, opened, payments, process, told
from services.payment.tests.samples import AMOUNT
from services.payment.tests.stage import Stage, staged

pytestmark = [pytest.mark.db, pytest.mark.asyncio(loop_scope="module")]
PATH = "/api/v1/payments/create-order"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(postgres_server: Server) -> AsyncIterator[Stage]:
    """Payment with all simulators."""
    async with staged(postgres_server, payment_breaker_failures=100) as made:
        yield made


def bearer(stage: Stage, subject: str, *roles: str) -> dict[str, str]:
    """The header of an account."""
    secret = stage.application.settings.token_secret.get_secret_value()
    return {"authorization": f"Bearer {issue_account_token(secret, subject, list(roles))}"}


async def order(stage: Stage, headers: dict[str, str], quotation_id: str, **more: Any) -> httpx2.Response:
    """Ask for the quotation's order."""
    body = {"quotation_id": quotation_id, "gateway": "razorpay", **more}
    return await stage.api.post(PATH, json=body, headers=headers, timeout=20)


async def test_client_expert_and_administrator_open_one_payment(stage: Stage) -> None:
    event = opened(buyer_id="std-asha", seller_id="exp-jonas")
    await told(stage, event)
    who = (("exp-jonas", "expert"), ("std-asha", "buyer"), ("admin", "admin"))
    answers = [await order(stage, bearer(stage, *one), event.cart_id) for one in who]
    assert [answer.status_code for answer in answers] == [201, 200, 200], answers[0].text
    (body,) = {answer.text for answer in answers}
    assert '"razorpay_order_id"' in body
    assert await payments(stage, event) == [("razorpay", AMOUNT, "std-asha")]


async def test_nobody_else_and_no_guest_learns_that_it_exists(stage: Stage) -> None:
    event, cart = opened(buyer_id="std-asha", seller_id="exp-jonas"), opened(buyer_id="std-asha")
    await told(stage, event, cart)
    secret = stage.application.settings.token_secret.get_secret_value()
    guest = {"authorization": f"Bearer {issue_guest_token(secret, {'cart': event.cart_id})}"}
    strangers = [
        bearer(stage, "std-other", "buyer"),
        bearer(stage, "exp-maya", "expert"),
        bearer(stage, "exp-jonas", "buyer"),
        bearer(stage, "op", "ops"),
        guest,
    ]
    for header in strangers:
        answer = await order(stage, header, event.cart_id)
        assert (answer.status_code, kind(answer)) == (404, "not-found")
    client = bearer(stage, "std-asha", "buyer")
    assert kind(await order(stage, client, cart.cart_id)) == "not-found", "a cart is no quotation"
    assert kind(await order(stage, client, str(uuid7()))) == "not-found"
    assert (await stage.api.post(PATH, json={"quotation_id": event.cart_id, "gateway": "stripe"})).status_code == 401
    assert await payments(stage, event) == []


async def test_the_client_may_also_process_it_as_a_cart(stage: Stage) -> None:
    event = opened(buyer_id="std-asha", seller_id="exp-jonas")
    await told(stage, event)
    client = bearer(stage, "std-asha", "buyer")
    assert (await process(stage, event.cart_id, "RAZORPAY", client)).status_code == 201
    assert (await order(stage, client, event.cart_id)).status_code == 200


async def test_one_that_is_over_says_so(stage: Stage) -> None:
    event = opened(buyer_id="std-asha", seller_id="exp-jonas", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await told(stage, event)
    answer = await order(stage, bearer(stage, "std-asha", "buyer"), event.cart_id)
    assert (answer.status_code, kind(answer)) == (409, "hold-expired")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"amount": 1}, "/amount"),
        ({"gateway": "nothing"}, "/gateway"),
        ({"quotation_id": "a b"}, "/quotation_id"),
        ({"quotation_id": 7}, "/quotation_id"),
    ],
)
async def test_a_bad_body_is_refused_by_name(stage: Stage, change: dict[str, Any], pointer: str) -> None:
    event = opened(buyer_id="std-asha", seller_id="exp-jonas")
    await told(stage, event)
    answer = await order(stage, bearer(stage, "std-asha", "buyer"), **{"quotation_id": event.cart_id, **change})
    assert answer.status_code == 422
    assert pointer in [item["pointer"] for item in answer.json()["errors"]]
    assert await payments(stage, event) == []
