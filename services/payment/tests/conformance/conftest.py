"""One payment service with all vendors for a file of scenarios; each scenario has purchases of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from chassis.testing import Server
from services.payment.tests.conformance.purchase import Purchase
from services.payment.tests.conformance.vendors import AT, Vendor
from services.payment.tests.stage import Stage, staged


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(postgres_server: Server) -> AsyncIterator[Stage]:
    """Payment with every vendor's simulator."""
    async with staged(
        postgres_server,
        payment_gateway_timeout_seconds=1.0,
        payment_breaker_failures=100,
        payment_refund_retry_seconds=0.2,
        payment_order_lease_seconds=5.0,
    ) as made:
        yield made


@pytest.fixture(params=AT, ids=lambda vendor: vendor.name)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    """The vendor of this run of the scenario."""
    found: Vendor = request.param
    return found


@pytest_asyncio.fixture(loop_scope="module")
async def purchase(stage: Stage, vendor: Vendor) -> AsyncIterator[Callable[..., Purchase]]:
    """Makes purchases; afterwards the vendors behave again."""

    def make(**claims: Any) -> Purchase:
        return Purchase(stage, vendor, claims=claims)

    yield make
    await stage.simulator.delete("/control/faults")
