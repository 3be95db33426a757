"""Composition root of payment: the one file that knows everybody."""

from __future__ import annotations

from pathlib import Path

from chassis.hosting import Application
from services.payment.adapters.gateways.registry import configured
from services.payment.api import (
    by_hand,
    carts,
    cases,
    creating,
    ledger,
    payouts,
    quotations,
    reading,
    reconciling,
    verifying,
    webhooks,
)
from services.payment.consumers import steps
from services.payment.handlers.by_hand import ByHand
from services.payment.handlers.intake import Intake
from services.payment.handlers.observations import Observing
from services.payment.handlers.orders import Ordering
from services.payment.handlers.verification import Verification
from services.payment.settings import PaymentSettings
from services.payment.timers import periodics

MIGRATIONS = Path(__file__).parent / "storage" / "migrations"


def build(settings: PaymentSettings) -> Application:
    """The payment service as `settings` has it; a gateway without keys is not offered, without secret not heard."""
    gateways = configured(settings)
    observing = Observing(settings, gateways)

    async def close(_: Application) -> None:
        await gateways.close()

    application = Application(
        name="payment",
        settings=settings,
        migrations=MIGRATIONS,
        routers=(
            creating.router,
            carts.router,
            quotations.router,
            verifying.router,
            webhooks.router_of(gateways),
            by_hand.router,
            cases.router,
            ledger.router,
            payouts.router,
            reconciling.router,
            reading.router,
        ),
        unlimited=webhooks.PATHS,
        steps=steps(settings, gateways, observing),
        periodics=periodics(settings, gateways, observing),
        shutdown=close,
    )
    database = application.database
    application.state = {
        "gateways": gateways,
        "ordering": Ordering(database, settings, observing),
        "verification": Verification(database, settings, gateways, observing),
        "intake": Intake(database),
        "by_hand": ByHand(settings, observing),
    }
    return application
