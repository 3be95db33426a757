"""Fulfillment composed: the only file that knows everybody."""

from __future__ import annotations

from pathlib import Path

from chassis.hosting import Application
from services.fulfillment.api import allocations, consultations, invoices, purchases
from services.fulfillment.consumers import STEPS
from services.fulfillment.settings import FulfillmentSettings
from services.fulfillment.timers import PERIODICS

MIGRATIONS = Path(__file__).parent / "storage" / "migrations"


def build(settings: FulfillmentSettings) -> Application:
    """The service with `settings`."""
    return Application(
        name="fulfillment",
        settings=settings,
        migrations=MIGRATIONS,
        routers=(purchases.router, consultations.router, allocations.router, invoices.router),
        steps=STEPS,
        periodics=PERIODICS,
    )
