"""A person with a browser: buys a course through the storefront and the vendor's page, and an operator sees it."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from deploy.stage.stage import Stage
from tests.integration.conftest import Databases

pytestmark = [pytest.mark.journey, pytest.mark.browser]
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_WAIT_MS = 20_000


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium. A missing one fails: nothing is skipped."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "Chromium is missing: apt-get install chromium, or name it in CHROMIUM"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        await browser.close()


async def _to_payment(page: Page, stage: Stage) -> None:
    """From the catalogue to the page where the buyer pays."""
    await page.goto(stage.record["storefront"])
    await page.get_by_role("link", name="Mathematics, one to one").first.click()
    await page.locator("input[name=weekday_0]").check()
    await page.locator("input[name=weekday_3]").check()
    await page.locator("select[name=time_slot]").select_option("10:00")
    await page.get_by_role("button", name="Put into the cart").click()
    await page.get_by_role("button", name="Go on to your details").click()
    await page.get_by_label("Name").fill("Zoë Ångström")
    await page.get_by_label("Email").fill("zoe@example.com")
    await page.get_by_role("button", name="Hold my place and go on to pay").click()
    await expect(page.locator("#pay")).to_be_enabled(timeout=_WAIT_MS)


async def _picture(page: Page, name: str) -> None:
    if folder := os.environ.get("PAYFIRST_PICTURES"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def test_a_buyer_is_declined_tries_again_pays_and_sees_it_fulfilled(
    browser: Browser, stage: Stage, databases: Databases
) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    await _to_payment(page, stage)
    await _picture(page, "pay")
    await page.locator("#pay").click()
    vendor = page.frame_locator("iframe[title='Razorpay checkout']")
    await vendor.get_by_label("Card number").fill("4100 2800 0008 0001")
    await vendor.locator("#pay-button").click()
    await expect(vendor.get_by_role("alert")).to_contain_text("does not have enough balance", timeout=_WAIT_MS)
    await _picture(page, "declined")
    await vendor.get_by_label("Card number").fill("4100 2800 0000 1007")
    await vendor.locator("#pay-button").click()
    await page.wait_for_url("**/booking", timeout=_WAIT_MS)
    await expect(page.locator("body")).to_contain_text("PF-", timeout=_WAIT_MS)
    await _picture(page, "fulfilled")
    newest = "SELECT booking_id FROM hold_contents WHERE buyer->>'email' = 'zoe@example.com' ORDER BY booking_id DESC"
    booking_id = await databases.value("booking", newest)
    assert not problems
    await _operator_sees(context.browser or browser, stage, booking_id)
    await context.close()


async def _operator_sees(browser: Browser, stage: Stage, booking_id: str) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{stage.record['console']}/purchases/{booking_id}")
    await page.locator("[name=token]").fill(stage.record["tokens"]["ops"])
    await page.get_by_role("button", name="Sign in").click()
    await page.goto(f"{stage.record['console']}/purchases/{booking_id}")
    await expect(page.locator("body")).to_contain_text("fulfillment.completed", timeout=_WAIT_MS)
    await _picture(page, "journey")
    await page.goto(stage.record["console"])
    await expect(page.locator("body")).to_contain_text("booking.confirmations", timeout=_WAIT_MS)
    await _picture(page, "overview")
    await context.close()


async def test_a_buyer_who_closes_the_checkout_keeps_the_place_and_may_pay_later(
    browser: Browser, stage: Stage
) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await _to_payment(page, stage)
    await page.locator("#pay").click()
    vendor = page.frame_locator("iframe[title='Razorpay checkout']")
    await vendor.locator("#cancel-button").click()
    await page.wait_for_url("**/pay/stopped**", timeout=_WAIT_MS)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator("#pay")).to_be_enabled(timeout=_WAIT_MS)
    await context.close()
