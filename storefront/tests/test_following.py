"""The booking's page by its id, its invoice, and what other browsers see of it: nothing."""

from __future__ import annotations

import re

import httpx2
import pytest

from storefront.tests.conftest import SIMULATORS, TRIPLE, Buyer, Fakes, problem

INVOICE = "019a1f2c-0000-7000-8000-000000000001"
PDF = f"/bookings/bk-1/invoices/{INVOICE}.pdf"


def _invoiced(fakes: Fakes) -> None:
    fakes.done(6)
    fakes.booking["invoices"] = [{"invoice_id": INVOICE, "invoice_number": "PF-2026-000007"}]


async def test_the_invoice_is_linked_by_number_and_comes_as_pdf(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.check_out()
    _invoiced(fakes)
    page = (await buyer.get("/bookings/bk-1")).text
    assert f'href="{PDF}"' in page
    assert "PF-2026-000007" in page
    answer = await buyer.get(PDF)
    assert answer.content == b"%PDF-1.7 of invoice"
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["cache-control"] == "no-store"


async def test_another_browser_sees_neither_booking_nor_invoice(buyer: Buyer, fakes: Fakes) -> None:
    _invoiced(fakes)
    for path in ("/bookings/bk-1", PDF):
        answer = await buyer.get(path)
        assert answer.status_code == 404
        assert "This browser has no such booking" in answer.text
    assert (await buyer.get("/live/bookings/bk-1")).status_code == 404


@pytest.mark.parametrize(("status", "shown"), [(503, 503), (404, 404)])
async def test_an_invoice_that_does_not_come_is_said_in_words(
    buyer: Buyer, fakes: Fakes, status: int, shown: int
) -> None:
    await buyer.check_out()
    fakes.answers[".pdf"] = problem(status, "not-found", "You have no such invoice.")
    answer = await buyer.get(PDF)
    assert answer.status_code == shown
    assert "text/html" in answer.headers["content-type"]


async def test_what_is_no_pdf_is_not_passed_on_as_one(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.check_out()
    fakes.answers[".pdf"] = problem(200, "x", "<script>")
    answer = await buyer.get(PDF)
    assert answer.status_code == 503
    assert "<script>" not in answer.text


async def test_without_scripts_the_page_loads_itself_anew_until_everything_is_done(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.check_out()
    refresh = '<noscript><meta http-equiv="refresh" content="3"></noscript>'
    assert refresh in (await buyer.get("/bookings/bk-1")).text
    fakes.done(6)
    assert refresh not in (await buyer.get("/bookings/bk-1")).text


async def test_the_gateways_own_page_is_linked_with_the_way_back(buyer: Buyer) -> None:
    await buyer.check_out()
    found = re.search(r'id="pay-hosted" href="([^"]+)"', (await buyer.get("/pay/with/razorpay")).text)
    assert found is not None
    address = httpx2.URL(found.group(1).replace("&amp;", "&"))
    assert str(address).startswith(f"{SIMULATORS}/razorpay/checkout/order_1?")
    assert dict(address.params) == {"key": "rzp_test_1", "callback_url": "https://shop.test/pay/return"}


@pytest.mark.parametrize("status", [400, 429, 503])
async def test_a_return_without_our_cookie_never_replaces_the_buyers_session(
    buyer: Buyer, fakes: Fakes, status: int
) -> None:
    fakes.answers["/verify"] = problem(status, "no", "no")
    answer = await buyer.client.post("/pay/return", data=TRIPLE, headers={"origin": SIMULATORS})
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers


async def test_a_return_with_an_error_says_failed_and_asks_payment_nothing(buyer: Buyer, fakes: Fakes) -> None:
    await buyer.check_out()
    made = len(fakes.calls)
    answer = await buyer.client.post("/pay/return", data={"error[code]": "BAD_REQUEST_ERROR"})
    assert answer.headers["location"] == "/pay/stopped?why=failed"
    assert len(fakes.calls) == made


async def test_every_page_of_the_way_has_the_elements_that_a_script_of_a_test_finds(buyer: Buyer, fakes: Fakes) -> None:
    assert 'id="buy"' in (await buyer.get("/courses/ofr-course-mathematics")).text
    await buyer.choose()
    assert 'id="to-checkout"' in (await buyer.get("/cart")).text
    assert 'id="to-payment"' in (await buyer.get("/checkout")).text
    await buyer.check_out()
    page = (await buyer.get("/pay/with/razorpay")).text
    assert 'id="pay"' in page
    assert page.count('id="status"') == 1
    page = (await buyer.get("/booking")).text
    assert 'id="steps"' in page
    assert page.count('id="status"') == 1


async def test_an_earlier_booking_of_this_browser_still_opens_but_leads_to_no_other_payment(
    buyer: Buyer, fakes: Fakes
) -> None:
    await buyer.check_out()
    assert 'href="/pay"' in (await buyer.get("/bookings/bk-1")).text
    await buyer.check_out()
    earlier = await buyer.get("/bookings/bk-1")
    assert earlier.status_code == 200
    assert 'href="/pay"' not in earlier.text
    assert 'data-live="/live/bookings/bk-2"' in (await buyer.get("/booking")).text
