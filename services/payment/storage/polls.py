"""Which payments to ask the gateway about, when, and who is asking at the moment."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from chassis.work import Row, Work

_CLAIM = """
WITH due AS (
    SELECT id FROM payments
    WHERE poll_at <= now() AND (poll_lease_until IS NULL OR poll_lease_until < now())
    ORDER BY poll_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE payments p SET poll_lease_until = now() + make_interval(secs => $2)
FROM due LEFT JOIN LATERAL (
    SELECT o.number, o.purpose FROM gateway_orders o
    WHERE o.payment_id = due.id AND o.gateway_order_id IS NULL AND NOT o.ended ORDER BY o.number DESC LIMIT 1
) awaited ON true
WHERE p.id = due.id
RETURNING p.id, p.booking_id, p.gateway, p.amount_minor, p.currency, p.polls, p.poll_at, p.status,
          p.reference,
          p.collection, p.expires_at,
          ARRAY(SELECT o.gateway_order_id FROM gateway_orders o WHERE o.payment_id = p.id
                AND o.gateway_order_id IS NOT NULL ORDER BY o.number) AS order_ids,
          p.saved_customer, p.saved_method, awaited.number AS awaited_number, awaited.purpose AS awaited_purpose,
          (p.expires_at <= now()) AS overdue,
          extract(epoch FROM p.expires_at - now())::float8 AS seconds_left
"""
# Locked in order of id first, as everybody locks payments: the update alone takes them in the order of its plan.
_RESCHEDULE = """
WITH locked AS (SELECT id FROM payments WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE)
UPDATE payments p SET poll_lease_until = NULL, polls = p.polls + 1,
       poll_at = CASE WHEN p.poll_at IS DISTINCT FROM u.claimed_at THEN p.poll_at
                      ELSE now() + make_interval(secs => u.wait_seconds) END
FROM unnest($1::uuid[], $2::float8[], $3::timestamptz[]) AS u (id, wait_seconds, claimed_at)
JOIN locked USING (id) WHERE p.id = u.id
"""


async def claim(work: Work, limit: int, lease_seconds: float) -> Sequence[Row]:
    """Up to `limit` payments that are due, leased so that no other process asks meanwhile."""
    return await work.fetch(_CLAIM, limit, lease_seconds)


async def reschedule(work: Work, asked: Sequence[tuple[Row, float | None]]) -> None:
    """Ask again in so many seconds (None: never again), and give the lease back.

    A payment that was settled, or hurried by a hint, while it was asked about keeps what that set.
    """
    ordered = sorted(asked, key=lambda pair: pair[0].id)
    await work.execute(
        _RESCHEDULE,
        [row.id for row, _ in ordered],
        [wait for _, wait in ordered],
        [row.poll_at for row, _ in ordered],
    )


async def hurry(work: Work, payment_id: UUID) -> None:
    """Ask about this payment at the next pass."""
    await work.execute("UPDATE payments SET poll_at = now() WHERE id = $1 AND poll_at IS NOT NULL", payment_id)


async def hurry_orders(work: Work, hints: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Ask about the payments of these (gateway, order id) at the next pass, settled ones once more; returns those that
    are orders of ours."""
    rows = await work.fetch(
        """WITH known AS (
               SELECT o.gateway, o.gateway_order_id, o.payment_id FROM gateway_orders o
               JOIN unnest($1::text[], $2::text[]) AS h (gateway, gateway_order_id)
               ON o.gateway = h.gateway AND o.gateway_order_id = h.gateway_order_id
           ), locked AS (
               SELECT id FROM payments WHERE id IN (SELECT payment_id FROM known) ORDER BY id FOR UPDATE
           ), hurried AS (
               UPDATE payments p SET poll_at = now() FROM locked WHERE p.id = locked.id
           )
           SELECT gateway, gateway_order_id FROM known""",
        [gateway for gateway, _ in hints],
        [order_id for _, order_id in hints],
    )
    return {(row.gateway, row.gateway_order_id) for row in rows}


async def hurry_refunds(work: Work, refund_ids: Sequence[UUID]) -> None:
    """Ask about these refunds at the next pass, as far as they wait for an answer."""
    await work.execute(
        """WITH locked AS (SELECT id FROM refunds WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE)
           UPDATE refunds r SET check_at = now() FROM locked WHERE r.id = locked.id AND r.check_at IS NOT NULL""",
        list(refund_ids),
    )


async def captures_due(work: Work, limit: int) -> Sequence[Row]:
    """Authorized payments whose planned time to capture has come; each is given out once."""
    return await work.fetch(
        """WITH due AS (
               SELECT id FROM payments WHERE capture_at <= now() ORDER BY capture_at LIMIT $1 FOR UPDATE SKIP LOCKED
           )
           UPDATE payments p SET capture_at = NULL FROM due WHERE p.id = due.id
           RETURNING p.id, p.booking_id, p.amount_minor, p.currency""",
        limit,
    )


async def charges_due(work: Work, limit: int, again_seconds: float) -> Sequence[Row]:
    """Payments whose saved method is to be charged now, each with the number of `charges` before. The next time is set
    with it, in `again_seconds`, while the deadline allows one: what becomes of this charge clears it or leaves it."""
    return await work.fetch(
        """WITH due AS (
               SELECT id FROM payments WHERE charge_at <= now() ORDER BY charge_at LIMIT $1 FOR UPDATE SKIP LOCKED
           )
           UPDATE payments p SET charge_at = CASE WHEN now() + make_interval(secs => $2) < p.expires_at
                                                  THEN now() + make_interval(secs => $2) END
           FROM due WHERE p.id = due.id
           RETURNING p.id, p.booking_id, p.amount_minor, p.currency,
                     (SELECT count(*)::int FROM gateway_orders o WHERE o.payment_id = p.id AND o.purpose = 'charge') AS charges""",
        limit,
        again_seconds,
    )


async def refunds_to_check(work: Work, limit: int, again_seconds: float) -> Sequence[Row]:
    """Refunds that the gateway should have settled by now; asked about again in `again_seconds`."""
    return await work.fetch(
        """WITH due AS (
               SELECT id FROM refunds WHERE check_at <= now() ORDER BY check_at LIMIT $1 FOR UPDATE SKIP LOCKED
           )
           UPDATE refunds r SET check_at = now() + make_interval(secs => $2)
           FROM due, payments p WHERE r.id = due.id AND p.id = r.payment_id
           RETURNING r.id, r.payment_id, p.booking_id, r.amount_minor, r.currency, r.calls""",
        limit,
        again_seconds,
    )
