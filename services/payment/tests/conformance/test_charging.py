"""Conformance: charging a saved method near the date: held and captured, declined, paid by the buyer, expired, lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from chassis.testing import eventually
from contracts.booking_events import HoldExpired
from contracts.topics import PAYMENT_BOOKINGS
from services.payment.domain.planning import MARGIN
from services.payment.tests.conformance.far import (
    near_the_date,
    near_the_end,
    pending_tries,
    saved,
)
from services.payment.tests.conformance.purchase import Purchase
from services.payment.tests.conformance.vendors import order_of
from services.payment.tests.samples import AMOUNT

pytestmark = [pytest.mark.db, pytest.mark.asyncio(loop_scope="module")]
Make = Callable[..., Purchase]
WILL_DECLINE = "pm_card_chargeCustomerFail"
MUST_AUTHENTICATE = "pm_card_authenticationRequired"


async def test_a_card_is_saved_and_charged_near_the_date_and_captured_after_the_service(purchase: Make) -> None:
    one = await saved(purchase)
    if one is None:
        return
    authorize_at, charge_at, expires_at, ends = await one.row("authorize_at, charge_at, expires_at, service_ends_at")
    assert (authorize_at, expires_at) == (charge_at, charge_at + timedelta(hours=48))
    held = timedelta(seconds=one.gateway.capabilities.off_session_seconds)
    assert charge_at > datetime.now(UTC) + timedelta(days=20)
    assert ends + timedelta(minutes=30) + MARGIN <= charge_at + held
    assert await one.told() == ["payment.method_saved"]
    assert await one.books() == []
    async with near_the_date(one):
        await one.becomes("authorized", ticking=True)
        capture_at, ends = await one.row("capture_at, service_ends_at")
        assert capture_at == ends + timedelta(minutes=30)
        assert [(t.captured, t.held) for t in await one.books()] == [(0, True)]
        assert await one.told() == ["payment.method_saved", "payment.secured"]
        async with one.stage.database.transaction() as work:
            await work.execute("UPDATE payments SET capture_at = now() WHERE id = $1", one.payment_id)
        await one.becomes("captured", ticking=True)
        await one.tick()
        await one.books_agree()
    assert (await pending_tries(one), await one.cases()) == (1, set())


@pytest.mark.parametrize("method", [WILL_DECLINE, MUST_AUTHENTICATE])
async def test_declined_near_the_date_the_buyer_pays_at_the_same_checkout(purchase: Make, method: str) -> None:
    one = await saved(purchase, method)
    if one is None:
        return
    async with near_the_date(one):
        await one.becomes("failed", ticking=True)
        assert await one.told() == ["payment.method_saved", "payment.failed"]
        again = await one.create()
        assert again.status_code == 201, again.text
        body = again.json()
        assert "setup_intent_id" not in body
        assert "collection" not in body
        assert body["payment_id"] == one.opened["payment_id"]
        assert body["payment_intent_id"] == await order_of(one.stage, str(one.payment_id))
        await one.pay()
        await one.becomes("authorized", ticking=True)
        await one.tick()
        capture_at, ends, charge_at = await one.row("capture_at, service_ends_at, charge_at")
        assert (capture_at, charge_at) == (ends + timedelta(minutes=30), None)
        assert [(t.captured, t.held) for t in await one.books()] == [(0, True)]
    assert (await one.told())[-1] == "payment.secured"
    assert (await pending_tries(one), await one.cases()) == (1, set())


async def test_declined_near_the_date_the_next_try_is_good(purchase: Make) -> None:
    one = await saved(purchase, WILL_DECLINE)
    if one is None:
        return
    async with near_the_date(one):
        await one.becomes("failed", ticking=True)
        (method_id,) = await one.row("saved_method")
        path = f"/control/stripe/payment_methods/{method_id}/behaviour"
        await one.stage.simulator.post(path, json={"test_id": "pm_card_visa"})
        await one.tick()
        assert (await one.row("status"))[0] == "failed", "not before its time"
        async with one.stage.database.transaction() as work:
            await work.execute("UPDATE payments SET charge_at = now() WHERE id = $1", one.payment_id)
        await one.becomes("authorized", ticking=True)
    assert await one.told() == ["payment.method_saved", "payment.failed", "payment.secured"]
    assert await pending_tries(one) == 2


async def test_a_buyer_who_pays_beside_a_good_retry_gets_one_of_both_back(purchase: Make) -> None:
    one = await saved(purchase, WILL_DECLINE)
    if one is None:
        return
    async with near_the_date(one):
        await one.becomes("failed", ticking=True)
        opened = (await one.create()).json()["payment_intent_id"]
        (method_id,) = await one.row("saved_method")
        path = f"/control/stripe/payment_methods/{method_id}/behaviour"
        await one.stage.simulator.post(path, json={"test_id": "pm_card_visa"})
        async with one.stage.database.transaction() as work:
            await work.execute("UPDATE payments SET charge_at = now() WHERE id = $1", one.payment_id)
        await one.becomes("authorized", ticking=True)
        await one.stage.simulator.post(one.vendor.control(opened), json={"outcome": "success"})
        await one.refunds_become(("succeeded", AMOUNT))
        assert sorted((t.captured - t.refunded, t.held) for t in await one.books()) == [(0, False), (0, True)]
    assert (await one.told()).count("payment.secured") == 1
    assert await one.cases() == {"second-payment"}


async def test_declined_till_the_end_the_payment_expires_and_nothing_is_charged_any_more(purchase: Make) -> None:
    one = await saved(purchase, WILL_DECLINE)
    if one is None:
        return
    async with near_the_date(one):
        for tried in range(1, 5):

            async def declined(times: int = tried) -> bool:
                await one.tick()
                return await pending_tries(one) == times and (await one.row("status"))[0] == "failed"

            await eventually(declined, what=f"try {tried}")
            async with one.stage.database.transaction() as work:
                await work.execute(
                    """UPDATE payments SET expires_at = expires_at - interval '12 hours', charge_at = now()
                       WHERE id = $1 AND charge_at IS NOT NULL""",
                    one.payment_id,
                )
        assert (await one.row("charge_at"))[0] is None, "the next try would come after the deadline"
        async with one.stage.database.transaction() as work:
            await work.execute("UPDATE payments SET expires_at = now() WHERE id = $1", one.payment_id)
        await one.becomes("expired", ticking=True)
        tries = await pending_tries(one)
        await one.tick()
    assert await pending_tries(one) == tries
    assert (await one.told())[-1] == "payment.expired"
    assert (await one.told()).count("payment.expired") == 1
    assert "payment.secured" not in await one.told()
    assert sum(t.captured for t in await one.books()) == 0
    again = await one.create()
    assert again.status_code == 409


@pytest.mark.parametrize("kind", ["drop_after_commit", "error_500", "malformed_json", "rate_limited", "unreachable"])
async def test_a_charge_that_fails_on_the_way_is_made_once_in_the_end(purchase: Make, kind: str) -> None:
    one = await saved(purchase)
    if one is None:
        return
    await one.fault(kind, times=4, route="payment_intents", method="POST", until_seconds=20.0)
    async with near_the_date(one):
        await one.becomes("authorized", ticking=True, seconds=40)
        await one.tick()
        assert [(t.captured, t.held) for t in await one.books()] == [(0, True)]
    state = (await one.stage.simulator.get("/control/state")).json()[one.vendor.name]
    mine = [i for i in state["payment_intents"] if i["metadata"].get("payment_id") == str(one.payment_id)]
    assert len(mine) == 1
    assert (await one.told()).count("payment.secured") == 1


async def test_a_charge_whose_webhooks_and_reply_are_lost_is_found_by_the_poller(purchase: Make) -> None:
    one = await saved(purchase)
    if one is None:
        return
    await one.stage.simulator.post("/control/stripe/webhooks", json={"mode": "lost"})
    try:
        await one.fault("drop_after_commit", times=3, route="payment_intents", method="POST", until_seconds=20.0)
        async with near_the_date(one):
            await one.becomes("authorized", ticking=True, seconds=40)
            assert [(t.captured, t.held) for t in await one.books()] == [(0, True)]
    finally:
        await one.stage.simulator.post("/control/stripe/webhooks", json={"mode": "normal"})
    assert await pending_tries(one) == 1


async def test_a_charge_that_comes_late_is_captured_before_its_hold_ends(purchase: Make) -> None:
    one = await saved(purchase)
    if one is None:
        return
    async with near_the_date(one, hours_after=40):
        await one.becomes("authorized", ticking=True)
        capture_at, capture_before, ends = await one.row("capture_at, capture_before, service_ends_at")
        assert capture_at == ends + timedelta(minutes=30)
        assert capture_at + MARGIN <= capture_before


async def test_a_saved_method_whose_hold_has_ended_is_not_charged(purchase: Make) -> None:
    one = await saved(purchase)
    if one is None:
        return
    async with one.stage.database.transaction() as work:
        event = HoldExpired(booking_id=one.booking_id, expired_at=datetime.now(UTC))
        work.schedule(PAYMENT_BOOKINGS, event, key=one.booking_id)
    await one.becomes("expired", ticking=True)
    async with near_the_end(one):
        await one.tick()
    assert (await pending_tries(one), await one.books()) == (0, [])
    assert await one.told() == ["payment.method_saved", "payment.expired"]


async def test_a_session_paid_by_a_saved_card_is_given_back_before_its_capture(purchase: Make) -> None:
    one = await saved(purchase)
    if one is None:
        return
    async with near_the_date(one):
        await one.becomes("authorized", ticking=True)
        await one.owe(AMOUNT)
        await one.refunds_become(("succeeded", AMOUNT))
        await one.books_agree()
