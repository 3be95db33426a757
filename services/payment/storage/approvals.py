"""The rows of acts by hand: what waits for a second person, and the audit of every act."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from chassis.work import Row, Work

_COLUMNS = """id, act, payment_id, booking_id, amount_minor, currency, reason, asked_by, asked_at, decided_by, decided_at,
       decision"""


async def ask(
    work: Work,
    approval_id: UUID,
    payment_id: UUID,
    booking_id: str,
    amount_minor: int,
    currency: str,
    reason: str,
    actor: str,
) -> None:
    """A refund that waits for a second person."""
    await work.execute(
        """INSERT INTO approvals (id, act, payment_id, booking_id, amount_minor, currency, reason, asked_by)
           VALUES ($1, 'refund', $2, $3, $4, $5, $6, $7)""",
        approval_id,
        payment_id,
        booking_id,
        amount_minor,
        currency,
        reason,
        actor,
    )


async def lock(work: Work, approval_id: UUID) -> Row | None:
    """The approval `approval_id`, locked, or None."""
    return await work.fetch_one(f"SELECT {_COLUMNS} FROM approvals WHERE id = $1 FOR UPDATE", approval_id)  # noqa: S608


async def decide(work: Work, approval_id: UUID, decision: str, actor: str) -> None:
    """Close the approval with who decided."""
    await work.execute(
        "UPDATE approvals SET decision = $2, decided_by = $3, decided_at = now() WHERE id = $1",
        approval_id,
        decision,
        actor,
    )


async def waiting(work: Work) -> Sequence[Row]:
    """What waits for a second person, oldest first."""
    return await work.fetch(f"SELECT {_COLUMNS} FROM approvals WHERE decision IS NULL ORDER BY id LIMIT 500")  # noqa: S608


async def audit(work: Work, actor: str, action: str, target: object, booking_id: str | None, reason: str) -> None:
    """Who did what to which payment or payout account, and why."""
    await work.execute(
        "INSERT INTO audit (actor, action, target, booking_id, reason) VALUES ($1, $2, $3, $4, $5)",
        actor,
        action,
        str(target),
        booking_id,
        reason,
    )


async def capture_now(work: Work, payment_id: UUID) -> bool:
    """Let the planned capture of an authorized payment be due at once; False for any other payment."""
    touched = await work.execute(
        "UPDATE payments SET capture_at = now() WHERE id = $1 AND status = 'authorized' AND duplicate_of IS NULL",
        payment_id,
    )
    return touched == 1
