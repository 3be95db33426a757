"""A person with a browser: buys a course through the storefront and the vendor's page, and an operator sees it."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from deploy.stage.stage import Stage
from tests.integration.conftest import Databases
from tests.integration.walking import WAIT_MS, picture, to_payment

pytestmark = [pytest.mark.journey, pytest.mark.browser]


async def test_a_buyer_is_declined_tries_again_pays_and_sees_it_fulfilled(
    browser: Browser, stage: Stage, databases: Databases
) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    await to_payment(page, stage)
    await picture(page, "pay")
    await page.locator("#pay").click()
    vendor = page.frame_locator("iframe[title='Razorpay checkout']")
    await vendor.get_by_label("Card number").fill("4100 2800 0008 0001")
    await vendor.locator("#pay-button").click()
    await expect(vendor.get_by_role("alert")).to_contain_text("does not have enough balance", timeout=WAIT_MS)
    await picture(page, "declined")
    await vendor.get_by_label("Card number").fill("4100 2800 0000 1007")
    await vendor.locator("#pay-button").click()
    await page.wait_for_url("**/booking", timeout=WAIT_MS)
    await expect(page.locator("body")).to_contain_text("PF-", timeout=WAIT_MS)
    await picture(page, "fulfilled")
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
    await expect(page.locator("body")).to_contain_text("fulfillment.completed", timeout=WAIT_MS)
    await picture(page, "journey")
    await page.goto(stage.record["console"])
    await expect(page.locator("body")).to_contain_text("booking.confirmations", timeout=WAIT_MS)
    await picture(page, "overview")
    await context.close()


async def test_a_buyer_who_closes_the_checkout_keeps_the_place_and_may_pay_later(
    browser: Browser, stage: Stage
) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await to_payment(page, stage)
    await page.locator("#pay").click()
    vendor = page.frame_locator("iframe[title='Razorpay checkout']")
    await vendor.locator("#cancel-button").click()
    await page.wait_for_url("**/pay/stopped**", timeout=WAIT_MS)
    await page.get_by_role("button", name="Try again").click()
    await page.locator("#with-razorpay").click()
    await expect(page.locator("#pay")).to_be_enabled(timeout=WAIT_MS)
    await context.close()
