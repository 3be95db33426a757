"""Booking's knobs."""

from __future__ import annotations

from pydantic import Field

from chassis.settings import ServiceSettings


class BookingSettings(ServiceSettings):
    """What booking needs beyond every service's knobs."""

    booking_hold_seconds: int = Field(default=900, ge=1, description="How long places are held for an unpaid checkout.")
    booking_token_grace_seconds: int = Field(
        default=0, ge=0, description="How long a checkout token outlives its hold."
    )
