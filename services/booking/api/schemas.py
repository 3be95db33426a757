"""Bodies that booking's routes take: no amounts, no unknown fields, everything bounded."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, EmailStr, Field, StringConstraints

from contracts.booking_events import Preferences, Weekday

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ()-]{5,19}$")]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("this is no time zone of the IANA list") from error
    return name


Zone = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_known_zone)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Schedule(_Strict):
    """The wished days: Monday is 0."""

    weekdays: tuple[Weekday, ...] = Field(min_length=1, max_length=7)
    starts_on: date
    time_zone: Zone


class WishedPreferences(Preferences):
    """What the buyer asks of a trainer."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewCart(_Strict):
    """An empty cart needs nothing."""


class NewLine(_Strict):
    """A course line."""

    offer_id: str = Field(min_length=1, max_length=64)
    quantity: int = Field(default=1, ge=1, le=1)
    tier: Literal[10, 20, 30]
    time_slot: Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    schedule: Schedule
    preferences: WishedPreferences = WishedPreferences()

    def wish(self) -> dict[str, object]:
        """What is stored with the line."""
        return {
            "tier": self.tier,
            "time_slot": self.time_slot,
            "weekdays": sorted(set(self.schedule.weekdays)),
            "starts_on": self.schedule.starts_on.isoformat(),
            "time_zone": self.schedule.time_zone,
            "preferences": self.preferences.model_dump(exclude_none=True),
        }


class BuyerIn(_Strict):
    """Who buys."""

    name: Name
    email: EmailStr = Field(max_length=200)
    phone: Phone | None = None


class CheckoutIn(_Strict):
    """The buyer of a checkout."""

    buyer: BuyerIn


class BookIn(NewLine):
    """One course in one call: a cart, a line and its checkout (S0-04)."""

    buyer: BuyerIn

    def line(self) -> NewLine:
        """The line without the buyer."""
        return NewLine.model_validate(self.model_dump(exclude={"buyer"}))
