"""A payer at PhonePe's page in a real browser: card, bank, UPI app, declines, time running out, by keyboard alone."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from simulators.tests.conftest import Shop
from simulators.tests.phonepe_calls import Merchant, later, pay_body

pytestmark = pytest.mark.browser
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_BACK = re.compile(r"^http://127\.0\.0\.1:\d+/back\?payment_id=p-1$")
DEBIT = ("4242 4242 4242 4242", "12/27", "936")
CREDIT = ("4208 5851 9011 6667", "06/2027", "508")


class Buyer(Merchant):
    """A merchant whose page of return is really there, on another origin than the vendor's."""

    def __init__(self, base: str, port: int) -> None:
        super().__init__(base)
        self.back = f"http://127.0.0.1:{port}/back?payment_id=p-1"

    async def order(self, **fields: Any) -> tuple[str, dict[str, Any]]:
        """Make an order that leads back to the running shop."""
        flow = {**pay_body()["paymentFlow"], **fields.pop("flow", {}), "merchantUrls": {"redirectUrl": self.back}}
        return await super().order(paymentFlow=flow, **fields)


@pytest.fixture
def merchant(base: str, shop: Shop) -> Buyer:
    """A merchant with a shop."""
    return Buyer(base, shop.port)  # type: ignore[attr-defined]


@pytest_asyncio.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium. A missing one fails: nothing is skipped."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "Chromium is missing: apt-get install chromium, or name it in CHROMIUM"
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield started
        await started.close()


@pytest_asyncio.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page on a phone whose scripts and content policies complain about nothing."""
    context = await browser.new_context(viewport={"width": 480, "height": 860})
    opened = await context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    yield opened
    await context.close()
    assert [item for item in problems if "422" not in item] == []


async def _picture(page: Page, name: str) -> None:
    if folder := os.environ.get("PAYFIRST_PICTURES"):
        await page.screenshot(path=Path(folder) / f"phonepe-{name}.png", full_page=True)


async def _open(merchant: Buyer, page: Page, **fields: Any) -> str:
    order_id, made = await merchant.order(**fields)
    await page.goto(made["redirectUrl"])
    return order_id


async def _choose(page: Page, title: str) -> None:
    method = page.locator("details.method", has=page.locator(".title", has_text=re.compile(f"^{title}$")))
    if await method.get_attribute("open") is None:
        await method.locator("summary").click()


async def _card(page: Page, card: tuple[str, str, str]) -> None:
    await _choose(page, "Card")
    for label, text in zip(("Card number", "Expiry (MM/YY)", "CVV"), card, strict=True):
        await page.get_by_label(label).fill(text)
    await page.locator("#pay-card").click()


@pytest.mark.parametrize(("card", "kind"), [(DEBIT, "DEBIT_CARD"), (CREDIT, "CREDIT_CARD")])
async def test_a_documented_card_pays_with_its_otp(
    merchant: Buyer, page: Page, card: tuple[str, str, str], kind: str
) -> None:
    order_id = await _open(merchant, page, amount=12_345_678)
    await expect(page.locator(".amount")).to_have_text("₹1,23,456.78")
    await _picture(page, "methods")
    await _card(page, card)
    await expect(page.get_by_label("One-time password")).to_be_focused()
    await _picture(page, "otp")
    assert (await merchant.status(order_id))["paymentDetails"][0]["state"] == "PENDING"
    await page.keyboard.type("123456")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(_BACK)
    seen = await merchant.status(order_id)
    assert (seen["state"], seen["paymentDetails"][0]["instrument"]["type"]) == ("COMPLETED", kind)


@pytest.mark.parametrize(
    ("card", "otp", "code"),
    [
        (("4242 4242 4242 4241", "12/27", "936"), "", "INVALID_CARD_NUMBER"),
        (("4111 1111 1111 1111", "12/27", "936"), "", "TRANSACTION_DECLINED_PG"),
        (("4242 4242 4242 4242", "12/27", "937"), "", "INVALID_CVV_EXPIRY"),
        (("4242 4242 4242 4242", "01/20", "936"), "", "CARD_EXPIRED"),
        (DEBIT, "654321", "AUTHENTICATION_FAILED"),
    ],
)
async def test_a_refused_card_is_explained_and_the_next_try_pays(
    merchant: Buyer, page: Page, card: tuple[str, str, str], otp: str, code: str
) -> None:
    order_id = await _open(merchant, page)
    await _card(page, card)
    if otp:
        await page.get_by_label("One-time password").fill(otp)
        await page.locator("#submit").click()
    await expect(page.get_by_role("alert")).to_contain_text(f"({code})")
    await expect(page.get_by_role("alert")).to_be_focused()
    await expect(page.locator(".tries")).to_have_text("2 more attempts are possible.")
    await _picture(page, "declined")
    await _card(page, DEBIT)
    await page.get_by_label("One-time password").fill("123456")
    await page.locator("#submit").click()
    await expect(page).to_have_url(_BACK)
    seen = await merchant.status(order_id, details="true")
    assert [attempt.get("detailedErrorCode") for attempt in seen["paymentDetails"]] == [code, None]
    assert seen["state"] == "COMPLETED"


@pytest.mark.parametrize(
    ("vpa", "state", "attempt"),
    [("success@ybl", "COMPLETED", "COMPLETED"), ("pending@ybl", "PENDING", "PENDING")],
)
async def test_a_upi_id_that_needs_no_approval(merchant: Buyer, page: Page, vpa: str, state: str, attempt: str) -> None:
    order_id = await _open(merchant, page)
    await _choose(page, "UPI ID")
    await page.get_by_label("UPI ID").fill(vpa)
    await page.locator("#pay-upi").click()
    await expect(page).to_have_url(_BACK)
    seen = await merchant.status(order_id)
    assert (seen["state"], seen["paymentDetails"][0]["state"]) == (state, attempt)


async def test_a_third_decline_leads_back_to_the_shop(merchant: Buyer, page: Page) -> None:
    order_id = await _open(merchant, page)
    for vpa in ("failed@ybl", "no-vpa", "failed@ybl"):
        await _choose(page, "UPI ID")
        await page.get_by_label("UPI ID").fill(vpa)
        await page.locator("#pay-upi").click()
    await expect(page).to_have_url(_BACK)
    seen = await merchant.status(order_id, details="true")
    assert seen["state"] == "FAILED"
    assert [attempt["detailedErrorCode"] for attempt in seen["paymentDetails"]] == ["ZA", "ZH", "ZA"]


@pytest.mark.parametrize(
    ("title", "button", "mode"), [("UPI QR", "#pay-qr", "UPI_QR"), ("UPI app", "#pay-intent", "UPI_INTENT")]
)
async def test_the_upi_app_declines_and_then_approves(
    merchant: Buyer, page: Page, title: str, button: str, mode: str
) -> None:
    order_id = await _open(merchant, page)
    await _choose(page, title)
    await page.locator(button).click()
    await expect(page.get_by_role("heading", name="Your UPI app")).to_be_visible()
    await _picture(page, "app")
    await page.locator("#decline").click()
    await expect(page.get_by_role("alert")).to_contain_text("(ZA)")
    await page.locator(button).click()
    await page.locator("#approve").click()
    await expect(page).to_have_url(_BACK)
    seen = await merchant.status(order_id)
    assert (seen["state"], seen["paymentDetails"][0]["paymentMode"]) == ("COMPLETED", mode)


@pytest.mark.parametrize(
    ("outcome", "word", "state"),
    [
        ("Success", "test", "COMPLETED"),
        ("Pending", "test", "PENDING"),
        ("Failure", "test", None),
        ("Success", "x", None),
    ],
)
async def test_a_bank_says_what_the_tester_picks(
    merchant: Buyer, page: Page, outcome: str, word: str, state: str | None
) -> None:
    order_id = await _open(merchant, page)
    await _choose(page, "Net banking")
    await page.get_by_label("Bank").select_option("ICIC")
    await page.locator("#pay-bank").click()
    await expect(page.get_by_role("heading", name="ICICI Bank")).to_be_visible()
    await page.get_by_label("User").fill(word)
    await page.get_by_label("Password").fill("test")
    await page.get_by_label(outcome).check()
    await _picture(page, "bank")
    await page.locator("#submit").click()
    if state is None:
        await expect(page.get_by_role("alert")).to_contain_text("Z9" if word == "test" else "AUTHENTICATION_FAILED")
        assert (await merchant.status(order_id))["state"] == "PENDING"
    else:
        await expect(page).to_have_url(_BACK)
        assert (await merchant.status(order_id))["state"] == state


async def test_it_is_paid_with_the_keyboard_alone(merchant: Buyer, page: Page) -> None:
    order_id = await _open(merchant, page, flow=_only({"type": "CARD"}))
    await expect(page.locator("details.method")).to_have_count(1)
    await page.keyboard.press("Tab")
    await expect(page.locator("summary")).to_be_focused()
    for text in DEBIT:
        await page.keyboard.press("Tab")
        await page.keyboard.type(text)
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("One-time password")).to_be_focused()
    await page.keyboard.type("123456")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(_BACK)
    assert (await merchant.status(order_id))["state"] == "COMPLETED"


def _only(*modes: dict[str, Any]) -> dict[str, Any]:
    return {"paymentModeConfig": {"enabledPaymentModes": list(modes)}}


async def test_a_card_type_that_is_not_offered_is_said_and_is_no_attempt(merchant: Buyer, page: Page) -> None:
    order_id = await _open(merchant, page, flow=_only({"type": "CARD", "cardTypes": ["DEBIT_CARD"]}))
    await expect(page.locator(".about")).to_have_text("Debit only")
    await _card(page, CREDIT)
    await expect(page.get_by_role("alert")).to_contain_text("can't be paid by CARD")
    assert (await merchant.status(order_id))["paymentDetails"] == []


async def test_cancelling_fails_the_order(merchant: Buyer, page: Page) -> None:
    order_id = await _open(merchant, page)
    await page.locator("#cancel").click()
    await expect(page).to_have_url(_BACK)
    seen = await merchant.status(order_id)
    assert (seen["state"], seen["errorCode"]) == ("FAILED", "TXN_CANCELLED")


async def test_without_retries_the_first_decline_leads_back(merchant: Buyer, page: Page) -> None:
    order_id = await _open(merchant, page, disablePaymentRetry=True)
    await _card(page, DEBIT)
    await page.locator("#abort").click()
    await expect(page).to_have_url(_BACK)
    assert (await merchant.status(order_id))["detailedErrorCode"] == "ORDER_CANCELLED_BY_USER"


async def test_the_page_counts_down_and_leads_back_when_the_order_expires(
    base: str, merchant: Buyer, page: Page
) -> None:
    async with later(base, -298):
        _, made = await merchant.order(expireAfter=300)
    await page.goto(made["redirectUrl"])
    await expect(page).to_have_url(_BACK, timeout=15_000)


async def test_an_order_that_is_over_leads_back_at_once(merchant: Buyer, page: Page) -> None:
    order_id, made = await merchant.order()
    await page.goto(made["redirectUrl"])
    await page.locator("#cancel").click()
    await expect(page).to_have_url(_BACK)
    await page.goto(made["redirectUrl"])
    await expect(page).to_have_url(_BACK)
    assert len((await merchant.status(order_id))["paymentDetails"]) == 0


async def test_the_page_is_there_for_its_own_token_only_and_without_inline_script(base: str, merchant: Buyer) -> None:
    order_id, made = await merchant.order()
    other, _ = await merchant.order()
    token = httpx2.URL(made["redirectUrl"]).params["token"]
    async with httpx2.AsyncClient() as client:
        shown = await client.get(made["redirectUrl"])
        policy = shown.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "simulated" in shown.text
        for address in (f"{base}/phonepe/transact/{other}?token={token}", f"{base}/phonepe/transact/{order_id}"):
            assert (await client.get(address)).status_code == 403
        address = f"{base}/phonepe/transact/{order_id}"
        for form in ({"act": "cancel"}, {"act": "cancel", "token": "é"}):
            assert (await client.post(address, data=form)).status_code == 403
        paid = await client.post(address, data={"token": token, "act": "UPI_COLLECT", "vpa": "success@ybl"})
        again = await client.post(address, data={"token": token, "act": "UPI_COLLECT", "vpa": "success@ybl"})
    assert [(answer.status_code, answer.headers["location"]) for answer in (paid, again)] == [(303, merchant.back)] * 2
    assert len((await merchant.status(order_id, details="true"))["paymentDetails"]) == 1
