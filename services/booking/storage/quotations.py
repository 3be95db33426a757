"""Quotations, each with the state that its hold gives it."""

from __future__ import annotations

from typing import Any

from chassis.work import Row, Work

_COLUMNS = (
    "quotation_id",
    "expert_id",
    "student_id",
    "name",
    "email",
    "title",
    "amount_minor",
    "currency",
    "starts_at",
)
_MORE = ("ends_at", "time_zone", "capture_policy", "valid_hours")
_CREATE = f"""
INSERT INTO quotations ({", ".join(_COLUMNS + _MORE)}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""  # noqa: S608 - constant names
_FIND = """
SELECT q.*, h.reference, h.expires_at, now() AS at,
       CASE WHEN q.booking_id IS NULL THEN 'DRAFT' WHEN h.state = 'converted' OR h.payment_id IS NOT NULL THEN 'PAID'
            WHEN h.state = 'held' AND h.expires_at > now() THEN 'SENT'
            WHEN h.state = 'released' THEN 'WITHDRAWN' ELSE 'EXPIRED' END AS state
FROM quotations q LEFT JOIN holds h USING (booking_id) WHERE q.quotation_id = $1
"""


async def create(work: Work, quotation: dict[str, Any]) -> None:
    """Write a draft."""
    await work.execute(_CREATE, *(quotation[name] for name in _COLUMNS + _MORE))


async def find(work: Work, quotation_id: str, *, lock: bool = False) -> Row | None:
    """A quotation with its state by now, locked if asked for; None when there is none."""
    if lock:
        await work.fetch("SELECT 1 FROM quotations WHERE quotation_id = $1 FOR UPDATE", quotation_id)
    return await work.fetch_one(_FIND, quotation_id)


async def mark_sent(work: Work, quotation_id: str, booking_id: str) -> None:
    """The quotation has a live hold now."""
    await work.execute("UPDATE quotations SET booking_id = $2 WHERE quotation_id = $1", quotation_id, booking_id)
