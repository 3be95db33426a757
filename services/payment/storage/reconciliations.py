"""The rows of reconciliation: runs, our side of a period, and what differed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis.ids import uuid7
from chassis.work import Row, Work
from services.payment.domain.observation import Seen
from services.payment.domain.reconciling import PROPOSED, Difference, Entry

_OURS = """
SELECT g.gateway_order_id, g.gateway_payment_id, g.currency, g.status, g.captured_minor, g.fee_minor, g.payment_id,
       CASE WHEN NOT EXISTS (SELECT 1 FROM refunds r WHERE r.payment_id = g.payment_id AND r.status = 'sent'
                             AND r.gateway_payment_id = g.gateway_payment_id) THEN g.refunded_minor END AS refunded_minor
FROM gateway_payments g
"""


async def begin(
    work: Work, gateway: str, period_seconds: float, overlap_seconds: float, lag_seconds: float, lease_seconds: float
) -> Row | None:
    """The gateway's next run when one is due: from before the last run's end to a little ago; None while none is.

    A run that was begun and not ended within its lease is taken up again.
    """
    await work.execute("SELECT pg_advisory_xact_lock(hashtext('reconciliation/' || $1))", gateway)
    unfinished = await work.fetch_one(
        """UPDATE reconciliation_runs SET lease_until = now() + make_interval(secs => $2)
           WHERE id = (SELECT id FROM reconciliation_runs WHERE gateway = $1 AND ended_at IS NULL AND lease_until < now()
                       ORDER BY id LIMIT 1)
           RETURNING id, since, until""",
        gateway,
        lease_seconds,
    )
    if unfinished is not None:
        return unfinished
    return await work.fetch_one(
        """WITH last AS (SELECT max(until) AS until, bool_or(ended_at IS NULL) AS running
                         FROM reconciliation_runs WHERE gateway = $1)
           INSERT INTO reconciliation_runs (id, gateway, since, until, reason, lease_until)
           SELECT $2, $1, coalesce(until, now() - make_interval(secs => $3)) - make_interval(secs => $4),
                  now() - make_interval(secs => $5), 'daily', now() + make_interval(secs => $6)
           FROM last WHERE running IS NOT TRUE AND coalesce(until, '-infinity') <= now() - make_interval(secs => $3)
           RETURNING id, since, until""",
        gateway,
        uuid7(),
        period_seconds,
        overlap_seconds,
        lag_seconds,
        lease_seconds,
    )


async def request(work: Work, gateway: str, since: datetime, until: datetime, reason: str) -> UUID:
    """A run that a person asks for; it begins at the next pass."""
    run_id = uuid7()
    await work.execute(
        """INSERT INTO reconciliation_runs (id, gateway, since, until, reason, lease_until)
           VALUES ($1, $2, $3, $4, $5, '-infinity')""",
        run_id,
        gateway,
        since,
        until,
        reason,
    )
    return run_id


async def ours_between(work: Work, gateway: str, since: datetime, until: datetime) -> dict[str, tuple[Entry, UUID]]:
    """What we have of the gateway's payments that were first heard of in the period, by their id."""
    rows = await work.fetch(_OURS + "WHERE g.gateway = $1 AND g.created_at BETWEEN $2 AND $3", gateway, since, until)
    return {row.gateway_payment_id: (_entry(row), row.payment_id) for row in rows}


async def ours(work: Work, gateway: str, payment_ids: Sequence[str]) -> dict[str, tuple[Entry, UUID]]:
    """What we have of these payments of the gateway, by their id."""
    rows = await work.fetch(
        _OURS + "WHERE g.gateway = $1 AND g.gateway_payment_id = ANY($2::text[])", gateway, list(payment_ids)
    )
    return {row.gateway_payment_id: (_entry(row), row.payment_id) for row in rows}


async def orders_between(work: Work, gateway: str, since: datetime, until: datetime) -> list[str]:
    """The orders that we made at the gateway in the period: what is asked about where the gateway lists nothing."""
    rows = await work.fetch(
        """SELECT gateway_order_id FROM gateway_orders
           WHERE gateway = $1 AND created_at BETWEEN $2 AND $3 AND gateway_order_id IS NOT NULL ORDER BY created_at""",
        gateway,
        since,
        until,
    )
    return [row.gateway_order_id for row in rows]


async def record(work: Work, run_id: UUID, differences: Sequence[tuple[Difference, UUID | None, bool]]) -> None:
    """Keep what differed, mended or not, with the act that is proposed."""
    if differences:
        await work.execute(
            """INSERT INTO reconciliation_differences
                   (run_id, kind, gateway_payment_id, payment_id, ours, theirs, mended, proposed)
               SELECT $1, u.* FROM unnest($2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::bool[],
                                          $8::text[]) AS u""",
            run_id,
            [d.kind.value for d, _, _ in differences],
            [d.gateway_payment_id for d, _, _ in differences],
            [payment_id for _, payment_id, _ in differences],
            [d.ours for d, _, _ in differences],
            [d.theirs for d, _, _ in differences],
            [mended for _, _, mended in differences],
            ["" if mended else PROPOSED[d.kind] for d, _, mended in differences],
        )


async def open_cases(
    work: Work, gateway: str, differences: Sequence[tuple[Difference, UUID | None]], deadline_hours: float
) -> None:
    """Put before a person what could not be mended; one difference of one payment is one case."""
    await work.execute(
        """INSERT INTO cases (id, kind, dedupe, payment_id, booking_id, expected_minor, seen_minor, currency, detail,
                              deadline_at)
           SELECT u.id, u.kind, u.dedupe, u.payment_id, p.booking_id, u.ours, u.theirs, p.currency, u.detail,
                  now() + make_interval(secs => 3600 * $8::float8)
           FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::bigint[], $6::bigint[], $7::text[])
                AS u (id, kind, dedupe, payment_id, ours, theirs, detail)
           LEFT JOIN payments p ON p.id = u.payment_id
           ON CONFLICT (dedupe) DO NOTHING""",
        [uuid7() for _ in differences],
        [f"books-differ-{d.kind}".replace("_", "-") for d, _ in differences],
        [f"books/{gateway}/{d.gateway_payment_id}/{d.kind}/{d.theirs[:60]}" for d, _ in differences],
        [payment_id for _, payment_id in differences],
        [d.ours_minor for d, _ in differences],
        [d.theirs_minor for d, _ in differences],
        [
            f"{gateway} {d.gateway_payment_id}, {d.kind.replace('_', ' ')}: ours {d.ours}, theirs {d.theirs}. {PROPOSED[d.kind]}"
            for d, _ in differences
        ],
        deadline_hours,
    )


async def end(work: Work, run_id: UUID, compared: int, mended: int, differing: int, failure: str | None) -> None:
    """The run's result; with a `failure` it is begun again after its lease."""
    await work.execute(
        """UPDATE reconciliation_runs SET compared = $2, mended = $3, differing = $4, failure = $5,
                  ended_at = CASE WHEN $5::text IS NULL THEN now() END
           WHERE id = $1""",
        run_id,
        compared,
        mended,
        differing,
        failure,
    )


async def shown(work: Work, limit: int) -> tuple[Sequence[Row], Sequence[Row]]:
    """The newest runs, and what differed in them."""
    runs = await work.fetch(
        """SELECT id, gateway, since, until, reason, started_at, ended_at, compared, mended, differing, failure
           FROM reconciliation_runs ORDER BY id DESC LIMIT $1""",
        limit,
    )
    differences = await work.fetch(
        """SELECT run_id, kind, gateway_payment_id, payment_id, ours, theirs, mended, proposed, at
           FROM reconciliation_differences WHERE run_id = ANY($1::uuid[]) ORDER BY id""",
        [row.id for row in runs],
    )
    return runs, differences


def _entry(row: Row) -> Entry:
    return Entry(
        row.gateway_order_id or "",
        row.gateway_payment_id,
        row.currency,
        Seen(row.status),
        row.captured_minor,
        row.refunded_minor,
        row.fee_minor,
    )
