"""States and triggers of a hold, of the slots that it claims, and of a booking."""

from __future__ import annotations

from enum import StrEnum


class HoldState(StrEnum):
    """Where a claim on places stands."""

    HELD = "held"
    CONVERTED = "converted"
    EXPIRED = "expired"
    RELEASED = "released"


class HoldTrigger(StrEnum):
    """What a hold can see."""

    PAID = "paid"
    METHOD_SAVED = "method_saved"
    PAID_AND_PLACE_GONE = "paid_and_place_gone"
    DEADLINE_PASSED = "deadline_passed"
    CANCELLED = "cancelled"


class SlotState(StrEnum):
    """Where the claim of a line on an expert's time stands. Only a claimed slot keeps others out."""

    CLAIMED = "claimed"
    FREED = "freed"
    ENDED = "ended"


class SlotTrigger(StrEnum):
    """What a slot can see."""

    GIVEN_UP = "given_up"
    TAKEN_AGAIN = "taken_again"
    MOVED = "moved"
    SESSION_ENDED = "session_ended"


class BookingState(StrEnum):
    """Where a paid booking stands."""

    CONFIRMED = "confirmed"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class BookingTrigger(StrEnum):
    """What a booking can see."""

    FIRST_SESSION_HELD = "first_session_held"
    LAST_SESSION_HELD = "last_session_held"
    CANCELLED_BY_BUYER = "cancelled_by_buyer"
    CANCELLED_BY_SELLER = "cancelled_by_seller"
    FULFILLMENT_REJECTED = "fulfillment_rejected"
