"""One whole stage for the journeys: four services, broker, database, simulators, as real processes."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx2
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from bench.buyer import Buyer
from deploy.stage.stage import Stage
from tests.integration.walking import ARGUMENTS
from tests.parts import new_home

KNOBS = {"PAYMENT_POLL_FIRST_SECONDS": "1", "BOOKING_HOLD_SECONDS": "60", "LOG_LEVEL": "INFO"}


@pytest_asyncio.fixture(scope="session")
async def stage() -> AsyncIterator[Stage]:
    """A running stage; its data is gone afterwards."""
    home = new_home("payfirst-stage-")
    stage = Stage(home, 24000, environment=KNOBS)
    await stage.start()
    yield stage
    await stage.stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium. A missing one fails: nothing is skipped."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "Chromium is missing: apt-get install chromium, or name it in CHROMIUM"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session")
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    """One HTTP client for all journeys."""
    async with httpx2.AsyncClient(timeout=30) as client:
        yield client


@pytest_asyncio.fixture(scope="session")
async def buyer(stage: Stage, client: httpx2.AsyncClient) -> Buyer:
    """A buyer on the stage."""
    return Buyer(stage.record, client)


class Databases:
    """Read-only looks into the services' databases: what a test may know and a service may not."""

    def __init__(self, urls: dict[str, str]) -> None:
        self._urls = urls

    async def rows(self, service: str, sql: str, *args: Any) -> list[Any]:
        """Rows of `sql` in `service`'s database."""
        connection = await asyncpg.connect(self._urls[service])
        try:
            return list(await connection.fetch(sql, *args))
        finally:
            await connection.close()

    async def value(self, service: str, sql: str, *args: Any) -> Any:
        """The first column of the first row."""
        return (await self.rows(service, sql, *args))[0][0]


@pytest_asyncio.fixture(scope="session")
async def databases(stage: Stage) -> Databases:
    """The four databases of the stage."""
    return Databases(stage.record["databases"])
