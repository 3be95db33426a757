"""Run booking: `python -m services.booking {migrate|seed|api|worker|all}`."""

from __future__ import annotations

from chassis.hosting import main
from services.booking.app import build
from services.booking.seed import seed
from services.booking.settings import BookingSettings

if __name__ == "__main__":
    main(lambda: build(BookingSettings()), seed)
