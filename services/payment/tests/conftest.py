"""A fresh database of payment's, its settings, and rows to start from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from chassis import testing
from chassis.work import Database
from services.payment.adapters.gateways.registry import Gateways, configured
from services.payment.app import MIGRATIONS
from services.payment.handlers.observations import Observing
from services.payment.settings import PaymentSettings
from services.payment.tests.samples import settings_of
from services.payment.tests.stage import VENDORS_OF_THE_RUN


@pytest.fixture
async def database(postgres_server: testing.Server) -> AsyncIterator[Database]:
    """A fresh database of this service."""
    async with testing.fresh_database(postgres_server, MIGRATIONS, connections=12) as fresh:
        yield fresh


@pytest.fixture(scope="session", autouse=True)
def _vendors_end() -> Iterator[None]:
    """The simulators that the stages share end with the run."""
    yield
    VENDORS_OF_THE_RUN.end()


@pytest.fixture
def settings() -> PaymentSettings:
    """Knobs as tests want them."""
    return settings_of()


@pytest.fixture
async def gateways(settings: PaymentSettings) -> AsyncIterator[Gateways]:
    """The gateways of `settings`; nothing listens where they point."""
    found = configured(settings)
    yield found
    await found.close()


@pytest.fixture
def observing(settings: PaymentSettings, gateways: Gateways) -> Observing:
    """The path of observations."""
    return Observing(settings, gateways)
