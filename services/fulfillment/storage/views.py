"""What fulfillment shows: purchases, progress, allocations with their decision, invoices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chassis.work import Work

_PURCHASES = """
SELECT p.purchase_id, p.booking_id, p.student_id, p.course_id, p.title, p.tier, p.amount_minor, p.currency, p.purchased_at,
       p.expires_at, p.metadata, a.allocation_id, a.state AS allocation, a.trainer_id, t.name AS trainer_name,
       a.first_session_at, i.invoice_id, i.issuer, i.year, i.number, coalesce(g.completed, 0) AS completed
FROM student_course_purchases p
LEFT JOIN trainer_allocations a ON a.purchase_id = p.purchase_id
LEFT JOIN trainers t ON t.trainer_id = a.trainer_id
LEFT JOIN invoices i ON i.purchase_id = p.purchase_id
LEFT JOIN student_progress g ON g.purchase_id = p.purchase_id
"""


async def purchases(work: Work, student_id: str | None, booking_id: str | None) -> Sequence[Any]:
    """Courses of a student or of a booking, the newest first, at most 200."""
    where = """WHERE ($1::text IS NULL OR p.student_id = $1) AND ($2::text IS NULL OR p.booking_id = $2)
               ORDER BY p.purchase_id DESC LIMIT 200"""
    return await work.fetch(_PURCHASES + where, student_id, booking_id)


async def purchase(work: Work, purchase_id: UUID) -> Any | None:
    """One course."""
    return await work.fetch_one(_PURCHASES + "WHERE p.purchase_id = $1", purchase_id)


async def progress(work: Work, purchase_id: UUID) -> Any | None:
    """How far a student is; a row only once a session was completed."""
    return await work.fetch_one("SELECT * FROM student_progress WHERE purchase_id = $1", purchase_id)


_ALLOCATIONS = """
SELECT a.*, p.student_id, p.course_id, p.title FROM trainer_allocations a
JOIN student_course_purchases p ON p.purchase_id = a.purchase_id
WHERE ($1::text IS NULL OR a.state = $1) ORDER BY a.allocation_id DESC LIMIT 200
"""


async def allocations(work: Work, state: str | None) -> Sequence[Any]:
    """Allocations, the newest first, at most 200."""
    return await work.fetch(_ALLOCATIONS, state)


_INVOICE = """
SELECT i.*, f.reference, f.buyer, coalesce(p.student_id, c.student_id) AS student_id FROM invoices i
JOIN fulfillments f ON f.booking_id = i.booking_id
LEFT JOIN student_course_purchases p ON p.purchase_id = i.purchase_id
LEFT JOIN consultations c ON c.purchase_id = i.purchase_id
WHERE i.invoice_id = $1
"""


async def invoice(work: Work, invoice_id: UUID) -> Any | None:
    """One invoice with its buyer, of a course or of a session. Title and amount are its own, as it was issued."""
    return await work.fetch_one(_INVOICE, invoice_id)
