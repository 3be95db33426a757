"""Customers and their cards, setups that fail, and what may be noted on a thing later."""

from __future__ import annotations

import httpx2
import pytest
import stripe

from simulators.tests.conftest import KEYS
from simulators.tests.stripe_calls import ORDER, control, paid, sdk, state


async def test_a_card_is_attached_to_one_customer_and_detached(base: str) -> None:
    v1 = sdk(base)
    ada, bob = [await v1.customers.create_async({"name": name}) for name in ("Ada", "Bob")]
    card = await v1.payment_methods.attach_async("pm_card_mastercard", {"customer": ada.id})
    assert (card.card.brand, card.card.last4, card.customer) == ("mastercard", "4444", ada.id)
    with pytest.raises(stripe.InvalidRequestError):
        await v1.payment_methods.attach_async(card.id, {"customer": bob.id})
    assert (await v1.payment_methods.detach_async(card.id)).customer is None
    assert (await v1.customers.payment_methods.list_async(ada.id)).data == []
    changed = await v1.customers.update_async(ada.id, {"email": "ada@example.com", "metadata": {"a": "1"}})
    assert (changed.email, changed.name, changed.metadata["a"]) == ("ada@example.com", "Ada", "1")


async def test_a_card_that_can_not_be_set_up_is_refused_and_one_that_fails_later_is_kept(base: str) -> None:
    v1 = sdk(base)
    customer = await v1.customers.create_async({})
    with pytest.raises(stripe.CardError) as refusal:
        await v1.payment_methods.attach_async("pm_card_visa_chargeDeclined", {"customer": customer.id})
    assert refusal.value.code == "card_declined"
    kept = await v1.payment_methods.attach_async("pm_card_chargeCustomerFail", {"customer": customer.id})
    order = {"customer": customer.id, "payment_method": kept.id, "confirm": True, "off_session": True}
    with pytest.raises(stripe.CardError):
        await v1.payment_intents.create_async({**ORDER, **order})


async def test_a_setup_fails_is_tried_again_and_ends(base: str) -> None:
    setups = sdk(base).setup_intents
    setup = await setups.create_async({"metadata": {"booking_id": "b"}})
    with pytest.raises(stripe.CardError) as refusal:
        await setups.confirm_async(setup.id, {"payment_method": "pm_card_visa_chargeDeclined"})
    assert refusal.value.error is not None
    assert refusal.value.error.setup_intent is not None
    assert refusal.value.error.setup_intent.status == "requires_payment_method"
    await setups.confirm_async(setup.id, {"payment_method": "pm_card_authenticationRequired"})
    ended = await control(base, f"setup_intents/{setup.id}/challenge", passed=False)
    assert ended["error"]["code"] == "setup_intent_authentication_failure"
    assert (await setups.cancel_async(setup.id, {"cancellation_reason": "abandoned"})).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as over:
        await setups.confirm_async(setup.id, {"payment_method": "pm_card_visa"})
    assert over.value.code == "setup_intent_unexpected_state"


async def test_metadata_is_noted_on_charges_refunds_and_transfers(base: str) -> None:
    v1 = sdk(base)
    intent = await paid(base, metadata={"booking_id": "b-5"})
    note = {"metadata": {"seen": "yes"}}
    charge = await v1.charges.update_async(intent.latest_charge, note)
    assert charge.metadata.to_dict() == {"booking_id": "b-5", "seen": "yes"}
    refund = await v1.refunds.create_async({"charge": charge.id, "amount": 100})
    assert (await v1.refunds.update_async(refund.id, note)).metadata["seen"] == "yes"
    order = {"amount": 100, "currency": "usd", "destination": "acct_1PayfirstTrainer1"}
    transfer = await v1.transfers.create_async(order)
    assert (await v1.transfers.update_async(transfer.id, note)).metadata["seen"] == "yes"


async def test_direct_charges_are_refused(base: str) -> None:
    with pytest.raises(stripe.PermissionError):
        await sdk(base).payment_intents.create_async(ORDER, {"stripe_account": "acct_1PayfirstPartner1"})


async def test_both_forms_of_lists_are_read(base: str) -> None:
    async with httpx2.AsyncClient(auth=(KEYS["STRIPE_SECRET_KEY"], "")) as client:
        for key in ("payment_method_types[]", "payment_method_types[0]"):
            form = {"amount": "500", "currency": "EUR", key: "card", "metadata[a][b]": "x"}
            refused = await client.post(f"{base}/stripe/v1/payment_intents", data=form)
            assert (refused.status_code, refused.json()["error"]["param"]) == (400, "metadata")
            del form["metadata[a][b]"]
            made = (await client.post(f"{base}/stripe/v1/payment_intents", data=form)).json()
            assert (made["payment_method_types"], made["currency"]) == (["card"], "eur")


async def test_a_reset_forgets_everything_but_the_seeded_accounts(base: str) -> None:
    intent = await paid(base)
    async with httpx2.AsyncClient() as client:
        await client.post(f"{base}/control/reset")
    books = await state(base)
    assert (books["payment_intents"], books["charges"], books["webhooks"]) == ([], [], [])
    assert "acct_1PayfirstPartner1" in {account["id"] for account in books["accounts"]}
    with pytest.raises(stripe.InvalidRequestError):
        await sdk(base).payment_intents.retrieve_async(intent.id)
