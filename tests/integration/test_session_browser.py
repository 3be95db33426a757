"""A person with a browser and a session: held on the card, moved, cancelled by the quote; and a card saved for a far date."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize, expect

from chassis.testing import eventually
from deploy.stage.stage import Stage
from storefront.times import moment
from tests.integration.conftest import Databases
from tests.integration.walking import WAIT_MS, picture

pytestmark = [pytest.mark.journey, pytest.mark.browser]
ZONE = "Europe/Berlin"
NARROW: ViewportSize = {"width": 390, "height": 844}
FULL_REFUND, HOLDABLE = timedelta(hours=30), timedelta(days=5)
_PAYMENT = """SELECT status, gateway_orders.purpose, charge_at FROM payments
              JOIN gateway_orders ON gateway_orders.payment_id = payments.id WHERE booking_id = $1"""


@pytest_asyncio.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A fresh visitor's window in Berlin; an error in its console fails the test."""
    context = await browser.new_context(timezone_id=ZONE)
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    yield page
    is_wide = await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    await context.close()
    assert problems == []
    assert not is_wide


async def to_expert(page: Page, stage: Stage) -> None:
    """From the offers to Maya's times, which the page shows in the browser's own zone."""
    await page.goto(stage.record["storefront"])
    await picture(page, "session-offers")
    await page.get_by_role("link", name="Strategy, an hour with Maya Iyer").click()
    await page.wait_for_url("**time_zone=Europe%2FBerlin**", timeout=WAIT_MS)
    await expect(page.get_by_label("Times are shown in")).to_have_value(ZONE)


async def choose(page: Page, earliest: timedelta, latest: timedelta) -> str:
    """Choose the first time of the page that lies so far ahead; returns its instant."""
    now = datetime.now(UTC)
    radios = page.locator("input[name=starts_at]")
    starts = [str(await radio.get_attribute("value")) for radio in await radios.all()]
    chosen = next(start for start in starts if earliest <= datetime.fromisoformat(start) - now <= latest)
    await page.locator(f"label:has(input[value='{chosen}'])").click()
    return chosen


async def to_card(page: Page) -> None:
    """From the chosen time to Stripe's element: the only gateway that can hold a card for this offer."""
    await page.get_by_label("What should Maya Iyer know before?").fill("Two founders, one chair.")
    await picture(page, "session-expert")
    await page.get_by_role("button", name="Put into the cart").click()
    await picture(page, "session-cart")
    await page.get_by_role("button", name="Go on to your details").click()
    await page.get_by_label("Name").fill("Zoë Ångström")
    await page.get_by_label("Email").fill("zoe@example.com")
    await page.get_by_role("button", name="Hold my place and go on to pay").click()
    await expect(page.locator("#pay")).to_be_enabled(timeout=WAIT_MS)


async def fill_card(page: Page) -> None:
    """Type a good card and send it."""
    frame = page.frame_locator("iframe[title='Secure payment input frame']")
    await frame.get_by_label("Card number").fill("4242 4242 4242 4242")
    await frame.get_by_label("Expiration date").fill("12 / 34")
    await frame.get_by_label("Security code").fill("123")
    await page.locator("#pay").click()
    await page.wait_for_url("**/booking**", timeout=WAIT_MS)


async def booking_id_of(databases: Databases, starts_at: str) -> str:
    """The booking that claims Maya's time."""
    query = "SELECT booking_id FROM slots WHERE expert_id = 'exp-maya' AND state = 'claimed' AND starts_at = $1"
    return str(await databases.value("booking", query, datetime.fromisoformat(starts_at)))


async def until_payment(databases: Databases, booking_id: str, status: str) -> Any:
    """The booking's payment, once it is `status`."""
    found: list[Any] = []

    async def is_there() -> bool:
        found[:] = await databases.rows("payment", _PAYMENT, booking_id)
        return [row["status"] for row in found] == [status]

    await eventually(is_there, 30.0, what=f"the payment {status}")
    return found[0]


async def test_a_session_is_held_on_the_card_moved_and_cancelled_by_the_quote(
    page: Page, stage: Stage, databases: Databases
) -> None:
    await to_expert(page, stage)
    starts_at = await choose(page, FULL_REFUND, HOLDABLE)
    await to_card(page)
    await expect(page.locator("#later")).to_contain_text("Nothing is taken before your session.")
    await picture(page, "session-reserve")
    await fill_card(page)
    await expect(page.get_by_role("link", name="Join the session by video")).to_have_attribute(
        "href", "https://rooms.example.com/maya", timeout=WAIT_MS
    )
    await expect(page.locator(".when")).to_contain_text(moment(starts_at, ZONE))
    await expect(page.locator("#main")).to_contain_text("You are charged $800.00 after the session")
    await expect(page.locator("#status")).to_contain_text("Everything is ready", timeout=WAIT_MS)
    await picture(page, "session-booked")
    booking_id = await booking_id_of(databases, starts_at)
    assert (await until_payment(databases, booking_id, "authorized"))["purpose"] == "pay"
    await page.get_by_role("link", name="Move to another time").click()
    assert await page.locator(f"input[value='{starts_at}']").count() == 0
    moved_to = await choose(page, FULL_REFUND, HOLDABLE)
    await picture(page, "session-move")
    await page.get_by_role("button", name="Move my session").click()
    await expect(page.locator(".good-news")).to_contain_text(moment(moved_to, ZONE))
    await expect(page.locator(".when")).to_contain_text(moment(moved_to, ZONE))
    await picture(page, "session-moved")
    assert await booking_id_of(databases, moved_to) == booking_id
    await page.get_by_role("link", name="Cancel", exact=True).click()
    await expect(page.locator("#back")).to_have_text("$800.00")
    await picture(page, "session-cancel")
    await page.get_by_role("button", name="Cancel my booking").click()
    await expect(page.locator(".good-news")).to_contain_text("$800.00 of what your bank reserved is released.")
    await expect(page.locator("#status")).to_contain_text("This booking is cancelled")
    await picture(page, "session-cancelled")
    await until_payment(databases, booking_id, "voided")


async def test_for_a_far_date_the_card_is_saved_and_the_page_says_when_it_is_charged(
    page: Page, stage: Stage, databases: Databases
) -> None:
    await page.set_viewport_size(NARROW)
    await to_expert(page, stage)
    for _ in range(3):
        shown = await page.locator(".weeks b").inner_text()
        await page.get_by_role("link", name="Later").click()
        await expect(page.locator(".weeks b")).not_to_have_text(shown)
    starts_at = await choose(page, timedelta(days=20), timedelta(days=29))
    await to_card(page)
    await expect(page.locator("#later")).to_contain_text("Nothing is charged today.")
    await picture(page, "session-save")
    await fill_card(page)
    await expect(page.locator("#status")).to_contain_text("Your card is saved", timeout=WAIT_MS)
    booking_id = await booking_id_of(databases, starts_at)
    payment = await until_payment(databases, booking_id, "method_saved")
    assert payment["purpose"] == "save"
    charged = moment(payment["charge_at"], ZONE)
    await expect(page.locator("#status")).to_contain_text(f"nothing is charged before {charged}")
    await picture(page, "session-saved")
    await page.get_by_role("link", name="Move to another time").click()
    moved_to = await choose(page, timedelta(days=10), timedelta(days=29))
    await page.get_by_role("button", name="Move my session").click()
    await expect(page.locator(".good-news")).to_contain_text(moment(moved_to, ZONE))
    await expect(page.locator("#status")).not_to_contain_text(charged, timeout=WAIT_MS)
    sooner = moment((await until_payment(databases, booking_id, "method_saved"))["charge_at"], ZONE)
    await expect(page.locator("#status")).to_contain_text(f"nothing is charged before {sooner}")
    await page.get_by_role("link", name="Cancel", exact=True).click()
    await picture(page, "session-cancel-saved")
    await page.get_by_role("button", name="Cancel my booking").click()
    await expect(page.locator(".good-news")).to_contain_text("Nothing was charged, and nothing will be.")
    await expect(page.locator("#status")).to_contain_text("This booking is cancelled")
