"""A fresh database of payment's, its settings, and rows to start from."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chassis import testing
from chassis.work import Database
from services.payment.adapters.gateways.registry import Gateways, configured
from services.payment.app import MIGRATIONS
from services.payment.handlers.observations import Observing
from services.payment.settings import PaymentSettings
from services.payment.tests.samples import settings_of


@pytest.fixture
async def database(postgres_server: testing.Server) -> AsyncIterator[Database]:
    """A fresh database of this service."""
    async with testing.fresh_database(postgres_server, MIGRATIONS, connections=12) as fresh:
        yield fresh


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
