"""States and triggers of an allocation and of an invoice."""

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
