"""States and triggers of an allocation, of an invoice and of a meeting."""

from __future__ import annotations

from enum import StrEnum


class AllocationState(StrEnum):
    """Where the choice of a trainer stands (S2-07)."""

    PENDING = "pending"
    APPROVED = "approved"


class AllocationTrigger(StrEnum):
    """What an allocation can see."""

    TRAINER_FOUND = "trainer_found"
    NO_TRAINER = "no_trainer"
    APPROVED_BY_HAND = "approved_by_hand"


class InvoiceState(StrEnum):
    """Where an invoice stands (S3-11)."""

    DRAFT = "draft"
    FINALIZED = "finalized"
    CREDITED = "credited"


class InvoiceTrigger(StrEnum):
    """What an invoice can see."""

    NUMBERED = "numbered"
    CORRECTED = "corrected"


class MeetingState(StrEnum):
    """Where the meeting of a session stands (S1-02). `moved` is live too, at another time than the one bought."""

    LIVE = "live"
    MOVED = "moved"
    HELD = "held"
    REMOVED = "removed"


class MeetingTrigger(StrEnum):
    """What a meeting can see."""

    MOVED = "moved"
    HELD = "held"
    CANCELLED = "cancelled"
