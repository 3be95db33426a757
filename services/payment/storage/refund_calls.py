"""How often a refund's call was made: a second call must ask first, and the rounds of retries end."""

from __future__ import annotations

from uuid import UUID

from chassis.work import Work


async def count_call(work: Work, refund_id: UUID) -> tuple[int, int]:
    """Count one more call; returns calls so far, this one included, and rounds of retries."""
    row = await work.fetch_one(
        "UPDATE refunds SET calls = calls + 1, updated_at = now() WHERE id = $1 RETURNING calls, rounds", refund_id
    )
    assert row is not None
    return row.calls, row.rounds


async def count_round(work: Work, refund_id: UUID) -> None:
    """Count one more round of retries after a refusal."""
    await work.execute("UPDATE refunds SET rounds = rounds + 1 WHERE id = $1", refund_id)
