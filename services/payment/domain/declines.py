"""Why a buyer's attempt failed, as a closed set of classes: what a shop may say in the buyer's own language (S1-32)."""

from __future__ import annotations

from enum import StrEnum


class Decline(StrEnum):
    """What the buyer can do about it decides the class; vendors' codes are sorted into it in their own folders."""

    DETAILS = "details"
    FUNDS = "funds"
    EXPIRED = "expired"
    BANK = "bank"
    AUTHENTICATION = "authentication"
    CANCELLED = "cancelled"
    LATE = "late"
    TECHNICAL = "technical"
    DECLINED = "declined"
