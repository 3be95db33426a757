"""Bodies that booking's routes take: no amounts, no unknown fields, everything bounded."""

from __future__ import annotations

from datetime import UTC, date
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Discriminator,
    EmailStr,
    Field,
    StringConstraints,
    Tag,
)

from contracts.booking_events import Preferences, Weekday
from services.booking.domain.offers import COURSE, SESSION

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


class Strict(BaseModel):
    """A body that takes no field that it does not know."""

    model_config = ConfigDict(extra="forbid")


class Schedule(Strict):
    """The wished days: Monday is 0."""

    weekdays: tuple[Weekday, ...] = Field(min_length=1, max_length=7)
    starts_on: date
    time_zone: Zone


class WishedPreferences(Preferences):
    """What the buyer asks of a trainer."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewCart(Strict):
    """An empty cart needs nothing."""


class _Line(Strict):
    offer_id: str = Field(min_length=1, max_length=64)
    quantity: int = Field(default=1, ge=1, le=1)


class CourseLine(_Line):
    """A course line."""

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


Question = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Reply = Annotated[str, StringConstraints(max_length=2000)]


class SessionLine(_Line):
    """A session line: when, as the buyer's clock shows it where, and what the expert should know (kept with booking)."""

    starts_at: AwareDatetime
    time_zone: Zone
    answers: dict[Question, Reply] = Field(default_factory=dict, max_length=20)

    def wish(self) -> dict[str, object]:
        """What is stored with the line."""
        starts_at = self.starts_at.astimezone(UTC).isoformat()
        return {"starts_at": starts_at, "time_zone": self.time_zone, "answers": self.answers}


def _kind(line: Any) -> str:
    """Which kind of line a body means: only a session is told by its start."""
    is_session = "starts_at" in line if isinstance(line, dict) else isinstance(line, SessionLine)
    return SESSION if is_session else COURSE


NewLine = Annotated[Annotated[CourseLine, Tag(COURSE)] | Annotated[SessionLine, Tag(SESSION)], Discriminator(_kind)]


class BuyerIn(Strict):
    """Who buys."""

    name: Name
    email: EmailStr = Field(max_length=200)
    phone: Phone | None = None


class CheckoutIn(Strict):
    """The buyer of a checkout."""

    buyer: BuyerIn


class BookCourseIn(CourseLine):
    """One course in one call: a cart, a line and its checkout (S0-04)."""

    buyer: BuyerIn


class BookSessionIn(SessionLine):
    """One session in one call (S0-04)."""

    buyer: BuyerIn


BookIn = Annotated[Annotated[BookCourseIn, Tag(COURSE)] | Annotated[BookSessionIn, Tag(SESSION)], Discriminator(_kind)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class CancelIn(Strict):
    """A cancellation: as a quote says, once it is paid."""

    quote_id: str | None = Field(default=None, max_length=2000)
    reason: Reason = ""


class RescheduleIn(Strict):
    """Another time for a session; which one, where the booking has several."""

    starts_at: AwareDatetime
    line_id: str | None = Field(default=None, min_length=1, max_length=64)


class CompleteIn(Strict):
    """A session that took place; all of the caller's in the booking when none is named."""

    line_id: str | None = Field(default=None, min_length=1, max_length=64)


class NoShowIn(CompleteIn):
    """Who did not come."""

    absent: Literal["buyer", "expert"]
