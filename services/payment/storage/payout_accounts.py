"""Where partners' money goes, and what of it is due: owed, released, frozen."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.work import Row, Work

_RELEASED = "greatest(s.shared_at, p.service_ends_at) + make_interval(secs => $1) <= now()"
# A dispute may take it back, and so may a refund that is on its way: until then it is not sent.
_FROZEN = """(EXISTS (SELECT 1 FROM disputes d WHERE d.payment_id = p.id AND d.status IN ('needs_response', 'under_review'))
     OR EXISTS (SELECT 1 FROM refunds r WHERE r.payment_id = p.id AND r.status IN ('requested', 'sent')))"""
_CLAIM = """
WITH due AS (
    SELECT partner_id, currency FROM payout_accounts a
    WHERE next_batch_at <= now() AND paused_reason IS NULL
      AND NOT EXISTS (SELECT 1 FROM payouts o WHERE o.partner_id = a.partner_id AND o.currency = a.currency
                      AND o.status IN ('requested', 'sent'))
    ORDER BY next_batch_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE payout_accounts a SET next_batch_at = now() + make_interval(secs => $2)
FROM due WHERE a.partner_id = due.partner_id AND a.currency = due.currency
RETURNING a.partner_id, a.currency, a.gateway, a.destination
"""
_DUE = f"""
SELECT s.partner_id, p.currency, s.payment_id, s.line_id, s.due_minor
FROM line_shares s JOIN payments p ON p.id = s.payment_id
JOIN unnest($2::text[], $3::text[]) AS a (partner_id, currency) ON a.partner_id = s.partner_id AND a.currency = p.currency
WHERE s.due_minor <> 0 AND (s.due_minor < 0 OR ({_RELEASED} AND NOT {_FROZEN}))
ORDER BY s.payment_id, s.line_id
"""  # noqa: S608
_PARTNERS = f"""
SELECT d.*, a.gateway, a.destination, a.paused_reason, a.next_batch_at FROM (
    SELECT s.partner_id, p.currency, sum(s.partner_minor)::bigint AS shared_minor,
           sum(s.partner_minor - s.paid_out_minor - s.due_minor)::bigint AS refunded_minor,
           sum(s.paid_out_minor)::bigint AS paid_out_minor, sum(s.due_minor)::bigint AS owed_minor,
           coalesce(sum(s.due_minor) FILTER (WHERE s.due_minor > 0 AND {_FROZEN}), 0)::bigint AS frozen_minor,
           coalesce(sum(s.due_minor) FILTER (WHERE s.due_minor > 0 AND NOT {_FROZEN} AND NOT {_RELEASED}), 0)::bigint
               AS held_minor
    FROM line_shares s JOIN payments p ON p.id = s.payment_id
    WHERE s.partner_id IS NOT NULL AND ($2::text IS NULL OR s.partner_id = $2)
    GROUP BY s.partner_id, p.currency
) d LEFT JOIN payout_accounts a USING (partner_id, currency)
ORDER BY d.partner_id, d.currency LIMIT 500
"""  # noqa: S608


async def put(work: Work, partner_id: str, currency: str, gateway: str, destination: str, actor: str) -> Row:
    """Send the partner's money in `currency` to `destination` from now on; a pause ends with that. Returns the row."""
    row = await work.fetch_one(
        """INSERT INTO payout_accounts (partner_id, currency, gateway, destination, set_by) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (partner_id, currency) DO UPDATE
           SET gateway = excluded.gateway, destination = excluded.destination, set_by = excluded.set_by,
               paused_reason = NULL, updated_at = now()
           RETURNING *""",
        partner_id,
        currency,
        gateway,
        destination,
        actor,
    )
    assert row is not None
    return row


async def pause(work: Work, partner_id: str, currency: str, reason: str) -> Row | None:
    """Send nothing to the account until it is set again; the row, or None when there is none."""
    return await work.fetch_one(
        """UPDATE payout_accounts SET paused_reason = $3, updated_at = now()
           WHERE partner_id = $1 AND currency = $2 RETURNING *""",
        partner_id,
        currency,
        reason,
    )


async def claim(work: Work, limit: int, every_seconds: float) -> Sequence[Row]:
    """Accounts whose next batch is due, with nothing under way to them; each is due again in `every_seconds`."""
    return await work.fetch(_CLAIM, limit, every_seconds)


async def dues(work: Work, accounts: Sequence[Row], hold_seconds: float) -> Sequence[Row]:
    """What the lines of these partners are due: released and not frozen, and all that is negative."""
    partners, currencies = [a.partner_id for a in accounts], [a.currency for a in accounts]
    return await work.fetch(_DUE, hold_seconds, partners, currencies)


async def partners(work: Work, hold_seconds: float, partner_id: str | None = None) -> Sequence[Row]:
    """What each partner had shared out, refunded, paid out and is owed, what of that is frozen or held, and the account."""
    return await work.fetch(_PARTNERS, hold_seconds, partner_id)
