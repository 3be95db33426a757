"""Charges and refunds as a gateway has them: the truth that random histories are held against."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from services.payment.domain.observation import RefundSeen, Seen


@dataclass
class TrueRefund:
    """A refund as the gateway has it."""

    gateway_refund_id: str
    ours: UUID | None
    amount: int
    status: RefundSeen = RefundSeen.PENDING


@dataclass
class TrueCharge:
    """A payment as the gateway has it; the truth about its money."""

    gateway_order_id: str
    gateway_payment_id: str
    status: Seen = Seen.PENDING
    captured: int = 0
    refunds: list[TrueRefund] = field(default_factory=list)

    @property
    def refunded(self) -> int:
        """What really went back."""
        return sum(r.amount for r in self.refunds if r.status is RefundSeen.PROCESSED)

    @property
    def given(self) -> int:
        """What went back or may still go back."""
        return sum(r.amount for r in self.refunds if r.status is not RefundSeen.FAILED)
