"""From an expert's page to a held time, and what is said before it is paid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from storefront.tests.conftest import Buyer, Fakes, problem
from storefront.tests.consulting import FREE, OFFER, PAGE, Consulting, bought, choose, query


@pytest.fixture
def consulting(fakes: Fakes) -> Consulting:
    """An expert who sells sessions."""
    return Consulting(fakes)


async def test_the_offers_show_sessions_with_price_and_expert_beside_the_courses(
    buyer: Buyer, consulting: Consulting
) -> None:
    page = (await buyer.get("/")).text
    for words in (f"{PAGE}?offer={OFFER}", "$800.00", "With Maya &lt;i&gt;Iyer", "Mathematics"):
        assert words in page
    consulting.fakes.answers["/exp-maya"] = problem(503, "dependency-unavailable", "away")
    assert "$800.00" in (await buyer.get("/")).text


async def test_an_expert_has_name_bio_skills_price_and_free_times_in_the_visitors_zone(
    buyer: Buyer, consulting: Consulting
) -> None:
    page = (await buyer.get(query(time_zone="Europe/Berlin"))).text
    for words in ("Maya &lt;i&gt;Iyer", "Twenty years.", "operations", "$800.00", "charged after the session"):
        assert words in page
    assert "<legend>Mon 5 Jan</legend>" in page
    assert f'value="{FREE[0]}" required >04:30</label>' in page
    assert "<legend>Tue 6 Jan</legend>" in page
    assert "<i>Iyer" not in page
    page = (await buyer.get(query(time_zone="Asia/Kolkata"))).text
    assert f'value="{FREE[0]}" required >09:00</label>' in page
    assert "<legend>Wed 7 Jan</legend>" in page
    assert "Asia/Kolkata" in consulting.asked[-1]["time_zone"]


async def test_weeks_go_forward_and_back_by_links_and_never_before_today(buyer: Buyer, consulting: Consulting) -> None:
    today = datetime.now(UTC).date()
    page = (await buyer.get(query(time_zone="UTC"))).text
    assert consulting.asked[-1] == {
        "from": today.isoformat(),
        "to": (today + timedelta(days=6)).isoformat(),
        "time_zone": "UTC",
        "offer_id": OFFER,
    }
    later = (today + timedelta(days=7)).isoformat()
    assert f"?offer={OFFER}&amp;time_zone=UTC&amp;from={later}" in page
    assert 'id="earlier"' not in page
    page = (await buyer.get(query(time_zone="UTC", start=later))).text
    assert f"&amp;from={today.isoformat()}" in page
    for odd in ("2000-01-01", "2999-01-01", "soon"):
        await buyer.get(query(time_zone="UTC", start=odd))
        assert consulting.asked[-1]["from"] == today.isoformat()


async def test_the_zone_is_guessed_by_the_page_only_while_nobody_named_one(
    buyer: Buyer, consulting: Consulting
) -> None:
    assert "data-guess-zone" in (await buyer.get(PAGE)).text
    page = (await buyer.get(query(time_zone="Africa/Cairo"))).text
    assert "<option selected>Africa/Cairo</option>" in page
    assert "data-guess-zone" not in page
    assert "<option selected>Africa/Cairo</option>" in (await buyer.get(PAGE)).text
    page = (await buyer.get(query(time_zone="Asia/Calcutta"))).text
    assert page.count("<option selected>Asia/Kolkata</option>") == 1
    assert "<option selected>Asia/Kolkata</option>" in (await buyer.get(query(time_zone="../etc/passwd"))).text


async def test_a_week_without_free_times_says_so_and_offers_nothing_to_send(
    buyer: Buyer, consulting: Consulting
) -> None:
    consulting.free.clear()
    page = (await buyer.get(PAGE)).text
    assert "No time is free in these days." in page
    assert '<button id="buy" disabled>' in page


async def test_a_chosen_time_becomes_a_line_with_the_question_and_without_any_price(
    buyer: Buyer, fakes: Fakes, consulting: Consulting
) -> None:
    assert (await choose(buyer)).headers["location"] == "/cart"
    path, token, key, body = fakes.calls[-1]
    assert path == "/booking/api/v1/carts/cart-1/lines"
    assert (token, key) == ("Bearer token-of-cart-1", "key-of-the-form")
    assert body == {
        "offer_id": OFFER,
        "starts_at": FREE[1],
        "time_zone": "Europe/Berlin",
        "answers": {"question": "Two founders, one chair."},
    }
    page = (await buyer.get("/cart")).text
    assert "Mon 5 January 2099, 05:30 (Europe/Berlin) · with Maya &lt;i&gt;Iyer" in page
    await choose(buyer, question="  ")
    assert fakes.calls[-1][3]["answers"] == {}


async def test_what_booking_finds_wrong_with_a_time_stands_on_the_page_and_the_question_stays(
    buyer: Buyer, fakes: Fakes, consulting: Consulting
) -> None:
    errors = [{"pointer": "/starts_at", "detail": "Input should be a valid datetime"}]
    fakes.answers["/lines"] = problem(422, "validation", "Mend the fields.", errors=errors)
    answer = await choose(buyer, starts_at="")
    assert answer.status_code == 422
    assert "Choose one of the times." in answer.text
    assert ">Two founders, one chair.</textarea>" in answer.text
    assert "<option selected>Europe/Berlin</option>" in answer.text


@pytest.mark.parametrize(("language", "says"), [("en", "this time was taken"), ("hi", "यह समय अभी-अभी")])
async def test_a_time_that_somebody_else_took_is_told_in_the_cart_in_the_buyers_language(
    buyer: Buyer, fakes: Fakes, consulting: Consulting, language: str, says: str
) -> None:
    await choose(buyer)
    fakes.problems = [{"line_id": "line-1", "problem": "this time was taken; choose another one"}]
    page = (await buyer.get("/cart", headers={"accept-language": language})).text
    assert says in page
    assert 'id="to-checkout"' not in page
    assert f'href="{PAGE}?offer={OFFER}"' in page


async def test_a_hold_on_the_card_is_said_plainly_before_it_is_made(
    buyer: Buyer, fakes: Fakes, consulting: Consulting
) -> None:
    await bought(buyer)
    fakes.collection, fakes.ways = "authorize_now", ["stripe"]
    page = (await buyer.get("/pay/with/stripe")).text
    for words in ("Nothing is taken before your session.", "charged after the session", "Reserve ₹999.00"):
        assert words in page
    assert "Pay another way" not in page
    fakes.collection = "capture_now"
    page = (await buyer.get("/pay/with/stripe")).text
    assert "Nothing is taken before" not in page
    assert "Pay ₹999.00" in page


async def test_a_saved_card_is_said_with_its_day_in_the_buyers_zone(
    buyer: Buyer, fakes: Fakes, consulting: Consulting
) -> None:
    await bought(buyer)
    consulting.sold("PENDING", "pending")
    fakes.saves = True
    assert "on Fri 20 November 2099, 15:00 (Asia/Kolkata)" in (await buyer.get("/pay/with/stripe")).text
    assert "before Fri 20 November 2099, 15:00 (Asia/Kolkata)" in (await buyer.get("/pay")).text
