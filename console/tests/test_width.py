"""The money page in a browser: whatever words and amounts the services say, no table is wider than the page."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator

import httpx2
import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import async_playwright

from chassis.testing import eventually, free_port
from console.app import build
from console.settings import ConsoleSettings
from console.tests.conftest import token
from console.tests.fakes import BOOKING, Fakes
from tests.integration.walking import ARGUMENTS

pytestmark = pytest.mark.browser
OVERHANG = """[...document.querySelectorAll("table")].filter(t => t.offsetWidth > t.parentElement.clientWidth)
              .map(t => t.closest("section").querySelector("h2").id)"""

PAYMENTS = """[...document.querySelectorAll("#payments ~ article table")]
              .map(t => t.offsetWidth > t.parentElement.clientWidth)"""


@pytest_asyncio.fixture
async def address(fakes: Fakes, settings: ConsoleSettings) -> AsyncIterator[str]:
    """The console over made-up services, served."""
    port = free_port()
    app = build(settings, httpx2.ASGITransport(app=fakes.app))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None))
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started, what="the console")
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving


async def test_no_table_of_the_money_page_or_of_payments_hangs_over(address: str) -> None:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "Chromium is missing: apt-get install chromium, or name it in CHROMIUM"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        page = await browser.new_page()
        await page.goto(f"{address}/money")
        await page.locator("[name=token]").fill(token("admin"))
        await page.get_by_role("button", name="Sign in").click()
        await page.goto(f"{address}/money")
        for width in (1200, 1024, 800, 390):
            await page.set_viewport_size({"width": width, "height": 900})
            assert await page.evaluate(OVERHANG) == [], width
            assert await page.evaluate("document.documentElement.scrollWidth") == width
        assert await page.locator("#cases ~ table").count() == 1
        await page.goto(f"{address}/purchases/{BOOKING}")
        await page.set_viewport_size({"width": 800, "height": 900})
        assert await page.evaluate(PAYMENTS) == [False, False]
        await browser.close()
