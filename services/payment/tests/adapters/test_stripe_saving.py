"""Saving a card at Stripe and charging it off session, over real HTTP by the vendor's SDK: once for each receipt, found, told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from chassis.ids import uuid7
from services.payment.adapters.gateways.port import NewOrder, Rejected, SavedMethod, SavedMethods, Unknown
from services.payment.adapters.gateways.stripe.client import StripeGateway
from services.payment.domain.capabilities import CaptureMode
from services.payment.domain.declines import Decline
from services.payment.domain.observation import Observation, Seen, SetupPart, Source
from services.payment.domain.states import OrderPurpose
from services.payment.tests.adapters.vendors import Vendors

AMOUNT = 99_900
WILL_DECLINE = "pm_card_chargeCustomerFail"
LOST = {"vendor": "stripe", "kind": "drop_after_commit", "route": "payment_intents", "method": "POST"}


@pytest_asyncio.fixture
async def stripe(vendors: Vendors) -> AsyncIterator[StripeGateway]:
    """Stripe's adapter; afterwards the vendor is calm again."""
    gateway = StripeGateway(vendors.settings(payment_gateway_timeout_seconds=2.0))
    yield gateway
    await gateway.close()
    await vendors.calm()


@pytest.fixture
def saving(stripe: StripeGateway) -> SavedMethods:
    """Its charges of saved cards."""
    assert stripe.saved is not None
    return stripe.saved


def order_of(purpose: OrderPurpose = OrderPurpose.SAVE, **changed: Any) -> NewOrder:
    """An order of a new payment."""
    ends = datetime.now(UTC) + timedelta(minutes=15)
    fields: dict[str, Any] = {"capture_mode": CaptureMode.MANUAL, "purpose": purpose, **changed}
    return NewOrder(uuid7(), str(uuid7()), "BK-449034CB", AMOUNT, "INR", ends, **fields)


async def saved_card(vendors: Vendors, stripe: StripeGateway, test_id: str = "pm_card_visa") -> SavedMethod:
    """A card that its buyer has saved."""
    made = await stripe.create_order(order_of())
    await vendors.act(f"stripe/setup_intents/{made.gateway_order_id}/pay", payment_method=test_id)
    (seen,) = await stripe.observe_order(made.gateway_order_id)
    assert seen.setup is not None
    assert seen.setup.customer_id is not None
    assert seen.setup.method_id is not None
    return SavedMethod(seen.setup.customer_id, seen.setup.method_id)


async def test_a_card_is_saved_by_a_setup_intent_that_names_nobody_and_no_money(
    vendors: Vendors, stripe: StripeGateway
) -> None:
    order = order_of()
    made, again = await stripe.create_order(order), await stripe.create_order(order)
    assert made == again
    assert (made.amount_minor, made.currency) == (AMOUNT, "INR")
    fields = stripe.checkout_fields(made.gateway_order_id, made.checkout)
    assert set(fields) == {"setup_intent_id", "client_secret", "publishable_key"}
    assert await stripe.observe_order(made.gateway_order_id) == []
    (setup,) = [item for item in await vendors.books("stripe", "setup_intents") if item["id"] == made.gateway_order_id]
    assert (setup["usage"], setup["metadata"]["payment_id"]) == ("off_session", str(order.payment_id))
    (customer,) = [item for item in await vendors.books("stripe", "customers") if item["id"] == setup["customer"]]
    assert (customer["email"], customer["name"], customer["phone"]) == (None, None, None)
    await vendors.act(f"stripe/setup_intents/{made.gateway_order_id}/pay")
    (seen,) = await stripe.observe_order(made.gateway_order_id)
    assert (seen.status, seen.amount_minor, seen.payment_id) == (Seen.METHOD_SAVED, 0, order.payment_id)
    assert seen.captured_minor is None


async def test_a_setup_intent_tells_by_webhook_what_it_tells_when_asked(
    vendors: Vendors, stripe: StripeGateway
) -> None:
    made = await stripe.create_order(order_of())
    path = f"stripe/setup_intents/{made.gateway_order_id}/pay"
    await vendors.act(path, outcome="decline:insufficient_funds")
    await vendors.act(path)
    for kind, status in (("setup_intent.setup_failed", Seen.FAILED), ("setup_intent.succeeded", Seen.METHOD_SAVED)):
        headers, body = await vendors.hook(made.gateway_order_id, kind)
        assert stripe.webhook_is_authentic(headers, body)
        assert stripe.webhook_key(body) == made.gateway_order_id
        (heard,) = stripe.read_webhook(body, "hook").observations
        assert (heard.status, heard.source, heard.gateway_order_id) == (status, Source.WEBHOOK, made.gateway_order_id)
        assert heard.reason == ("insufficient_funds" if status is Seen.FAILED else None)


async def test_a_setup_intent_that_was_canceled_says_so(vendors: Vendors, stripe: StripeGateway) -> None:
    made = await stripe.create_order(order_of())
    await stripe._calls.v1.setup_intents.cancel_async(made.gateway_order_id)
    (seen,) = await stripe.observe_order(made.gateway_order_id)
    assert (seen.status, seen.setup) == (Seen.VOIDED, SetupPart())
    _, body = await vendors.hook(made.gateway_order_id, "setup_intent.canceled")
    assert [heard.status for heard in stripe.read_webhook(body, "hook").observations] == [Seen.VOIDED]


def test_a_return_names_an_intent_or_a_setup_intent_and_not_one_as_the_other(stripe: StripeGateway) -> None:
    for fields in ({"setup_intent_id": "seti_1"}, {"payment_intent_id": "pi_1"}):
        found = stripe.read_return(fields)
        assert found is not None
        assert found.gateway_order_id in fields.values()
    for wrong in ({"setup_intent_id": "pi_1"}, {"payment_intent_id": "seti_1"}, {"setup_intent_id": "seti_1", "x": ""}):
        assert stripe.read_return(wrong) is None


async def test_a_saved_card_is_charged_off_session_and_held_for_less_than_a_week(
    vendors: Vendors, stripe: StripeGateway, saving: SavedMethods
) -> None:
    card, order = await saved_card(vendors, stripe), order_of(OrderPurpose.CHARGE)
    assert await saving.find_charge(order, card) is None
    made = await saving.charge(order, card)
    assert made == await saving.charge(order, card) == await saving.find_charge(order, card)
    (seen,) = await stripe.observe_order(made.gateway_order_id)
    assert (seen.status, seen.amount_minor, seen.payment_id) == (Seen.AUTHORIZED, AMOUNT, order.payment_id)
    assert seen.capture_before is not None
    held = (seen.capture_before - datetime.now(UTC)).total_seconds()
    assert abs(held - stripe.capabilities.off_session_seconds) < 60
    assert "client_secret" not in made.checkout


async def test_a_card_can_be_charged_at_once_where_holding_it_would_not_be_safe(
    vendors: Vendors, stripe: StripeGateway, saving: SavedMethods
) -> None:
    card = await saved_card(vendors, stripe)
    made = await saving.charge(order_of(OrderPurpose.CHARGE, capture_mode=CaptureMode.AUTOMATIC), card)
    (seen,) = await stripe.observe_order(made.gateway_order_id)
    assert (seen.status, seen.captured_minor) == (Seen.CAPTURED, AMOUNT)


@pytest.mark.parametrize(
    ("test_id", "reason", "decline"),
    [
        (WILL_DECLINE, "generic_decline", Decline.DECLINED),
        ("pm_card_authenticationRequired", "authentication_required", Decline.AUTHENTICATION),
    ],
)
async def test_a_declined_charge_is_an_order_that_says_why_and_each_try_is_another(
    vendors: Vendors, stripe: StripeGateway, saving: SavedMethods, test_id: str, reason: str, decline: Decline
) -> None:
    card, first = await saved_card(vendors, stripe, test_id), order_of(OrderPurpose.CHARGE, number=2)
    made = await saving.charge(first, card)
    (seen,) = await stripe.observe_order(made.gateway_order_id)
    assert (seen.status, seen.reason) == (Seen.FAILED, reason)
    assert stripe.decline_of(reason) is decline
    assert await saving.charge(first, card) == made
    await vendors.act(f"stripe/payment_methods/{card.method_id}/behaviour", test_id="pm_card_visa")
    again = await saving.charge(NewOrder(**{**_fields(first), "number": 3}), card)
    assert again.gateway_order_id != made.gateway_order_id
    assert [seen.status for seen in await stripe.observe_order(again.gateway_order_id)] == [Seen.AUTHORIZED]


async def test_a_charge_whose_reply_was_lost_is_found_by_its_receipt_though_stripe_forgets_keys_after_a_day(
    vendors: Vendors, stripe: StripeGateway, saving: SavedMethods
) -> None:
    card, order = await saved_card(vendors, stripe), order_of(OrderPurpose.CHARGE)
    await vendors.act("faults", **LOST, times=3)
    try:
        found = await saving.charge(order, card)
    except Unknown:
        found = None
    await vendors.tester.delete("/control/faults")
    async with vendors.later(2 * 86_400):
        later = await saving.find_charge(order, card)
    assert later is not None
    assert found in (None, later)
    mine = [
        item
        for item in await vendors.books("stripe", "payment_intents")
        if item["metadata"].get("payment_id") == str(order.payment_id)
    ]
    assert [item["id"] for item in mine] == [later.gateway_order_id]


async def test_ten_charges_of_one_receipt_at_once_are_one(
    vendors: Vendors, stripe: StripeGateway, saving: SavedMethods
) -> None:
    card, order = await saved_card(vendors, stripe), order_of(OrderPurpose.CHARGE)
    answers = await asyncio.gather(*(saving.charge(order, card) for _ in range(10)), return_exceptions=True)
    assert len({answer.gateway_order_id for answer in answers if not isinstance(answer, BaseException)}) == 1


async def test_a_card_that_the_merchant_detached_is_refused_before_anything_is_made(
    vendors: Vendors, stripe: StripeGateway, saving: SavedMethods
) -> None:
    card, order = await saved_card(vendors, stripe), order_of(OrderPurpose.CHARGE)
    with pytest.raises(Rejected):
        await saving.charge(order, SavedMethod(card.customer_id, "pm_that_nobody_has"))
    assert await saving.find_charge(order, card) is None


async def test_setup_intents_are_not_on_the_list_that_books_are_compared_with(
    vendors: Vendors, stripe: StripeGateway
) -> None:
    await saved_card(vendors, stripe)
    now = datetime.now(UTC)
    listed: list[Observation] = await stripe.observe_between(now - timedelta(minutes=5), now + timedelta(minutes=5))
    assert all(seen.setup is None and seen.gateway_order_id.startswith("pi_") for seen in listed)


def _fields(order: NewOrder) -> dict[str, Any]:
    return {name: getattr(order, name) for name in order.__slots__}
