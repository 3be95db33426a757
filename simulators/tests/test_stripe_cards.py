"""Every documented test card, and what the browser may do with its publishable key."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
import stripe

from simulators.tests.conftest import KEYS
from simulators.tests.stripe_calls import HELD, ORDER, RETURN, control, paid, sdk, state

DECLINED = [
    ("4000000000000002", "pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("4000000000009995", "pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("4000000000009987", "pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("4000000000009979", "pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("4000000000000069", "pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ("4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ("4000000000000119", "pm_card_chargeDeclinedProcessingError", "processing_error", None),
    (
        *("4000000000006975", "pm_card_visa_chargeDeclinedVelocityLimitExceeded"),
        *("card_declined", "card_velocity_exceeded"),
    ),
    ("4000000000000341", "pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
    ("4100000000000019", "pm_card_radarBlock", "card_declined", "fraudulent"),
]
GOOD = ["pm_card_visa", "pm_card_mastercard", "pm_card_amex", "pm_card_in", "pm_card_visa_debit", "pm_card_discover"]
CHALLENGED = [
    "pm_card_authenticationRequiredOnSetup",
    "pm_card_authenticationRequired",
    "pm_card_threeDSecure2Required",
]


class Browser:
    """What Stripe's script sends: forms with the publishable key and the client secret."""

    def __init__(self, base: str, intent: Any, secret: str | None = None) -> None:
        self.url = f"{base}/stripe/v1/payment_intents/{intent.id}"
        self.fields = {"key": KEYS["STRIPE_PUBLISHABLE_KEY"], "client_secret": secret or intent.client_secret}

    async def confirm(self, number: str, cvc: str = "123", **fields: str) -> httpx2.Response:
        """Confirm with a card that was typed in."""
        card = {"number": number, "exp_month": "12", "exp_year": "34", "cvc": cvc} | fields
        typed = {f"payment_method_data[card][{name}]": value for name, value in card.items()}
        async with httpx2.AsyncClient() as client:
            body = {**self.fields, "payment_method_data[type]": "card", "use_stripe_sdk": "true", **typed}
            return await client.post(f"{self.url}/confirm", data=body)

    async def look(self) -> httpx2.Response:
        """Retrieve the intent."""
        async with httpx2.AsyncClient() as client:
            return await client.get(self.url, params=self.fields)


@pytest.mark.parametrize("card", GOOD)
async def test_good_cards_pay(base: str, card: str) -> None:
    assert (await paid(base, card)).status == "succeeded"


@pytest.mark.parametrize(("number", "card", "code", "decline_code"), DECLINED)
async def test_declined_cards_leave_the_intent_usable(
    base: str, number: str, card: str, code: str, decline_code: str | None
) -> None:
    intents = sdk(base).payment_intents
    made = await intents.create_async(HELD)
    with pytest.raises(stripe.CardError) as refusal:
        await intents.confirm_async(made.id, {"payment_method": card})
    error: Any = refusal.value.error
    assert (refusal.value.http_status, error.code) == (402, code)
    assert error.to_dict().get("decline_code") == decline_code
    assert error.payment_intent.status == "requires_payment_method"
    seen = await intents.retrieve_async(made.id, {"expand": ["latest_charge"]})
    assert (seen.last_payment_error.code, seen.latest_charge.status) == (code, "failed")
    assert seen.last_payment_error.charge == seen.latest_charge.id
    typed = (await Browser(base, made).confirm(number)).json()["error"]
    assert (typed["type"], typed["code"], typed.get("decline_code")) == ("card_error", code, decline_code)
    done = await intents.confirm_async(made.id, {"payment_method": "pm_card_visa"})
    assert (done.id, done.status, done.last_payment_error) == (made.id, "requires_capture", None)


@pytest.mark.parametrize("card", CHALLENGED)
async def test_authentication_is_asked_for_and_passed_or_failed(base: str, card: str) -> None:
    intents = sdk(base).payment_intents
    order = {"amount": 5000, "currency": "usd", "return_url": RETURN, "payment_method": card, "confirm": True}
    asked = await intents.create_async(order)
    assert (asked.status, asked.next_action.type) == ("requires_action", "redirect_to_url")
    assert asked.next_action.redirect_to_url.return_url == RETURN
    failed = await control(base, f"payment_intents/{asked.id}/challenge", passed=False)
    assert failed["error"]["code"] == "payment_intent_authentication_failure"
    again = await intents.confirm_async(asked.id, {"payment_method": card, "return_url": RETURN})
    assert again.status == "requires_action"
    passed = await control(base, f"payment_intents/{asked.id}/challenge", passed=True)
    assert (passed["redirect_status"], passed["payment_intent"]) == ("succeeded", asked.id)
    assert (await intents.retrieve_async(asked.id)).status == "succeeded"


async def test_a_card_may_be_declined_after_its_holder_was_authenticated(base: str) -> None:
    asked = await paid(base, "pm_card_threeDSecureRequiredChargeDeclined")
    assert asked.status == "requires_action"
    ended = await control(base, f"payment_intents/{asked.id}/challenge")
    assert (ended["status"], ended["error"]["decline_code"]) == ("requires_payment_method", "generic_decline")


async def test_the_browser_confirms_with_the_client_secret_and_sees_no_more_than_it_may(base: str) -> None:
    made = await sdk(base).payment_intents.create_async({**ORDER, "metadata": {"booking_id": "b-1"}})
    answer = await Browser(base, made).confirm("4242 4242 4242 4242")
    shown = answer.json()
    assert (answer.status_code, shown["status"]) == (200, "succeeded")
    assert not {"metadata", "latest_charge", "customer"} & set(shown)
    assert "4242424242424242" not in str(await state(base))


async def test_a_wrong_client_secret_opens_nothing(base: str) -> None:
    intents = sdk(base).payment_intents
    made, other = await intents.create_async(ORDER), await intents.create_async(ORDER)
    for secret in (other.client_secret, made.client_secret[:-1], "x"):
        stranger = Browser(base, made, secret)
        for answer in (await stranger.confirm("4242424242424242"), await stranger.look()):
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, "client_secret")
    assert (await intents.retrieve_async(made.id)).status == "requires_payment_method"


@pytest.mark.parametrize(
    ("number", "fields", "code"),
    [
        ("4242424242424241", {}, "incorrect_number"),
        ("4242424242424242", {"exp_month": "13"}, "invalid_expiry_month"),
        ("4242424242424242", {"exp_year": "20"}, "invalid_expiry_year"),
        ("4242424242424242", {"cvc": "12"}, "invalid_cvc"),
        ("378282246310005", {"cvc": "123"}, "invalid_cvc"),
        ("4111111111111111", {}, "card_declined"),
    ],
)
async def test_what_was_typed_wrongly_is_refused(base: str, number: str, fields: dict[str, str], code: str) -> None:
    made = await sdk(base).payment_intents.create_async(ORDER)
    answer = await Browser(base, made).confirm(number, **fields)
    assert (answer.status_code, answer.json()["error"]["code"]) == (402, code)


async def test_card_numbers_are_not_taken_from_the_server(base: str) -> None:
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}
    with pytest.raises(stripe.InvalidRequestError, match="from the browser"):
        await sdk(base).payment_methods.create_async({"type": "card", "card": card})


@pytest.mark.parametrize("wallet", ["apple_pay", "google_pay", "link"])
async def test_wallets_pay_through_automatic_payment_methods(base: str, wallet: str) -> None:
    made = await sdk(base).payment_intents.create_async(ORDER)
    await control(base, f"payment_intents/{made.id}/pay", method=wallet)
    done = await sdk(base).payment_intents.retrieve_async(made.id, {"expand": ["latest_charge"]})
    assert done.latest_charge.payment_method_details.card.wallet.type == wallet
