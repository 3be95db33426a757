"""Invoices: numbers without gaps, given in the transaction that finalizes, for a whole batch at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chassis.work import Work

_LOCK = """
SELECT booking_id, purchases, completed_at FROM fulfillments WHERE booking_id = ANY($1::text[]) ORDER BY booking_id FOR UPDATE
"""
_STANDING = """
SELECT 'course' AS kind, p.purchase_id, p.booking_id, p.line_id, p.title, p.tier AS sessions, p.amount_minor, p.currency,
       coalesce(a.state = 'approved', false) AS in_place, a.trainer_id, t.name AS trainer_name, a.first_session_at,
       NULL AS join_url, i.invoice_id, i.year, i.number
FROM student_course_purchases p
LEFT JOIN trainer_allocations a ON a.purchase_id = p.purchase_id
LEFT JOIN trainers t ON t.trainer_id = a.trainer_id
LEFT JOIN invoices i ON i.purchase_id = p.purchase_id
WHERE p.booking_id = ANY($1::text[])
UNION ALL
SELECT 'session', c.purchase_id, c.booking_id, c.line_id, c.title, 1, c.amount_minor, c.currency,
       c.state <> 'removed', c.expert_id, c.expert_name, c.starts_at, c.join_url, i.invoice_id, i.year, i.number
FROM consultations c LEFT JOIN invoices i ON i.purchase_id = c.purchase_id
WHERE c.booking_id = ANY($1::text[])
ORDER BY booking_id, line_id
"""


async def lock_fulfillments(work: Work, booking_ids: list[str]) -> dict[str, Any]:
    """The fulfillments of `booking_ids`, locked in order of id."""
    return {row.booking_id: row for row in await work.fetch(_LOCK, booking_ids)}


async def standing(work: Work, booking_ids: list[str]) -> Sequence[Any]:
    """Where every purchase of `booking_ids` stands: whether it is in place, who gives it and when, its invoice.

    A course is in place once it has its trainer, a session unless its meeting was removed.
    """
    return await work.fetch(_STANDING, booking_ids)


_NUMBERS = """
INSERT INTO invoice_series AS s (issuer, year, last_number) VALUES ($1, extract(year FROM now())::int, $2)
ON CONFLICT (issuer, year) DO UPDATE SET last_number = s.last_number + excluded.last_number
RETURNING year, last_number
"""


async def take_numbers(work: Work, issuer: str, count: int) -> tuple[int, int]:
    """Reserve `count` numbers of this year's series; returns the year and the first. A rollback gives them back."""
    row = await work.fetch_one(_NUMBERS, issuer, count)
    assert row is not None
    return row.year, row.last_number - count + 1


_ISSUE = """
WITH issued AS (
    INSERT INTO invoices (invoice_id, purchase_id, booking_id, issuer, year, number, state, lines, total_minor, currency)
    SELECT i.invoice_id, i.purchase_id, i.booking_id, $1, $2, i.number, 'finalized', i.lines, i.total_minor, i.currency
    FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::bigint[], $7::jsonb[], $8::bigint[], $9::text[])
         AS i (invoice_id, purchase_id, booking_id, number, lines, total_minor, currency)
    RETURNING invoice_id, booking_id
)
INSERT INTO fulfillment_transitions (booking_id, noun, noun_id, moved_from, moved_to, trigger)
SELECT booking_id, 'invoice', invoice_id, 'draft', 'finalized', 'numbered' FROM issued
"""
Invoice = tuple[UUID, UUID, str, int, str, int, str]


async def issue_many(work: Work, issuer: str, year: int, invoices: Sequence[Invoice]) -> None:
    """Write finalized invoices of (invoice id, purchase id, booking id, number, lines as JSON, total, currency)."""
    await work.execute(_ISSUE, issuer, year, *(list(column) for column in zip(*invoices, strict=True)))


async def complete_many(work: Work, booking_ids: list[str]) -> None:
    """Mark fulfillments as completed."""
    await work.execute(
        "UPDATE fulfillments SET completed_at = now() WHERE booking_id = ANY($1::text[]) AND completed_at IS NULL",
        booking_ids,
    )
