"""Stripe's own name for opening a payment: for the buyer of the checkout alone, and as repeatable as create-order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from chassis.ids import uuid7
from chassis.testing import Server
from services.payment.tests.samples import checkout_token
from services.payment.tests.stage import Stage, staged

pytestmark = pytest.mark.db
PATH = "/api/v1/payments/create-payment-intent"


@pytest.fixture
async def stage(postgres_server: Server) -> AsyncIterator[Stage]:
    """Payment with the vendors' simulators."""
    async with staged(postgres_server) as made:
        yield made


async def test_stripes_own_name_opens_the_same_payment_for_its_buyer_alone(stage: Stage) -> None:
    booking_id = str(uuid7())
    body = {"checkout_token": checkout_token(booking_id=booking_id)}
    assert (await stage.api.post(PATH, json=body)).status_code == 401
    for stranger in (stage.account("somebody-else", "buyer"), stage.guest(str(uuid7())), stage.account("x", "ops")):
        assert (await stage.api.post(PATH, json=body, headers=stranger)).status_code == 404
    answer = await stage.api.post(PATH, json=body, headers=stage.account("student-1", "buyer"))
    assert answer.status_code == 201, answer.text
    assert answer.json()["client_secret"].startswith(answer.json()["payment_intent_id"])
    again = await stage.api.post(PATH, json=body, headers=stage.guest(booking_id))
    assert (again.status_code, again.json()) == (200, answer.json())


async def test_a_key_gives_the_answer_again_and_refuses_another_body(stage: Stage) -> None:
    headers = {**stage.account("student-1", "buyer"), "idempotency-key": "k-1"}
    body = {"checkout_token": checkout_token(booking_id=str(uuid7()))}
    first, again = [await stage.api.post(PATH, json=body, headers=headers) for _ in range(2)]
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    other = {"checkout_token": checkout_token(booking_id=str(uuid7()))}
    refused = await stage.api.post(PATH, json=other, headers=headers)
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[-1]) == (422, "idempotency-key-reused")


async def test_openapi_lists_what_create_order_may_answer_and_that_it_may_not_be_yours(stage: Stage) -> None:
    paths = (await stage.api.get("/openapi.json")).json()["paths"]

    def kinds(path: str) -> set[str]:
        responses: dict[str, Any] = paths[path]["post"]["responses"]
        contents = [answer.get("content", {}).get("application/problem+json", {}) for answer in responses.values()]
        return {kind for content in contents for kind in content.get("examples", {})}

    assert kinds(PATH) == kinds("/api/v1/payments/public/create-order") | {"not-found"}
    assert {"idempotency-key-reused", "idempotency-in-progress"} <= kinds(PATH)
