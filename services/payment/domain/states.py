"""The states of a payment, a refund, a dispute and a payout, and what can be seen that moves them (design section 7)."""

from __future__ import annotations

from enum import StrEnum


class PaymentState(StrEnum):
    """Where the money of one booking stands at one gateway."""

    CREATED = "created"
    PENDING = "pending"
    METHOD_SAVED = "method_saved"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    VOIDED = "voided"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    DISPUTED = "disputed"


SECURED = frozenset(
    {
        PaymentState.AUTHORIZED,
        PaymentState.CAPTURED,
        PaymentState.PARTIALLY_REFUNDED,
        PaymentState.REFUNDED,
        PaymentState.DISPUTED,
    }
)
"""States in which the buyer's money is, or was, with us (C1). A saved method is a promise, no money."""
AWAITED = frozenset(
    {
        PaymentState.CREATED,
        PaymentState.PENDING,
        PaymentState.METHOD_SAVED,
        PaymentState.AUTHORIZED,
        PaymentState.FAILED,
        PaymentState.EXPIRED,
        PaymentState.UNKNOWN,
    }
)
"""States that the poller still asks the gateway about."""


class OrderPurpose(StrEnum):
    """What an order at the gateway is for: the buyer pays it, their method is saved by it, or the saved method pays it."""

    PAY = "pay"
    SAVE = "save"
    CHARGE = "charge"


class PaymentTrigger(StrEnum):
    """What was seen of a payment."""

    ORDER_FOUND = "order_found"
    OUTCOME_UNKNOWN = "outcome_unknown"
    ATTEMPT_SEEN = "attempt_seen"
    METHOD_SAVED_SEEN = "method_saved_seen"
    CHARGE_BEGUN = "charge_begun"
    AUTHORIZED_SEEN = "authorized_seen"
    CAPTURED_SEEN = "captured_seen"
    FAILED_SEEN = "failed_seen"
    VOIDED_SEEN = "voided_seen"
    DEADLINE_PASSED = "deadline_passed"
    REFUNDED_IN_PART = "refunded_in_part"
    REFUNDED_IN_FULL = "refunded_in_full"
    REFUNDS_UNDONE = "refunds_undone"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"


class RefundState(StrEnum):
    """Where one refund stands. `sent` means that the gateway may have been called."""

    REQUESTED = "requested"
    SENT = "sent"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REVERSED = "reversed"


class RefundTrigger(StrEnum):
    """What was done with, or seen of, a refund."""

    CALLED = "called"
    PENDING_SEEN = "pending_seen"
    PROCESSED_SEEN = "processed_seen"
    FAILED_SEEN = "failed_seen"


class DisputeState(StrEnum):
    """Where a dispute stands with the buyer's bank."""

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


class DisputeTrigger(StrEnum):
    """What the gateway said of a dispute."""

    OPENED_SEEN = "opened_seen"
    REVIEW_SEEN = "review_seen"
    WON_SEEN = "won_seen"
    LOST_SEEN = "lost_seen"


class PayoutState(StrEnum):
    """Where money for a partner stands. `sent` means that the gateway may have been called."""

    REQUESTED = "requested"
    SENT = "sent"
    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"


class PayoutTrigger(StrEnum):
    """What was done with, or seen of, a payout."""

    CALLED = "called"
    PENDING_SEEN = "pending_seen"
    PAID_SEEN = "paid_seen"
    FAILED_SEEN = "failed_seen"
    RETURNED_SEEN = "returned_seen"


class JournalKind(StrEnum):
    """What moved."""

    CAPTURE = "capture"
    FEE = "fee"
    SHARE = "share"
    REFUND = "refund"
    REFUND_REVERSED = "refund_reversed"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    PAYOUT = "payout"
    PAYOUT_PAID = "payout_paid"
    PAYOUT_UNDONE = "payout_undone"
