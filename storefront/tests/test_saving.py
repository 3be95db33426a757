"""Saving a card for a place that is far ahead, and paying after all when it was declined."""

from __future__ import annotations

from storefront.tests.conftest import Buyer, Fakes


async def test_the_page_says_that_nothing_is_charged_today_and_how_much_when(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.check_out()
    fakes.saves = True
    page = (await buyer.get("/pay/with/stripe")).text
    for words in (
        "Nothing is charged today.",
        "₹999.00 is charged to the card you save on Fri 20 November, 09:30 UTC",
        'data-secret="seti_1_secret_1"',
        'name="setup_intent_id" value="seti_1"',
        "Save my card",
    ):
        assert words in page
    assert "payment_intent_id" not in page
    assert "Pay ₹" not in page


async def test_a_saved_card_is_proved_by_asking_and_leads_to_the_booking(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.check_out()
    fakes.saves = True
    answer = await buyer.send("/pay/verify", {"setup_intent_id": "seti_1"}, page="/pay/with/stripe")
    assert answer.headers["location"] == "/booking"
    assert fakes.calls[-1][3] == {"setup_intent_id": "seti_1"}
    await buyer.get("/pay/back?setup_intent=seti_1&setup_intent_client_secret=x&redirect_status=succeeded")
    assert fakes.calls[-1][3] == {"setup_intent_id": "seti_1"}


async def test_the_booking_page_says_that_the_card_is_saved_and_offers_nothing_to_pay(
    buyer: Buyer, fakes: Fakes
) -> None:
    await buyer.check_out()
    fakes.booking.update(payment_status="method_saved", charge_at="2099-11-20T09:30:00Z")
    page = (await buyer.get("/booking")).text
    for words in ("Your card is saved", "nothing is charged before Fri 20 November, 09:30 UTC", "card saved"):
        assert words in page
    assert 'href="/pay"' not in page
    assert "Your payment arrived" not in page
    for path in ("/pay", "/pay/with/stripe", "/pay/stopped"):
        assert (await buyer.get(path)).headers["location"] == "/booking"


async def test_after_a_decline_near_the_date_the_buyer_pays_with_a_fresh_checkout_token(
    buyer: Buyer, fakes: Fakes
) -> None:
    await buyer.check_out()
    fakes.booking.update(payment_status="failed", checkout_token="fresh-token")
    assert 'href="/pay"' in (await buyer.get("/booking")).text
    page = (await buyer.get("/pay/with/stripe")).text
    assert fakes.calls[-1][3] == {"checkout_token": "fresh-token", "gateway": "stripe"}
    assert "Pay ₹999.00" in page
    assert "Your place is safe until" in page


async def test_the_choice_says_that_a_card_is_saved(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.check_out()
    fakes.saves = True
    page = (await buyer.get("/pay")).text
    assert "nothing is charged before Fri 20 November, 09:30 UTC" in page
