"""Walking through the shop as a person with a browser does."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.async_api import Page, expect

from deploy.stage.stage import Stage

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 20_000


async def to_payment(page: Page, stage: Stage, gateway: str = "razorpay") -> None:
    """From the catalogue to the page where the buyer pays by `gateway`."""
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
    await page.locator(f"#with-{gateway}").click()
    await expect(page.locator("#pay")).to_be_enabled(timeout=WAIT_MS)


async def picture(page: Page, name: str) -> None:
    """Keep a picture where PAYFIRST_PICTURES says; nothing without it."""
    if folder := os.environ.get("PAYFIRST_PICTURES"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
