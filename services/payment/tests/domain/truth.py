"""Charges and refunds as a gateway has them: the truth that random histories are held against."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from services.payment.domain.capabilities import Capabilities, CaptureMode
from services.payment.domain.observation import Observation, RefundSeen, Seen, Source
from services.payment.domain.payment import Payment

AMOUNT = 1000
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CAN = Capabilities(
    frozenset(CaptureMode), saves_methods=True, authorization_seconds=7 * 86_400.0, off_session_seconds=114 * 3_600.0
)


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


def seen_of(payment: Payment, charge: TrueCharge) -> Observation:
    """What a question about `charge` is answered with."""
    return Observation(
        payment.gateway,
        charge.gateway_order_id,
        charge.gateway_payment_id,
        charge.status,
        AMOUNT,
        "INR",
        "account",
        Source.POLL,
        "history",
    )
