"""A fresh fulfillment database with the seeded trainers for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from chassis.testing import fresh_database
from chassis.work import Database
from services.fulfillment.app import MIGRATIONS
from services.fulfillment.seed import seed


@pytest_asyncio.fixture
async def database(postgres_server: Any) -> AsyncIterator[Database]:
    """Fulfillment's tables with the seeded trainers."""
    async with fresh_database(postgres_server, MIGRATIONS) as made:
        await seed(made)
        yield made
