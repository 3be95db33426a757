"""Booking composed: the only file that knows everybody."""

from __future__ import annotations

from pathlib import Path

from chassis.hosting import Application
from services.booking.api import bookings, carts, cases, catalogue, changes, experts, quotations, sessions
from services.booking.consumers import STEPS
from services.booking.settings import BookingSettings
from services.booking.timers import PERIODICS

MIGRATIONS = Path(__file__).parent / "storage" / "migrations"


def build(settings: BookingSettings) -> Application:
    """The service with `settings`."""
    return Application(
        name="booking",
        settings=settings,
        migrations=MIGRATIONS,
        routers=(
            catalogue.router,
            experts.router,
            carts.router,
            bookings.router,
            changes.router,
            sessions.router,
            quotations.router,
            cases.router,
        ),
        steps=STEPS,
        periodics=PERIODICS,
    )
