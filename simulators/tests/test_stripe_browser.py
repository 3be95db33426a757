"""A buyer at the Payment Element in a real browser: declined, paid, authenticated, by keyboard and by wallet."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from playwright.async_api import Browser, FrameLocator, Page, async_playwright, expect

from chassis.testing import free_port
from simulators.tests.conftest import KEYS
from simulators.tests.stripe_calls import HELD, ORDER, sdk

pytestmark = pytest.mark.browser
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_FRAME = "iframe[title='Secure payment input frame']"
_CHALLENGE = "dialog iframe[title='3D Secure authentication']"
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<script src="{base}/stripe/js/v3"></script><script src="/shop.js" defer></script></head>
<body><main><h1>Pay 50.00 USD</h1><div id="element"></div><button id="pay">Pay</button><p id="word" role="status"></p></main>
</body></html>"""
_SCRIPT = """"use strict";
const word = document.getElementById("word"), query = new URLSearchParams(location.search);
const appearance = { theme: query.get("theme") || "stripe", variables: { colorPrimary: "#1976d2", fontFamily: "Roboto, sans-serif" } };
const stripe = Stripe("PUBLISHABLE");
const elements = stripe.elements({ clientSecret: query.get("secret"), appearance });
const element = elements.create("payment");
element.on("ready", () => { word.textContent = "ready"; });
element.on("loaderror", (event) => { word.textContent = "loaderror " + event.error.type; });
element.mount("#element");
document.getElementById("pay").addEventListener("click", async () => {
  const redirect = query.get("redirect") || "if_required";
  const answer = await stripe.confirmPayment({ elements, confirmParams: { return_url: location.origin + "/back?shop=1" }, redirect });
  word.textContent = answer.error
    ? ["error", answer.error.type, answer.error.code, answer.error.decline_code, answer.error.message].join(" | ")
    : "paid " + answer.paymentIntent.id + " " + answer.paymentIntent.status;
});
""".replace("PUBLISHABLE", KEYS["STRIPE_PUBLISHABLE_KEY"])


class Storefront:
    """A page of another origin than the vendor's, as strict about content as a shop should be."""

    def __init__(self, base: str, port: int) -> None:
        self.base, self.origin = base, f"http://127.0.0.1:{port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One HTTP/1.1 request."""
        path = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1]
        script = path.startswith("/shop.js")
        page = "<!doctype html><title>Back</title>" if path.startswith("/back") else _PAGE.format(base=self.base)
        body = (_SCRIPT if script else page).encode()
        kind = "text/javascript" if script else "text/html; charset=utf-8"
        policy = f"default-src 'self'; script-src 'self' {self.base}; frame-src {self.base}; style-src 'self'"
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-security-policy: {policy}\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    def address(self, intent: Any, **query: str) -> str:
        """The page on which an intent is paid."""
        return str(httpx2.URL(f"{self.origin}/pay", params={"secret": intent.client_secret, **query}))


@pytest_asyncio.fixture(scope="session")
async def storefront(base: str) -> AsyncIterator[Storefront]:
    """The shop's page, served."""
    port = free_port()
    front = Storefront(base, port)
    server = await asyncio.start_server(front.serve, "127.0.0.1", port)
    yield front
    server.close()


@pytest_asyncio.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The system's Chromium. A missing one fails: nothing is skipped."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "Chromium is missing: apt-get install chromium, or name it in CHROMIUM"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A page whose scripts and content policies complain about nothing."""
    context = await chromium.new_context(viewport={"width": 620, "height": 760})
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    yield page
    await context.close()
    assert [item for item in problems if "402" not in item and "400" not in item and "favicon" not in item] == []


async def _picture(page: Page, name: str) -> None:
    if folder := os.environ.get("PAYFIRST_PICTURES"):
        await page.screenshot(path=Path(folder) / f"stripe-{name}.png")


async def _open(page: Page, storefront: Storefront, intent: Any, **query: str) -> FrameLocator:
    await page.goto(storefront.address(intent, **query))
    await expect(page.locator("#word")).to_have_text("ready")
    return page.frame_locator(_FRAME)


async def _type(frame: FrameLocator, number: str, expiry: str = "1234", cvc: str = "123") -> None:
    for label, value in (("Card number", number), ("Expiration date", expiry), ("Security code", cvc)):
        await frame.get_by_label(label).fill("")
        await frame.get_by_label(label).press_sequentially(value)


async def test_a_declined_card_is_explained_and_the_next_one_pays(
    base: str, page: Page, storefront: Storefront
) -> None:
    intent = await sdk(base).payment_intents.create_async(HELD)
    frame = await _open(page, storefront, intent)
    await _picture(page, "element")
    await _type(frame, "4000000000009995")
    await page.locator("#pay").click()
    await expect(page.locator("#word")).to_contain_text(
        "error | card_error | card_declined | insufficient_funds | Your card"
    )
    await _picture(page, "declined")
    await _type(frame, "4242424242424242")
    await expect(frame.get_by_label("Card number")).to_have_value("4242 4242 4242 4242")
    await expect(frame.get_by_label("Expiration date")).to_have_value("12 / 34")
    await page.locator("#pay").click()
    await expect(page.locator("#word")).to_have_text(f"paid {intent.id} requires_capture")


async def test_what_is_missing_is_said_at_its_field_and_nothing_is_sent(
    base: str, page: Page, storefront: Storefront
) -> None:
    intent = await sdk(base).payment_intents.create_async(ORDER)
    frame = await _open(page, storefront, intent)
    await _type(frame, "4242424242424241", "0120", "1")
    await page.locator("#pay").click()
    await expect(page.locator("#word")).to_contain_text("error | validation_error | invalid_number")
    number = frame.get_by_label("Card number")
    await expect(number).to_be_focused()
    await expect(number).to_have_attribute("aria-invalid", "true")
    said = [await item.inner_text() for item in await frame.get_by_role("alert").all()]
    assert [text for text in said if text] == [
        "Your card number is invalid.",
        "Your card's expiration year is in the past.",
        "Your card's security code is incomplete.",
    ]
    await _picture(page, "invalid")
    assert (await sdk(base).charges.list_async({"payment_intent": intent.id})).data == []


async def test_it_is_paid_with_the_keyboard_alone(base: str, page: Page, storefront: Storefront) -> None:
    intent = await sdk(base).payment_intents.create_async(ORDER)
    frame = await _open(page, storefront, intent)
    await page.keyboard.press("Tab")
    await expect(frame.get_by_role("radio", name="Card")).to_be_focused()
    for word in ("", "4242424242424242", "1234", "123"):
        await page.keyboard.type(word)
        await page.keyboard.press("Tab")
    await expect(frame.get_by_label("Country")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(page.locator("#pay")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#word")).to_have_text(f"paid {intent.id} succeeded")


@pytest.mark.parametrize(("name", "wallet"), [("Apple Pay", "apple_pay"), ("Google Pay", "google_pay")])
async def test_a_wallet_pays_where_methods_are_automatic(
    base: str, page: Page, storefront: Storefront, name: str, wallet: str
) -> None:
    intents = sdk(base).payment_intents
    cards_only = await intents.create_async({"amount": 5000, "currency": "usd", "payment_method_types": ["card"]})
    await expect((await _open(page, storefront, cards_only)).get_by_text(name, exact=True)).to_be_hidden()
    intent = await intents.create_async(ORDER)
    frame = await _open(page, storefront, intent, theme="night")
    await frame.get_by_text(name, exact=True).click()
    await expect(frame.get_by_label("Card number")).to_be_hidden()
    await _picture(page, f"{wallet}-night")
    await page.locator("#pay").click()
    await expect(page.locator("#word")).to_have_text(f"paid {intent.id} succeeded")
    seen = await intents.retrieve_async(intent.id, {"expand": ["latest_charge"]})
    assert seen.latest_charge.payment_method_details.card.wallet.type == wallet


@pytest.mark.parametrize("way", ["Complete authentication", "Fail authentication", "Escape"])
async def test_the_buyer_authenticates_in_a_dialog(base: str, page: Page, storefront: Storefront, way: str) -> None:
    intent = await sdk(base).payment_intents.create_async(ORDER)
    frame = await _open(page, storefront, intent)
    await _type(frame, "4000002760003184")
    await page.locator("#pay").click()
    bank = page.frame_locator(_CHALLENGE)
    await expect(bank.get_by_role("heading", name="3D Secure authentication")).to_be_visible()
    await expect(bank.get_by_text("50.00 USD")).to_be_visible()
    if way == "Escape":
        await page.locator("dialog").press("Escape")
    else:
        await _picture(page, "challenge")
        await bank.get_by_role("button", name=way).click()
    word = page.locator("#word")
    if way.startswith("Complete"):
        await expect(word).to_have_text(f"paid {intent.id} succeeded")
    else:
        await expect(word).to_contain_text("error | card_error | payment_intent_authentication_failure")
    await expect(page.locator("dialog")).to_have_count(0)


async def test_the_return_address_gets_what_the_vendor_gives(base: str, page: Page, storefront: Storefront) -> None:
    intent = await sdk(base).payment_intents.create_async(ORDER)
    frame = await _open(page, storefront, intent, redirect="always")
    await _type(frame, "4242424242424242")
    await page.locator("#pay").click()
    await page.wait_for_url("**/back?**")
    given = dict(httpx2.URL(page.url).params)
    assert given == {
        "shop": "1",
        "payment_intent": intent.id,
        "payment_intent_client_secret": intent.client_secret,
        "redirect_status": "succeeded",
    }


@pytest.mark.parametrize(("button", "status"), [("Complete", "succeeded"), ("Fail", "failed")])
async def test_a_challenge_on_its_own_page_leads_back_to_the_shop(
    base: str, page: Page, storefront: Storefront, button: str, status: str
) -> None:
    order = {**ORDER, "payment_method": "pm_card_threeDSecure2Required", "confirm": True}
    intent = await sdk(base).payment_intents.create_async({**order, "return_url": f"{storefront.origin}/back"})
    await page.goto(intent.next_action.redirect_to_url.url)
    await _picture(page, "challenge-page")
    await page.get_by_role("button", name=button).click()
    await page.wait_for_url("**/back?**")
    given = dict(httpx2.URL(page.url).params)
    assert (given["payment_intent"], given["redirect_status"]) == (intent.id, status)


async def test_a_wrong_secret_is_a_load_error(base: str, page: Page, storefront: Storefront) -> None:
    intent = await sdk(base).payment_intents.create_async(ORDER)
    await page.goto(storefront.address(intent) + "x")
    await expect(page.locator("#word")).to_have_text("loaderror invalid_request_error")


async def test_the_frame_talks_to_no_other_origin_and_opens_in_no_other_page(base: str) -> None:
    async with httpx2.AsyncClient() as client:
        frame = await client.get(f"{base}/stripe/element", params={"origin": "https://shop.example"})
        assert "frame-ancestors https://shop.example" in frame.headers["content-security-policy"]
        assert "unsafe-inline" not in frame.headers["content-security-policy"]
        for origin in ("https://shop.example/path", "javascript:x", "https://a.example; script-src *", ""):
            answer = await client.get(f"{base}/stripe/element", params={"origin": origin})
            assert answer.status_code == 400
        unknown = await client.get(f"{base}/stripe/3d_secure/pi_none", params={"client_secret": "x"})
    assert unknown.status_code == 404
