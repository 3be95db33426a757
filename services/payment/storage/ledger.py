"""Reading the books: journals with their entries, and the trial balance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis.work import Row, Work

_JOURNALS = """
SELECT j.id, j.kind, j.reference, j.payment_id, j.booking_id, j.payout_id, j.currency, j.at,
       (SELECT jsonb_agg(jsonb_build_object('account', e.account, 'line_id', e.line_id, 'amount_minor', e.amount_minor)
                         ORDER BY e.id)
        FROM ledger_entries e WHERE e.journal_id = j.id)::text AS entries
FROM journals j
WHERE ($1::text IS NULL OR j.booking_id = $1)
  AND ($2::text IS NULL OR EXISTS (SELECT 1 FROM ledger_entries e WHERE e.journal_id = j.id AND e.account = $2))
  AND ($3::timestamptz IS NULL OR j.at >= $3) AND ($4::uuid IS NULL OR j.id < $4)
ORDER BY j.id DESC LIMIT $5
"""


async def journals(
    work: Work, booking_id: str | None, account: str | None, since: datetime | None, before: UUID | None, limit: int
) -> Sequence[Row]:
    """Journals, newest first, before the journal `before`; `entries` is JSON text."""
    return await work.fetch(_JOURNALS, booking_id, account, since, before, limit)


async def balances(work: Work) -> Sequence[Row]:
    """The balance of every account and currency, debit positive."""
    return await work.fetch(
        """SELECT account, currency, sum(amount_minor)::bigint AS amount_minor, count(*)::int AS entries
           FROM ledger_entries GROUP BY account, currency ORDER BY currency, account"""
    )
