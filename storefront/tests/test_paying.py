"""Paying, failing, leaving, and following the booking."""

from __future__ import annotations

import pytest

from storefront.tests.conftest import SIMULATORS, TRIPLE, Buyer, Fakes, problem


async def test_the_pay_page_opens_the_gateways_order_for_the_checkout_token(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.check_out()
    page = (await buyer.get("/pay/with/razorpay")).text
    assert fakes.calls[-1][3] == {"checkout_token": "checkout-token", "gateway": "razorpay"}
    for words in (
        f"{SIMULATORS}/razorpay/v1/checkout.js",
        'data-order="order_1"',
        "rzp_test_1",
        "Your place is safe until",
    ):
        assert words in page
    assert "token-of-booking" not in page
    assert "checkout-token" not in page


async def test_without_a_booking_there_is_nothing_to_pay(buyer: Buyer) -> None:
    for path in ("/pay", "/pay/with/stripe", "/pay/stopped"):
        assert (await buyer.get(path)).headers["location"] == "/cart"
    assert (await buyer.get("/booking")).headers["location"] == "/"


async def test_a_gateway_that_is_away_leaves_the_place_held_and_offers_to_try_again(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.check_out()
    fakes.answers["/create-order"] = problem(503, "gateway-unavailable", "away")
    answer = await buyer.get("/pay/with/stripe")
    assert answer.status_code == 503
    assert "Choose another way to pay" in answer.text
    assert "Your place stays held" in answer.text
    assert "checkout.js" not in answer.text


async def test_the_proof_goes_to_payment_and_the_buyer_to_the_booking(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.check_out()
    answer = await buyer.send("/pay/verify", {**TRIPLE, "amount": "1"}, page="/pay/with/razorpay")
    assert answer.headers["location"] == "/booking"
    assert fakes.calls[-1][0].endswith("/verify")
    assert fakes.calls[-1][3] == TRIPLE


@pytest.mark.parametrize(
    ("status", "kind", "leads_to"),
    [
        (400, "signature-invalid", "/pay/stopped?why=unproven"),
        (404, "not-found", "/pay/stopped?why=unproven"),
        (503, "dependency-unavailable", "/booking"),
    ],
)
async def test_a_proof_that_payment_does_not_take_never_says_paid(
    buyer: Buyer, fakes: Fakes, status: int, kind: str, leads_to: str
) -> None:
    await buyer.check_out()
    fakes.answers["/verify"] = problem(status, kind, "no")
    answer = await buyer.send("/pay/verify", TRIPLE, page="/pay/with/razorpay")
    assert answer.headers["location"] == leads_to
    assert "Your payment arrived" not in (await buyer.get("/booking")).text


async def test_the_gateways_own_page_may_return_without_a_cookie(buyer: Buyer, fakes: Fakes) -> None:
    answer = await buyer.client.post("/pay/return", data=TRIPLE, headers={"origin": SIMULATORS})
    assert answer.headers["location"] == "/booking"
    assert fakes.calls[-1][3] == TRIPLE
    assert (await buyer.get("/pay/return")).headers["location"] == "/pay/stopped?why=dismissed"


@pytest.mark.parametrize(("why", "says"), [("failed", "The payment failed"), ("dismissed", "You left the payment")])
async def test_after_a_failure_the_place_is_still_held_and_paying_goes_on(buyer: Buyer, why: str, says: str) -> None:
    await buyer.check_out()
    page = (await buyer.get(f"/pay/stopped?why={why}")).text
    for words in (says, "Your place is safe until", 'data-deadline="2099-11-20T22:30:00Z"', 'href="/pay"'):
        assert words in page


@pytest.mark.parametrize(
    ("done", "says"),
    [
        (0, "We are waiting for your bank"),
        (1, "Your payment arrived"),
        (2, "We are getting your course ready"),
        (6, "Everything is ready"),
    ],
)
async def test_the_booking_page_says_where_things_stand(buyer: Buyer, fakes: Fakes, done: int, says: str) -> None:
    await buyer.check_out()
    fakes.done(done)
    fakes.booking["status"] = "CONFIRMED" if done > 1 else "PENDING"
    for path in ("/booking", "/bookings/bk-1", "/live/bookings/bk-1"):
        page = (await buyer.get(path)).text
        assert says in page
        assert ("data-ended" in page) == (done == 6)


async def test_a_paid_booking_is_never_paid_again(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.check_out()
    fakes.booking["payment_status"] = "captured"
    for path in ("/pay", "/pay/stopped?why=dismissed"):
        assert (await buyer.get(path)).headers["location"] == "/booking"


async def test_an_ended_hold_says_so_and_offers_to_choose_again(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.check_out()
    fakes.booking.update(status="EXPIRED", expires_at=None)
    assert (await buyer.get("/pay")).headers["location"] == "/booking"
    page = (await buyer.get("/booking")).text
    assert "Your hold has ended" in page
    assert "Choose again" in page


async def test_a_refund_is_shown(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.check_out()
    refund = {"amount_minor": 99900, "currency": "INR", "refunded_at": "2026-11-20T22:40:00Z", "reason": "x"}
    fakes.booking.update(status="CANCELLED", refunds=[{**refund, "released": False}])
    page = (await buyer.get("/booking")).text
    assert "Your money is on its way back" in page
    assert "₹999.00 on Fri 20 November" in page


async def test_a_reservation_that_was_let_go_is_no_money_on_its_way(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.check_out()
    refund = {"amount_minor": 99900, "currency": "INR", "refunded_at": "2026-11-20T22:40:00Z", "reason": "x"}
    fakes.booking.update(status="CANCELLED", payment_status="voided", refunds=[{**refund, "released": True}])
    page = (await buyer.get("/booking")).text
    assert "Your bank releases what it reserved" in page
    assert "Your money is on its way back" not in page


async def test_the_buyer_chooses_between_the_gateways_that_can_collect(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.check_out()
    page = (await buyer.get("/pay")).text
    assert fakes.calls[-1][3] == {"checkout_token": "checkout-token"}
    for words in ("/pay/with/razorpay", "/pay/with/stripe", "/pay/with/phonepe", "Your place is safe until"):
        assert words in page
    fakes.ways = ["stripe"]
    assert (await buyer.get("/pay")).headers["location"] == "/pay/with/stripe"
    fakes.ways = []
    assert "No way to pay is open right now" in (await buyer.get("/pay")).text
    assert (await buyer.get("/pay/with/nobody")).headers["location"] == "/pay"


@pytest.mark.parametrize(
    ("gateway", "shown"),
    [
        (
            "stripe",
            ['data-key="pk_test_1"', 'data-secret="pi_1_secret_1"', f"{SIMULATORS}/stripe/js/v3", "pay_stripe.js"],
        ),
        ("phonepe", [f'href="{SIMULATORS}/phonepe/transact/o-1?token=t"', "with PhonePe"]),
    ],
)
async def test_each_gateway_has_its_page(buyer: Buyer, gateway: str, shown: list[str]) -> None:
    await buyer.check_out()
    page = (await buyer.get(f"/pay/with/{gateway}")).text
    for words in shown:
        assert words in page


@pytest.mark.parametrize(
    ("query", "given"),
    [
        ("payment_id=payment-1", {"payment_id": "payment-1"}),
        ("payment_intent=pi_1&redirect_status=succeeded", {"payment_intent_id": "pi_1"}),
    ],
)
async def test_a_buyer_who_comes_back_is_believed_only_by_asking(
    buyer: Buyer, fakes: Fakes, query: str, given: dict[str, str]
) -> None:
    await buyer.check_out()
    assert (await buyer.get(f"/pay/back?{query}")).headers["location"] == "/booking"
    assert fakes.calls[-1][3] == given


@pytest.mark.parametrize(("language", "says"), [("en", "not enough money"), ("hi-IN,en;q=0.5", "पर्याप्त राशि")])
async def test_a_decline_is_told_in_the_buyers_language(buyer: Buyer, fakes: Fakes, language: str, says: str) -> None:
    await buyer.check_out()
    await buyer.get("/pay/with/razorpay")
    fakes.decline = "funds"
    assert says in (await buyer.get("/pay/stopped", headers={"accept-language": language})).text
