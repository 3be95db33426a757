"""A fresh booking database with the seeded catalogue for each test, and the service's HTTP application on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest_asyncio

from chassis.hosting import api_of
from chassis.testing import fresh_database
from chassis.work import Database
from services.booking.app import MIGRATIONS, build
from services.booking.seed import seed
from services.booking.settings import BookingSettings

SECRET = "a-secret-of-at-least-thirty-two-bytes"


@pytest_asyncio.fixture
async def database(postgres_server: Any) -> AsyncIterator[Database]:
    """Booking's tables with the seeded offers."""
    async with fresh_database(postgres_server, MIGRATIONS) as made:
        await seed(made)
        yield made


@pytest_asyncio.fixture
async def http(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """Booking over HTTP."""
    settings = BookingSettings(
        database_url="postgresql://unused", token_secret=SECRET, checkout_token_secret=SECRET, booking_hold_seconds=60
    )
    application = build(settings)
    application.connected = database
    transport = httpx2.ASGITransport(app=api_of(application), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://booking") as client:
        yield client
