"""Where all secured money stands, with a booking or not: fulfilled, given back, let go, kept by the policy, in time, or at
risk (M-7)."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.work import Row, Work

DEADLINE_SECONDS = 300
"""How long a paid booking may take to be fulfilled; the alert of `paid-not-fulfilled` rings at the same age."""

# A refund that the bank sent back after it had succeeded counts no longer.
_RETURNED = """
SELECT m.booking_id, m.detail ->> 'payment_id' AS payment_id, sum((m.detail ->> 'amount_minor')::bigint)::bigint AS minor FROM milestones m
WHERE m.name = 'refund.succeeded' AND NOT EXISTS (
    SELECT 1 FROM milestones f WHERE f.booking_id = m.booking_id AND f.name = 'refund.failed'
        AND f.subject = m.subject AND f.at > m.at)
"""
# A cancelled booking's money is owed back from the moment of cancelling, however long ago it was paid, as far as the policy
# of its purchase says; money that bought nothing, from the moment at which that was decided.
_MADE = """
SELECT b.booking_id, b.reference, b.payment_id, b.state, b.amount_minor, b.currency, b.secured_as, b.confirmed_at,
       coalesce(gone.at, b.confirmed_at) AS since, coalesce(b.owed_minor, b.amount_minor) AS owed_minor, b.fulfilled_at
FROM bookings b LEFT JOIN booking_transitions gone
    ON b.state = 'cancelled' AND gone.booking_id = b.booking_id AND gone.noun = 'booking' AND gone.moved_to = 'cancelled'
"""
_UNMADE = """
SELECT u.booking_id, h.reference, u.payment_id, 'unbooked', u.amount_minor, u.currency, u.secured_as, NULL, u.decided_at,
       u.amount_minor, NULL
FROM unbooked_payments u JOIN holds h USING (booking_id)
"""
_PAID = f"{_MADE} UNION ALL {_UNMADE}"
# What an index keeps together, word for word: all else is fulfilled.
_AWAITED = f"""
{_MADE} WHERE b.state = 'cancelled' OR (b.state = 'confirmed' AND b.fulfilled_at IS NULL)
UNION ALL {_UNMADE} WHERE u.decided_at > now() - interval '30 days'
"""
_IS_DONE = "(b.state IN ('in_progress', 'completed') OR b.state = 'confirmed' AND b.fulfilled_at IS NOT NULL)"
_IS_LET_GO = """(b.state IN ('cancelled', 'unbooked') AND b.secured_as = 'authorized' AND NOT EXISTS (
    SELECT 1 FROM milestones c WHERE c.booking_id = b.booking_id AND c.name = 'payment.captured'
        AND c.subject = b.payment_id))"""
_OPEN = f"""
SELECT b.booking_id, b.reference, b.payment_id, b.state, b.amount_minor, b.currency, b.confirmed_at, b.since,
       extract(epoch FROM now() - b.since)::float8 AS waited_seconds,
       b.owed_minor - coalesce(back.minor, 0) AS open_minor
FROM ({_AWAITED}) AS b
LEFT JOIN LATERAL (
    {_RETURNED} AND m.booking_id = b.booking_id AND m.detail ->> 'payment_id' = b.payment_id GROUP BY 1, 2) AS back ON true
WHERE b.since > now() - interval '30 days' AND NOT {_IS_LET_GO} AND coalesce(back.minor, 0) < b.owed_minor
"""  # noqa: S608 - constant texts
_SUMS = f"""
WITH back AS ({_RETURNED} GROUP BY 1, 2), standing AS (
    SELECT b.currency, b.state, b.amount_minor, b.owed_minor, least(b.amount_minor, coalesce(back.minor, 0)) AS refunded_minor,
           {_IS_DONE} AS is_done, {_IS_LET_GO} AS is_let_go,
           b.since > now() - make_interval(secs => $1) AS is_in_time
    FROM ({_PAID}) AS b LEFT JOIN back USING (booking_id, payment_id)
)
SELECT currency, count(*) FILTER (WHERE state <> 'unbooked')::int AS bookings,
       count(*) FILTER (WHERE state = 'unbooked')::int AS unbooked, sum(amount_minor)::bigint AS paid_minor,
       sum(refunded_minor)::bigint AS refunded_minor,
       coalesce(sum(amount_minor - refunded_minor) FILTER (WHERE is_done), 0)::bigint AS fulfilled_minor,
       coalesce(sum(amount_minor - refunded_minor) FILTER (WHERE is_let_go), 0)::bigint AS let_go_minor,
       coalesce(sum(amount_minor - greatest(owed_minor, refunded_minor)) FILTER (
           WHERE NOT is_done AND NOT is_let_go), 0)::bigint AS kept_minor,
       coalesce(sum(greatest(owed_minor - refunded_minor, 0)) FILTER (
           WHERE NOT is_done AND NOT is_let_go AND is_in_time), 0)::bigint AS in_time_minor,
       coalesce(sum(greatest(owed_minor - refunded_minor, 0)) FILTER (
           WHERE NOT is_done AND NOT is_let_go AND NOT is_in_time), 0)::bigint AS at_risk_minor
FROM standing GROUP BY currency ORDER BY currency
"""  # noqa: S608


OPEN_SUMS = f"""
SELECT currency, count(*) AS n, sum(open_minor)::bigint AS minor, max(waited_seconds) AS oldest
FROM ({_OPEN}) AS o GROUP BY currency
"""  # noqa: S608


async def open_sums(work: Work) -> Sequence[Row]:
    """For each currency: how many bookings and payments without one are neither fulfilled nor given back, for how much, the oldest's seconds."""
    return await work.fetch(OPEN_SUMS)


async def late(work: Work, limit: int) -> Sequence[Row]:
    """What is open past the deadline, the oldest first: bookings, and payments without one (`unbooked`); `since` when."""
    return await work.fetch(
        f"SELECT * FROM ({_OPEN}) AS o WHERE waited_seconds > $1 ORDER BY since, booking_id LIMIT $2",  # noqa: S608
        DEADLINE_SECONDS,
        limit,
    )


async def sums(work: Work) -> Sequence[Row]:
    """For each currency, over all that was ever secured: what was paid, and the six things that it became."""
    return await work.fetch(_SUMS, DEADLINE_SECONDS)
