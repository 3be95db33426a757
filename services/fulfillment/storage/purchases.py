"""Purchases and the fulfillment that they belong to, written for a whole batch in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chassis.work import Work

_RECORD = """
WITH begun AS (
    INSERT INTO fulfillments (booking_id, reference, buyer, currency, purchases, payment_id)
    SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::text[], $5::int[], $6::text[])
    ON CONFLICT DO NOTHING
)
INSERT INTO student_course_purchases
    (purchase_id, booking_id, line_id, student_id, course_id, title, specialty, tier, amount_minor, currency, expires_at,
     metadata)
SELECT p.purchase_id, p.booking_id, p.line_id, p.student_id, p.course_id, p.title, p.specialty, p.tier, p.amount_minor,
       p.currency, now() + make_interval(days => p.valid_days), p.metadata
FROM unnest($7::uuid[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::int[],
            $15::bigint[], $16::text[], $17::int[], $18::jsonb[])
     AS p (purchase_id, booking_id, line_id, student_id, course_id, title, specialty, tier, amount_minor, currency,
           valid_days, metadata)
ON CONFLICT (booking_id, line_id) DO NOTHING
RETURNING purchase_id
"""


_COLUMNS = 12


async def record_many(
    work: Work, fulfillments: Sequence[tuple[Any, ...]], purchases: Sequence[tuple[Any, ...]]
) -> set[UUID]:
    """Write both, column-wise; returns the purchase ids that are new (a line bought twice is one purchase, S2-11).

    There may be fulfillments without a course.
    """
    columns = [list(column) for column in zip(*fulfillments, strict=True)]
    columns += [list(column) for column in zip(*purchases, strict=True)] or [[] for _ in range(_COLUMNS)]
    return {row.purchase_id for row in await work.fetch(_RECORD, *columns)}


_WANTED = """
SELECT purchase_id, booking_id, title, specialty, tier, metadata FROM student_course_purchases
WHERE purchase_id = ANY($1::uuid[])
"""


async def wanted(work: Work, purchase_ids: list[UUID]) -> dict[UUID, Any]:
    """What each purchase asks for."""
    return {row.purchase_id: row for row in await work.fetch(_WANTED, purchase_ids)}
