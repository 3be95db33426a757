"""A person with a browser at Stripe and PhonePe: paid, declined, left, and paid twice."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, FrameLocator, Page, expect

from chassis.testing import eventually
from deploy.stage.stage import Stage
from tests.integration.conftest import Databases
from tests.integration.walking import WAIT_MS, picture, to_payment

pytestmark = [pytest.mark.journey, pytest.mark.browser]


@pytest_asyncio.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A fresh buyer's window; an error in its console fails the test."""
    context = await browser.new_context()
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    yield page
    await context.close()
    assert [text for text in problems if "402" not in text] == []


async def card(page: Page, number: str) -> FrameLocator:
    """Type a card into Stripe's element and pay."""
    frame = page.frame_locator("iframe[title='Secure payment input frame']")
    await frame.get_by_label("Card number").fill(number)
    await frame.get_by_label("Expiration date").fill("12 / 34")
    await frame.get_by_label("Security code").fill("123")
    await page.locator("#pay").click()
    return frame


async def fulfilled(page: Page) -> None:
    """The booking's page shows the invoice."""
    await page.wait_for_url("**/booking**", timeout=WAIT_MS)
    await expect(page.locator("body")).to_contain_text("PF-", timeout=WAIT_MS)


async def test_stripe_declines_a_card_and_takes_the_next(page: Page, stage: Stage, databases: Databases) -> None:
    await to_payment(page, stage, "stripe")
    await card(page, "4000 0000 0000 9995")
    await expect(page.locator("#status")).to_contain_text("insufficient funds", timeout=WAIT_MS)
    await picture(page, "stripe-declined")
    await card(page, "4242 4242 4242 4242")
    await fulfilled(page)
    query = "SELECT count(*)::int FROM payments WHERE gateway = 'stripe' AND status = 'captured'"
    assert await databases.value("payment", query) >= 1


async def test_stripe_asks_the_buyer_to_authenticate(page: Page, stage: Stage) -> None:
    await to_payment(page, stage, "stripe")
    await card(page, "4000 0000 0000 3220")
    challenge = page.frame_locator("iframe[title='3D Secure authentication']")
    await challenge.get_by_role("button", name="Complete").click(timeout=WAIT_MS)
    await fulfilled(page)


async def test_phonepe_declines_takes_the_next_try_and_leads_back(page: Page, stage: Stage) -> None:
    await to_payment(page, stage, "phonepe")
    await page.locator("#pay").click()
    await page.get_by_label("UPI id").fill("failed@ybl")
    await page.locator("#pay-upi").click()
    await expect(page.get_by_role("alert")).to_contain_text("declined", timeout=WAIT_MS)
    await picture(page, "phonepe-declined")
    await page.get_by_label("UPI id").fill("success@ybl")
    await page.locator("#pay-upi").click()
    await fulfilled(page)


async def test_who_leaves_phonepe_keeps_the_place_and_pays_another_way(page: Page, stage: Stage) -> None:
    await to_payment(page, stage, "phonepe")
    await page.locator("#pay").click()
    await page.locator("#cancel").click()
    await page.wait_for_url("**/pay/stopped**", timeout=WAIT_MS)
    await expect(page.locator("body")).to_contain_text("The payment was cancelled")
    await page.get_by_role("button", name="Try again").click()
    await picture(page, "ways")
    await page.locator("#with-stripe").click()
    await expect(page.locator("#pay")).to_be_enabled(timeout=WAIT_MS)
    await card(page, "5555 5555 5555 4444")
    await fulfilled(page)


async def test_who_pays_twice_gets_one_back(page: Page, stage: Stage, databases: Databases) -> None:
    await to_payment(page, stage, "phonepe")
    another = await page.context.new_page()
    await another.goto(f"{stage.record['storefront']}/pay/with/stripe")
    await expect(another.locator("#pay")).to_be_enabled(timeout=WAIT_MS)
    await page.locator("#pay").click()
    await expect(page.locator("#pay-upi")).to_be_visible(timeout=WAIT_MS)
    await card(another, "4242 4242 4242 4242")
    await fulfilled(another)
    await page.locator("#pay-upi").click()
    await fulfilled(page)
    back = """SELECT count(*)::int FROM refunds r JOIN payments p ON p.id = r.payment_id
              WHERE p.duplicate_of IS NOT NULL AND p.gateway = 'phonepe' AND r.status = 'succeeded'
                AND r.amount_minor = p.amount_minor"""

    async def returned() -> bool:
        return bool(await databases.value("payment", back))

    await eventually(returned, 30.0, what="the second payment given back")
