"""The capture planner: when the money of a purchase is authorized and when it is captured (C3 to C5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.payment.domain.capabilities import Capabilities, CaptureMode

IMMEDIATE = "immediate"
AFTER_SERVICE = "after_service"
POLICIES = frozenset({IMMEDIATE, AFTER_SERVICE})
AFTER_SERVICE_WAIT = timedelta(minutes=30)
"""How long after the session's end the money is captured when nobody confirmed it (S1-21, C5)."""
MARGIN = timedelta(hours=12)
"""How long before the gateway's deadline at the latest; also when a person is warned of one that is not captured yet."""

GRACE = timedelta(hours=48)
"""How long after its planned time a saved method may still be charged, or paid for by the buyer."""


class Collection(StrEnum):
    """How the money is collected."""

    CAPTURE_NOW = "capture_now"
    AUTHORIZE_NOW = "authorize_now"
    SAVE_METHOD = "save_method"


@dataclass(frozen=True, slots=True)
class Plan:
    """How one purchase's money is collected, and why in words for the buyer and the operator.

    `authorize_at` is set for a saved method only: when the buyer's method is charged near the date.
    """

    collection: Collection
    why: str
    authorize_at: datetime | None = None

    @property
    def capture_mode(self) -> CaptureMode:
        """What the gateway's order is made with."""
        return CaptureMode.AUTOMATIC if self.collection is Collection.CAPTURE_NOW else CaptureMode.MANUAL


def plan(policy: str, service_ends_at: datetime | None, can: Capabilities, now: datetime) -> Plan | None:
    """The plan for a purchase under `policy` whose service ends at `service_ends_at`; None when the gateway can't.

    An authorization is planned only where the capture falls before the gateway's deadline with `MARGIN` to spare.
    Beyond that the method is saved and authorized near the date, as early as what is held for an absent buyer allows; that
    leaves a day at least for a decline to be mended before the service. Without that ability the money is taken now and
    the refund policy of the purchase protects the buyer (C4).
    """
    now_possible = CaptureMode.AUTOMATIC in can.capture_modes
    if policy == IMMEDIATE:
        return Plan(Collection.CAPTURE_NOW, "the offer is paid at once") if now_possible else None
    if policy != AFTER_SERVICE or CaptureMode.MANUAL not in can.capture_modes:
        return None
    wished = wished_capture(service_ends_at, now)
    held = timedelta(seconds=can.authorization_seconds)
    if wished + MARGIN <= now + held:
        return Plan(Collection.AUTHORIZE_NOW, "authorized now, captured after the service")
    off_session = min(held, timedelta(seconds=can.off_session_seconds))
    if can.saves_methods and off_session > 4 * MARGIN:
        authorize_at = wished + 2 * MARGIN - off_session
        return Plan(Collection.SAVE_METHOD, "the date is too far for an authorization now", authorize_at)
    if not now_possible:
        return None
    return Plan(Collection.CAPTURE_NOW, "the date is beyond what the gateway can hold; the refund policy applies")


def charge_deadline(authorize_at: datetime, service_ends_at: datetime | None) -> datetime:
    """Until when a purchase with a saved method may be paid: `GRACE` after the planned time, and `MARGIN` before the
    service ends at the latest."""
    latest = authorize_at + GRACE
    return latest if service_ends_at is None else max(authorize_at, min(latest, service_ends_at - MARGIN))


def charge_mode(service_ends_at: datetime | None, can: Capabilities, now: datetime) -> CaptureMode:
    """How a saved method is charged at `now`, which may be later than was planned: held when the capture falls before the
    deadline of a hold made now with `MARGIN` to spare, else taken at once."""
    held = timedelta(seconds=can.off_session_seconds)
    safe = CaptureMode.MANUAL in can.capture_modes and wished_capture(service_ends_at, now) + MARGIN <= now + held
    return CaptureMode.MANUAL if safe else CaptureMode.AUTOMATIC


def wished_capture(service_ends_at: datetime | None, now: datetime) -> datetime:
    """When the money should be captured if nobody confirms earlier: 30 minutes after the service, never in the past."""
    return now if service_ends_at is None else max(now, service_ends_at + AFTER_SERVICE_WAIT)


def capture_at(
    service_ends_at: datetime | None, capture_before: datetime | None, now: datetime, *, confirmed: bool = False
) -> datetime:
    """When an authorized payment is captured: at the partner's confirmation or 30 minutes after the service's end,
    whichever is earlier, and never later than `MARGIN` before the gateway's own deadline (C5). Never in the past.

    A service without a date waits for the confirmation as long as the deadline allows; without either it is now.
    """
    if confirmed or (service_ends_at is None and capture_before is None):
        return now
    candidates = [wished_capture(service_ends_at, now)] if service_ends_at is not None else []
    if capture_before is not None:
        candidates.append(last_safe(capture_before, now))
    return max(now, min(candidates))


def last_safe(capture_before: datetime, now: datetime) -> datetime:
    """The latest time to capture: `MARGIN` before the deadline, half way when less than twice that is left."""
    left = capture_before - now
    return capture_before - MARGIN if left >= 2 * MARGIN else now + max(left, timedelta()) / 2


def needs_warning(service_ends_at: datetime | None, capture_before: datetime, now: datetime) -> bool:
    """Whether the gateway's deadline forces the capture before the service's end: a person decides (early alarm)."""
    return service_ends_at is not None and last_safe(capture_before, now) < service_ends_at
