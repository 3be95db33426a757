"""Allocations and their sessions, written for a whole batch in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.work import Work

_SAVE = """
WITH decided AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::int[])
         AS d (allocation_id, purchase_id, booking_id, trainer_id, trigger, decision, plan)
), plans AS (
    SELECT * FROM unnest($8::int[], $9::int[], $10::timestamptz[]) AS s (plan, number, starts_at)
), saved AS (
    INSERT INTO trainer_allocations (allocation_id, purchase_id, booking_id, trainer_id, state, decision, first_session_at)
    SELECT d.allocation_id, d.purchase_id, d.booking_id, d.trainer_id,
           CASE WHEN d.trainer_id IS NULL THEN 'pending' ELSE 'approved' END, d.decision,
           CASE WHEN d.trainer_id IS NOT NULL THEN (SELECT starts_at FROM plans p WHERE p.plan = d.plan AND p.number = 1) END
    FROM decided d
    ON CONFLICT (purchase_id) DO UPDATE
    SET trainer_id = excluded.trainer_id, state = excluded.state, decision = excluded.decision,
        first_session_at = excluded.first_session_at, tries = trainer_allocations.tries + 1,
        next_try_at = now() + make_interval(secs => least(30 * power(2, trainer_allocations.tries), 3600))
    WHERE trainer_allocations.state = 'pending'
    RETURNING allocation_id, purchase_id, state, (xmax = 0) AS fresh
), moved AS (
    INSERT INTO fulfillment_transitions (booking_id, noun, noun_id, moved_to, trigger)
    SELECT d.booking_id, 'allocation', s.allocation_id, s.state, d.trigger
    FROM saved s JOIN decided d ON d.purchase_id = s.purchase_id WHERE s.fresh OR s.state = 'approved'
), laid_out AS (
    INSERT INTO tutoring_sessions (allocation_id, number, starts_at)
    SELECT s.allocation_id, p.number, p.starts_at
    FROM saved s JOIN decided d ON d.purchase_id = s.purchase_id JOIN plans p ON p.plan = d.plan
    WHERE s.state = 'approved'
)
SELECT allocation_id, purchase_id FROM saved
"""

Decided = tuple[UUID, UUID, str, str | None, str, str, int]
Plan = tuple[int, int, datetime]


async def save_many(work: Work, decided: Sequence[Decided], plans: Sequence[Plan]) -> dict[UUID, UUID]:
    """Write allocations (new ones, or pending ones decided again) with their sessions.

    `decided` is (allocation id, purchase id, booking id, trainer id or None, trigger, decision as JSON, plan);
    `plans` is (plan, number, starts at). Returns the allocation id of each purchase that was written.
    """
    columns = [list(column) for column in zip(*decided, strict=True)]
    columns += [list(column) for column in zip(*plans, strict=True)] if plans else [[], [], []]
    return {row.purchase_id: row.allocation_id for row in await work.fetch(_SAVE, *columns)}


_DUE = """
SELECT purchase_id FROM trainer_allocations WHERE state = 'pending' AND next_try_at <= now()
ORDER BY next_try_at LIMIT $1
"""


async def due(work: Work, limit: int) -> list[UUID]:
    """Purchases whose pending allocation is to be tried again now. Not locked: trainers are locked before allocations
    everywhere, and an allocation that got its trainer meanwhile is not written again."""
    return [row.purchase_id for row in await work.fetch(_DUE, limit)]


async def of_purchase(work: Work, purchase_id: UUID) -> Any | None:
    """The allocation of a purchase, locked (after its trainer); None when it has none yet."""
    return await work.fetch_one("SELECT * FROM trainer_allocations WHERE purchase_id = $1 FOR UPDATE", purchase_id)
