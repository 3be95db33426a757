"""Conformance: saving a method for a purchase farther ahead than a gateway can hold. One that saves none takes the money now, or
is not offered: that is each scenario there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.payment.tests.conformance.far import (
    FAR_DAYS,
    far_ahead,
)
from services.payment.tests.conformance.purchase import Purchase
from services.payment.tests.conformance.test_money import session
from services.payment.tests.samples import AMOUNT

pytestmark = [pytest.mark.db, pytest.mark.asyncio(loop_scope="module")]
Make = Callable[..., Purchase]


async def test_the_answer_says_how_much_is_charged_when_and_the_same_again(purchase: Make) -> None:
    one = await far_ahead(purchase)
    if one is None:
        return
    assert (one.opened["status"], one.opened["amount"], one.opened["collection"]) == ("created", AMOUNT, "save_method")
    assert datetime.fromisoformat(one.opened["charge_at"]) == (await one.row("authorize_at"))[0]
    assert all(one.opened[name] for name in ("setup_intent_id", "client_secret", "publishable_key"))
    assert "payment_intent_id" not in one.opened
    again = await one.create()
    assert (again.status_code, again.json()) == (200, one.opened)
    await one.pay()
    await one.becomes("method_saved", ticking=True)
    after = (await one.create()).json()
    assert after == {**one.opened, "status": "method_saved"}


async def test_ten_checkouts_at_once_save_one_method(purchase: Make) -> None:
    one = purchase(**session(days=FAR_DAYS))
    if not one.gateway.capabilities.saves_methods:
        assert await far_ahead(purchase) is None
        return
    answers = await one.at_once(10)
    assert len({answer.json()["setup_intent_id"] for answer in answers}) == 1
    state = (await one.stage.simulator.get("/control/state")).json()[one.vendor.name]
    assert one.vendor.orders(state, one.payment_id) == 1


@pytest.mark.parametrize("webhooks", ["normal", "twice", "lost", "forged", "late"])
async def test_a_saved_method_is_proved_once_by_webhook_return_or_poll(purchase: Make, webhooks: str) -> None:
    one = await far_ahead(purchase)
    if one is None:
        return
    given = await one.pay(webhooks=webhooks, delay_seconds=0.2)
    if webhooks in ("lost", "forged"):
        answer = await one.verify(given)
        body = answer.json()
        assert (answer.status_code, body["success"], body["payment_status"]) == (200, False, "method_saved")
        assert body["booking_created"] is False
    await one.becomes("method_saved", ticking=True)
    await one.tick()
    assert await one.told() == ["payment.method_saved"]


async def test_a_lost_webhook_is_made_good_by_the_poller_and_the_deadline_is_the_new_one(purchase: Make) -> None:
    one = await far_ahead(purchase)
    if one is None:
        return
    await one.pay(webhooks="lost")
    async with one.stage.database.transaction() as work:
        await work.execute("UPDATE payments SET expires_at = now() - interval '1 second' WHERE id = $1", one.payment_id)
    await one.becomes("method_saved", ticking=True)
    await one.tick()
    assert await one.told() == ["payment.method_saved"]
    assert (await one.row("expires_at"))[0] > datetime.now(UTC) + timedelta(days=20)


async def test_a_card_that_cannot_be_saved_is_told_and_the_next_one_counts(purchase: Make) -> None:
    one = await far_ahead(purchase)
    if one is None:
        return
    await one.pay("decline:insufficient_funds")
    await one.becomes("failed", ticking=True)
    again = await one.create()
    assert again.json()["setup_intent_id"] == one.opened["setup_intent_id"]
    await one.pay()
    await one.becomes("method_saved", ticking=True)
    assert await one.told() == ["payment.failed", "payment.method_saved"]
    assert await one.cases() == set()


async def test_a_saving_that_was_canceled_at_the_gateway_is_begun_anew(purchase: Make) -> None:
    one = await far_ahead(purchase)
    if one is None:
        return
    gateway: Any = one.gateway
    await gateway._calls.v1.setup_intents.cancel_async(one.opened["setup_intent_id"])
    await one.becomes("failed", ticking=True)
    again = await one.create()
    assert again.status_code == 201
    assert again.json()["setup_intent_id"] != one.opened["setup_intent_id"]
    await one.pay()
    await one.becomes("method_saved", ticking=True)
