"""The vendors, one set of simulators for each file of tests that asks for them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from services.payment.tests.adapters.vendors import Vendors, running


@pytest_asyncio.fixture(scope="module")
async def vendors() -> AsyncIterator[Vendors]:
    """The simulators."""
    async with running() as found:
        yield found
