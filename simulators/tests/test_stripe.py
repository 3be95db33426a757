"""Payment intents through the vendor's own SDK: held, captured, voided, expired, saved for later."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
import stripe

from simulators.tests.conftest import KEYS
from simulators.tests.stripe_calls import HELD, ORDER, RETURN, control, later, paid, sdk, state

DAY = 86_400


async def test_money_is_held_then_captured_with_its_fee(base: str) -> None:
    intents = sdk(base).payment_intents
    made = await intents.create_async({**HELD, "metadata": {"payment_id": "p-1"}, "description": "BK-1"})
    assert (made.status, made.amount_capturable, made.metadata["payment_id"]) == ("requires_payment_method", 0, "p-1")
    held = await intents.confirm_async(made.id, {"payment_method": "pm_card_visa", "expand": ["latest_charge"]})
    assert (held.status, held.amount_capturable, held.latest_charge.captured) == ("requires_capture", 5000, False)
    before = held.latest_charge.payment_method_details.card.capture_before
    assert before - held.latest_charge.created == 7 * DAY
    done = await intents.capture_async(made.id, {"expand": ["latest_charge.balance_transaction"]})
    assert (done.status, done.amount_received, done.amount_capturable) == ("succeeded", 5000, 0)
    entry = done.latest_charge.balance_transaction
    assert (entry.amount, entry.fee, entry.net) == (5000, 175, 4825)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await intents.capture_async(made.id)
    assert refusal.value.code == "payment_intent_unexpected_state"
    error: Any = refusal.value.error
    assert error.payment_intent.status == "succeeded"


async def test_the_synchronous_sdk_works_too(base: str) -> None:
    address: Any = {"api": f"{base}/stripe"}
    client = stripe.StripeClient(KEYS["STRIPE_SECRET_KEY"], base_addresses=address)
    order: Any = ORDER
    made = await asyncio.to_thread(client.v1.payment_intents.create, order)
    assert made.last_response is not None
    assert made.last_response.headers["Request-Id"].startswith("req_")


@pytest.mark.parametrize(("amount", "fee"), [(50, 31), (1000, 59), (1017, 59), (1018, 60), (5000, 175), (150000, 4380)])
async def test_the_fee_is_rounded_half_up(base: str, amount: int, fee: int) -> None:
    intent = await paid(base, amount=amount, expand=["latest_charge.balance_transaction"])
    assert intent.latest_charge.balance_transaction.fee == fee


async def test_a_partial_capture_releases_the_rest_as_a_refund_that_moved_no_money(base: str) -> None:
    intents = sdk(base).payment_intents
    held = await paid(base, capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await intents.capture_async(held.id, {"amount_to_capture": 5001})
    assert refusal.value.code == "amount_too_large"
    expand = ["latest_charge.refunds", "latest_charge.balance_transaction"]
    done = await intents.capture_async(held.id, {"amount_to_capture": 3000, "expand": expand})
    charge = done.latest_charge
    assert (done.amount_received, charge.amount_captured, charge.amount_refunded) == (3000, 3000, 2000)
    assert (charge.refunded, charge.balance_transaction.amount) == (False, 3000)
    assert [(item.amount, item.balance_transaction) for item in charge.refunds.data] == [(2000, None)]
    refund = await sdk(base).refunds.create_async({"payment_intent": held.id})
    assert refund.amount == 3000
    books = await state(base)
    assert refund.id in {item["id"] for item in books["refunds"]}
    assert charge.refunds.data[0].id in {item["id"] for item in books["releases"]}


async def test_several_captures_need_to_be_asked_for(base: str) -> None:
    intents = sdk(base).payment_intents
    plain = await paid(base, capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError):
        await intents.capture_async(plain.id, {"amount_to_capture": 1000, "final_capture": False})
    options = {"card": {"request_multicapture": "if_available"}}
    several = await paid(base, capture_method="manual", payment_method_options=options)
    first = await intents.capture_async(several.id, {"amount_to_capture": 1000, "final_capture": False})
    assert (first.status, first.amount_capturable, first.amount_received) == ("requires_capture", 4000, 1000)
    last = await intents.capture_async(several.id, {"amount_to_capture": 2500})
    assert (last.status, last.amount_capturable, last.amount_received) == ("succeeded", 0, 3500)


async def test_a_void_releases_what_was_held_and_ends_the_intent(base: str) -> None:
    intents = sdk(base).payment_intents
    held = await paid(base, capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError, match="no captured charge"):
        await sdk(base).refunds.create_async({"payment_intent": held.id})
    reason = {"cancellation_reason": "requested_by_customer", "expand": ["latest_charge"]}
    gone = await intents.cancel_async(held.id, reason)
    assert (gone.status, gone.cancellation_reason, gone.amount_capturable) == ("canceled", "requested_by_customer", 0)
    assert (gone.latest_charge.refunded, gone.latest_charge.captured) == (True, False)
    for verb in (intents.capture_async, intents.cancel_async, intents.confirm_async):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            await verb(held.id)
        assert refusal.value.code == "payment_intent_unexpected_state"


async def test_an_authorization_expires_by_the_vendors_clock(base: str) -> None:
    held = await paid(base, capture_method="manual")
    intents = sdk(base).payment_intents
    async with later(base, 7 * DAY - 60):
        assert (await intents.retrieve_async(held.id)).status == "requires_capture"
    async with later(base, 7 * DAY + 1):
        gone = await intents.retrieve_async(held.id, {"expand": ["latest_charge"]})
    assert (gone.status, gone.amount_capturable, gone.latest_charge.refunded) == ("canceled", 0, True)


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": 10**12}, "amount_too_large", "amount"),
        ({"amount": "12.5"}, "parameter_invalid_integer", "amount"),
        ({"amount": 29, "currency": "gbp"}, "amount_too_small", "amount"),
        ({"currency": "xyz"}, None, "currency"),
        ({"amount": 10001, "currency": "kwd"}, None, "amount"),
        ({"amount": 10001, "currency": "isk"}, None, "amount"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"customer": "cus_none"}, "resource_missing", "customer"),
        ({"metadata": {"k" * 41: "v"}}, None, f"metadata[{'k' * 41}]"),
        ({"payment_method": "pm_none"}, "resource_missing", "payment_method"),
        ({"transfer_data": {"destination": "acct_none"}}, "resource_missing", "transfer_data[destination]"),
        ({"application_fee_amount": 100}, None, "application_fee_amount"),
        ({"expand": ["nonsense"]}, None, "expand[0]"),
    ],
)
async def test_bad_orders_are_refused_as_the_vendor_does(
    base: str, change: dict[str, Any], code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await sdk(base).payment_intents.create_async({**ORDER, **change})
    assert (refusal.value.http_status, refusal.value.code, refusal.value.param) == (400, code, param)


@pytest.mark.parametrize(("currency", "amount"), [("jpy", 50), ("kwd", 10000), ("isk", 10000), ("inr", 50)])
async def test_amounts_count_the_smallest_unit_of_their_currency(base: str, currency: str, amount: int) -> None:
    intent = await paid(base, currency=currency, amount=amount)
    assert (intent.amount_received, intent.currency, intent.status) == (amount, currency, "succeeded")


async def test_unknown_ids_and_paths_are_404_and_wrong_keys_open_nothing(base: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as missing:
        await sdk(base).payment_intents.retrieve_async("pi_none")
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.AuthenticationError):
        await sdk(base, "sk_test_wrong").payment_intents.create_async(ORDER)
    with pytest.raises(stripe.PermissionError):
        await sdk(base, KEYS["STRIPE_PUBLISHABLE_KEY"]).payment_intents.create_async(ORDER)
    async with httpx2.AsyncClient(auth=(KEYS["STRIPE_SECRET_KEY"], "")) as client:
        answer = await client.get(f"{base}/stripe/v1/nonsense")
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "invalid_request_error")


async def test_methods_that_lead_away_need_a_return_url(base: str) -> None:
    intents = sdk(base).payment_intents
    made = await intents.create_async({"amount": 5000, "currency": "usd"})
    assert made.automatic_payment_methods.enabled is True
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        await intents.confirm_async(made.id, {"payment_method": "pm_card_visa"})
    done = await intents.confirm_async(made.id, {"payment_method": "pm_card_visa", "return_url": RETURN})
    assert done.status == "succeeded"


async def test_an_update_changes_amount_and_metadata_until_it_is_paid(base: str) -> None:
    intents = sdk(base).payment_intents
    made = await intents.create_async({**ORDER, "metadata": {"a": "1", "b": "2"}})
    changed = await intents.update_async(made.id, {"amount": 6000, "metadata": {"a": "", "c": "3"}})
    assert (changed.amount, changed.metadata.to_dict()) == (6000, {"b": "2", "c": "3"})
    await intents.confirm_async(made.id, {"payment_method": "pm_card_visa"})
    with pytest.raises(stripe.InvalidRequestError, match="amount"):
        await intents.update_async(made.id, {"amount": 7000})
    assert (await intents.update_async(made.id, {"metadata": {"d": "4"}})).metadata["d"] == "4"


async def test_a_card_is_saved_while_paying_and_charged_later_without_its_holder(base: str) -> None:
    v1 = sdk(base)
    customer = await v1.customers.create_async({"email": "ada@example.com", "metadata": {"buyer": "1"}})
    first = await paid(base, customer=customer.id, setup_future_usage="off_session")
    cards = await v1.customers.payment_methods.list_async(customer.id)
    assert [card.id for card in cards.data] == [first.payment_method]
    other = {**HELD, "payment_method": first.payment_method, "confirm": True, "off_session": True}
    with pytest.raises(stripe.InvalidRequestError, match="belongs to the customer"):
        await v1.payment_intents.create_async(other)
    expand = {"customer": customer.id, "expand": ["latest_charge"]}
    held = await v1.payment_intents.create_async({**other, **expand})
    charge = held.latest_charge
    assert held.status == "requires_capture"
    assert charge.payment_method_details.card.capture_before - charge.created == 5 * DAY - 6 * 3600


async def test_a_setup_intent_saves_a_card_and_its_holder_is_not_asked_again(base: str) -> None:
    v1 = sdk(base)
    customer = await v1.customers.create_async({"email": "ada@example.com"})
    setup = await v1.setup_intents.create_async({"customer": customer.id, "usage": "off_session"})
    card = {"payment_method": "pm_card_authenticationRequiredOnSetup"}
    asked = await v1.setup_intents.confirm_async(setup.id, card)
    assert (asked.status, asked.next_action.type) == ("requires_action", "use_stripe_sdk")
    await control(base, f"setup_intents/{setup.id}/challenge")
    done = await v1.setup_intents.retrieve_async(setup.id)
    assert done.status == "succeeded"
    order = {"customer": customer.id, "payment_method": done.payment_method, "confirm": True, "off_session": True}
    assert (await v1.payment_intents.create_async({**ORDER, **order})).status == "succeeded"


async def test_what_never_was_set_up_needs_its_holder(base: str) -> None:
    for card in ("pm_card_authenticationRequiredOnSetup", "pm_card_authenticationRequired"):
        with pytest.raises(stripe.CardError) as refusal:
            await paid(base, card, off_session=True)
        assert refusal.value.code == "authentication_required"
    with pytest.raises(stripe.CardError) as unhandled:
        await paid(base, "pm_card_threeDSecure2Required", error_on_requires_action=True)
    assert unhandled.value.error is not None
    assert unhandled.value.error.decline_code == "authentication_not_handled"
