"""The page of a booked session: its time, its link, another time, and cancelling by a quote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from storefront.tests.conftest import Buyer, Fakes, problem
from storefront.tests.consulting import FREE, OFFER, ROOM, Consulting, bought

MOVE, CANCEL, ABSENT = "/bookings/bk-1/move", "/bookings/bk-1/cancel", "/bookings/bk-1/absent"
LATE = "A session can be moved until 2 hours before it begins."


@pytest.fixture
def consulting(fakes: Fakes) -> Consulting:
    """An expert whose session is sold."""
    made = Consulting(fakes)
    made.sold()
    return made


async def test_the_page_shows_the_time_in_the_buyers_zone_and_the_link_once_there_is_one(
    buyer: Buyer, consulting: Consulting
) -> None:
    await bought(buyer)
    page = (await buyer.get("/bookings/bk-1")).text
    assert "Mon 5 January 2099, 09:00 (Asia/Kolkata)" in page
    assert "with Maya &lt;i&gt;Iyer" in page
    assert ROOM not in page
    consulting.meet()
    page = (await buyer.get("/live/bookings/bk-1")).text
    assert f'href="{ROOM}"' in page
    assert "You are charged $800.00 after the session" in page
    assert f'href="{MOVE}?line=line-1"' in page
    assert f'href="{CANCEL}"' in page


async def test_a_link_that_no_browser_should_follow_is_not_one(buyer: Buyer, consulting: Consulting) -> None:
    await bought(buyer)
    consulting.meet("javascript:alert(1)")
    assert "javascript:" not in (await buyer.get("/bookings/bk-1")).text


@pytest.mark.parametrize(
    ("status", "payment_status", "offered"),
    [
        ("CONFIRMED", "captured", True),
        ("PENDING", "method_saved", True),
        ("PENDING", "pending", False),
        ("CANCELLED", "refunded", False),
        ("COMPLETED", "captured", False),
    ],
)
async def test_only_what_stands_is_offered_to_be_moved_or_cancelled(
    buyer: Buyer, consulting: Consulting, status: str, payment_status: str, offered: bool
) -> None:
    await bought(buyer)
    consulting.sold(status, payment_status)
    if payment_status == "method_saved":
        consulting.fakes.booking["charge_at"] = "2098-12-28T03:30:00Z"
    page = (await buyer.get("/bookings/bk-1")).text
    assert (MOVE in page) is offered
    for path in (MOVE, CANCEL):
        answer = await buyer.get(path)
        assert (answer.status_code == 200) is offered
        assert offered or answer.headers["location"] == "/bookings/bk-1"


async def test_a_session_that_has_begun_is_neither_moved_nor_cancelled_here(
    buyer: Buyer, fakes: Fakes, consulting: Consulting
) -> None:
    await bought(buyer)
    fakes.booking["lines"][0]["session"]["starts_at"] = "2026-01-05T03:30:00Z"
    assert MOVE not in (await buyer.get("/bookings/bk-1")).text
    for path in (MOVE, CANCEL):
        assert (await buyer.get(path)).headers["location"] == "/bookings/bk-1"


async def test_the_expert_s_other_times_stand_around_the_present_one(buyer: Buyer, consulting: Consulting) -> None:
    await bought(buyer)
    page = (await buyer.get(MOVE)).text
    assert consulting.asked[-1]["offer_id"] == OFFER
    assert consulting.asked[-1]["time_zone"] == "Asia/Kolkata"
    assert "Now: <b>Mon 5 January 2099, 09:00 (Asia/Kolkata)</b>" in page
    assert f'value="{FREE[2]}"' in page
    assert "data-guess-zone" not in page


async def test_a_move_is_sent_with_the_line_and_said_on_the_booking(
    buyer: Buyer, fakes: Fakes, consulting: Consulting
) -> None:
    await bought(buyer)
    answer = await buyer.send(MOVE, {"key": "key-3", "line": "line-1", "starts_at": FREE[2]})
    assert answer.headers["location"] == "/bookings/bk-1"
    path, token, key, body = fakes.calls[-1]
    assert path.endswith("/bookings/bk-1/reschedule")
    assert (token, key) == ("Bearer token-of-booking", "key-3")
    assert body == {"starts_at": FREE[2], "line_id": "line-1"}
    said = "Your session is moved to Wed 7 January 2099, 01:30 (Asia/Kolkata)."
    assert said in (await buyer.get("/bookings/bk-1")).text
    assert said not in (await buyer.get("/bookings/bk-1")).text


@pytest.mark.parametrize(
    ("status", "kind", "detail", "english", "hindi"),
    [
        (409, "state-conflict", LATE, LATE, "समय नहीं बदला जा सकता"),
        (409, "slot-taken", "taken", "This time was taken just now.", "यह समय अभी-अभी"),
        (422, "validation", "no", "not one of the expert&#39;s free times", "खाली समय में से नहीं"),
    ],
)
async def test_why_a_session_is_not_moved_is_told_in_words_and_the_times_stand_below(
    buyer: Buyer, fakes: Fakes, consulting: Consulting, status: int, kind: str, detail: str, english: str, hindi: str
) -> None:
    await bought(buyer)
    fakes.answers["/reschedule"] = problem(status, kind, detail)
    for language, says in (("en-GB", english), ("hi-IN", hindi)):
        buyer.client.headers["accept-language"] = language
        answer = await buyer.send(MOVE, {"key": "k", "line": "line-1", "starts_at": FREE[2]})
        assert answer.status_code == status
        assert says in answer.text
        assert 'role="alert"' in answer.text
        assert f'value="{FREE[1]}"' in answer.text


async def test_cancelling_shows_the_quote_line_by_line_and_executes_that_one(
    buyer: Buyer, fakes: Fakes, consulting: Consulting
) -> None:
    await bought(buyer)
    consulting.sold(payment_status="captured")
    page = (await buyer.get(CANCEL)).text
    for words in ("What you get back", "$800.00", '<td id="back">$400.00</td>', 'data-deadline="2099-01-04T10:10:00Z"'):
        assert words in page
    assert not [path for path, *_ in fakes.calls if path.endswith("/cancel")]
    answer = await buyer.send(CANCEL, {"key": "key-4", "quote_id": "quote-1", "reason": "ill"})
    assert answer.headers["location"] == "/bookings/bk-1"
    path, token, key, body = fakes.calls[-1]
    assert path.endswith("/bookings/bk-1/cancel")
    assert (token, key) == ("Bearer token-of-booking", "key-4")
    assert body == {"quote_id": "quote-1", "reason": "ill"}
    assert "$400.00 comes back the way you paid. $400.00 is kept." in (await buyer.get("/bookings/bk-1")).text


async def test_what_is_only_reserved_is_released_and_not_paid_back(buyer: Buyer, consulting: Consulting) -> None:
    await bought(buyer)
    consulting.quoted |= {"refund_minor": 80000, "kept_minor": 0}
    assert "What your bank releases" in (await buyer.get(CANCEL)).text
    await buyer.send(CANCEL, {"key": "key-4", "quote_id": "quote-1"})
    page = (await buyer.get("/bookings/bk-1")).text
    assert "$800.00 of what your bank reserved is released." in page
    assert "is kept" not in page


async def test_a_saved_card_needs_no_quote(buyer: Buyer, fakes: Fakes, consulting: Consulting) -> None:
    await bought(buyer)
    consulting.sold("PENDING", "method_saved")
    fakes.booking["charge_at"] = "2098-12-28T03:30:00Z"
    page = (await buyer.get(CANCEL)).text
    assert "Nothing was charged, and nothing will be" in page
    await buyer.send(CANCEL, {"key": "key-4"})
    assert fakes.calls[-1][3] == {"reason": ""}
    assert not [path for path, *_ in fakes.calls if path.endswith("/refund-quote")]


@pytest.mark.parametrize(("status", "kind"), [(412, "version-conflict"), (422, "validation")])
@pytest.mark.parametrize(("language", "says"), [("en", "Nothing was cancelled"), ("hi", "कुछ रद्द नहीं हुआ")])
async def test_a_quote_that_was_overtaken_is_said_and_a_new_one_is_shown(
    buyer: Buyer, fakes: Fakes, consulting: Consulting, status: int, kind: str, language: str, says: str
) -> None:
    await bought(buyer)
    fakes.answers["/cancel"] = problem(status, kind, "changed")
    buyer.client.headers["accept-language"] = language
    answer = await buyer.send(CANCEL, {"key": "key-4", "quote_id": "old"})
    assert answer.status_code == status
    assert says in answer.text
    assert 'value="quote-1"' in answer.text


@pytest.mark.parametrize("language", ["en", "hi"])
async def test_a_booking_that_can_t_be_cancelled_any_more_says_why_on_its_page(
    buyer: Buyer, fakes: Fakes, consulting: Consulting, language: str
) -> None:
    await bought(buyer)
    buyer.client.headers["accept-language"] = language
    says = {"en": "can&#39;t be cancelled: it is over", "hi": "अब रद्द नहीं की जा सकती"}[language]
    for ending in ("/cancel", "/refund-quote"):
        fakes.answers = {ending: problem(409, "state-conflict", "It can't be cancelled: it is over.")}
        answer = await (buyer.send(CANCEL, {"key": "k", "quote_id": "q"}) if ending == "/cancel" else buyer.get(CANCEL))
        assert answer.headers["location"] == "/bookings/bk-1"
        assert says in (await buyer.get("/bookings/bk-1")).text


async def test_a_buyer_whose_expert_did_not_come_says_so_once_it_has_begun(
    buyer: Buyer, fakes: Fakes, consulting: Consulting
) -> None:
    await bought(buyer)
    consulting.sold("CONFIRMED", "authorized")
    assert ABSENT not in (await buyer.get("/bookings/bk-1")).text
    assert (await buyer.get(ABSENT)).headers["location"] == "/bookings/bk-1"
    now = datetime.now(UTC)
    session = fakes.booking["lines"][0]["session"]
    session |= {"starts_at": (now - timedelta(hours=1)).isoformat(), "ends_at": now.isoformat()}
    assert ABSENT in (await buyer.get("/bookings/bk-1")).text
    assert "nothing is taken" in (await buyer.get(ABSENT)).text
    answer = await buyer.send(ABSENT, {"key": "key-3"})
    assert answer.headers["location"] == "/bookings/bk-1"
    path, _, _, body = fakes.calls[-1]
    assert (path.rsplit("/", 2)[1:], body) == (["bk-1", "no-show"], {"absent": "expert"})
    assert "One of us looks at it" in (await buyer.get("/bookings/bk-1")).text
    fakes.answers["/no-show"] = problem(409, "state-conflict", "A day is over.")
    await buyer.send(ABSENT, {"key": "key-4"})
    assert "A day is over." in (await buyer.get("/bookings/bk-1")).text


async def test_nobody_moves_or_cancels_without_the_pages_token_or_in_another_browser(
    buyer: Buyer, fakes: Fakes, consulting: Consulting
) -> None:
    assert (await buyer.get(MOVE)).status_code == 404
    assert (await buyer.get(CANCEL)).status_code == 404
    await bought(buyer)
    made = len(fakes.calls)
    for path in ("/experts/exp-maya", MOVE, CANCEL, ABSENT):
        assert (await buyer.client.post(path, data={"csrf": "guess"})).status_code == 403
    assert len(fakes.calls) == made
