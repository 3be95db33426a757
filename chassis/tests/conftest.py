"""The laboratory fixture: a small service on real parts, new for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from chassis.tests.lab import Lab, laboratory


@pytest_asyncio.fixture
async def lab(postgres_server: Any, kafka_bootstrap: str) -> AsyncIterator[Lab]:
    """A laboratory of its own for the test."""
    async with laboratory(postgres_server, kafka_bootstrap) as made:
        yield made
