"""From the catalogue to a held place."""

from __future__ import annotations

from storefront.tests.conftest import BUYER_ADDRESS, OFFER, SIMULATORS, Buyer, Fakes, problem


async def test_the_catalogue_shows_courses_with_the_price_that_booking_says(buyer: Buyer) -> None:
    page = (await buyer.get("/")).text
    assert "₹999.00" in page
    assert f"/courses/{OFFER}" in page


async def test_what_an_offer_is_called_is_text_and_no_markup(buyer: Buyer) -> None:
    for path in ("/", f"/courses/{OFFER}"):
        page = (await buyer.get(path)).text
        assert "Mathematics &lt;b&gt;one" in page
        assert "<b>one" not in page


async def test_scripts_come_from_here_and_from_the_gateways_checkout_alone(buyer: Buyer) -> None:
    answer = await buyer.get("/")
    policy = answer.headers["content-security-policy"]
    assert f"script-src 'self' {SIMULATORS};" in policy
    assert f"frame-src {SIMULATORS}" in policy
    assert f"form-action 'self' {SIMULATORS};" in policy
    assert "unsafe" not in policy
    assert "style=" not in answer.text


async def test_the_course_form_becomes_a_line_without_any_price(buyer: Buyer, fakes: Fakes) -> None:
    answer = await buyer.choose()
    assert answer.headers["location"] == "/cart"
    path, token, key, body = fakes.calls[-1]
    assert path == "/booking/api/v1/carts/cart-1/lines"
    assert token == "Bearer token-of-cart-1"
    assert key == "key-of-the-form"
    assert body == {
        "offer_id": OFFER,
        "tier": 10,
        "time_slot": "18:00",
        "schedule": {"weekdays": [0, 3], "starts_on": "2099-01-05", "time_zone": "Asia/Kolkata"},
        "preferences": {"gender": "female"},
    }


async def test_what_booking_finds_wrong_stands_beside_its_field_and_the_form_stays_filled(
    buyer: Buyer, fakes: Fakes
) -> None:
    errors = [{"pointer": "/schedule/weekdays", "detail": "Tuple should have at least 1 item"}]
    fakes.answers["/lines"] = problem(422, "validation", "Mend the fields.", errors=errors)
    answer = await buyer.choose(weekday_0="", time_slot="19:00")
    assert answer.status_code == 422
    assert "Choose at least one day." in answer.text
    assert "<option selected>19:00</option>" in answer.text


async def test_the_cart_shows_lines_and_total_and_its_cookie_is_out_of_reach_of_scripts(buyer: Buyer) -> None:
    cookie = (await buyer.choose()).headers["set-cookie"].lower()
    for flag in ("__host-payfirst-storefront=", "httponly", "secure", "samesite=lax"):
        assert flag in cookie
    page = (await buyer.get("/cart")).text
    assert "Mon, Thu at 18:00" in page
    assert page.count("₹999.00") == 2
    assert "token-of-cart" not in page


async def test_checking_out_sends_the_buyer_and_leads_to_paying(buyer: Buyer, fakes: Fakes) -> None:
    answer = await buyer.check_out()
    assert answer.headers["location"] == "/pay"
    path, token, key, body = fakes.calls[-1]
    assert path.endswith("/carts/cart-1/checkout")
    assert (token, key) == ("Bearer token-of-cart-1", "key-2")
    assert body == {"buyer": {"name": "Asha Rao", "email": "asha@example.com"}}


async def test_a_place_taken_meanwhile_leads_back_to_the_cart_with_the_reason(buyer: Buyer, fakes: Fakes) -> None:
    fakes.answers["/checkout"] = problem(409, "slot-taken", "The last places were taken just now.")
    assert (await buyer.check_out()).headers["location"] == "/cart"
    assert "The last places were taken just now." in (await buyer.get("/cart")).text


async def test_after_checkout_another_course_goes_into_a_new_cart(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.check_out()
    await buyer.choose()
    assert fakes.carts == 2


async def test_a_write_without_the_sessions_csrf_token_changes_nothing(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.choose()
    made = len(fakes.calls)
    for path in (f"/courses/{OFFER}", "/cart/remove", "/checkout", "/pay/verify"):
        assert (await buyer.client.post(path, data={"csrf": "guess"})).status_code == 403
    assert len(fakes.calls) == made


async def test_when_booking_is_away_the_page_says_that_nothing_was_lost(buyer: Buyer, fakes: Fakes) -> None:
    fakes.answers["/offers"] = problem(503, "dependency-unavailable", "away")
    answer = await buyer.get("/")
    assert answer.status_code == 503
    assert "Nothing was lost" in answer.text
    assert (await buyer.get("/courses/unknown")).status_code == 404


async def test_the_services_are_told_the_buyers_address_for_their_rate_limits(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.get("/")
    await buyer.check_out()
    assert fakes.asked_by == {BUYER_ADDRESS}
