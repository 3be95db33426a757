"""Rows of payouts: locked with their lines, written together with what their moves brought about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis.work import Row, Work
from services.payment.domain.observation import PayoutPart
from services.payment.domain.payouts import Payout, PayoutCase, PayoutEffects, PayoutLine
from services.payment.domain.states import PayoutState
from services.payment.storage import books
from services.payment.storage.cases import NewCase, open_cases

_COLUMNS = """id, partner_id, gateway, destination, amount_minor, currency, status, gateway_payout_id, returned_minor,
       reason"""
_LOCK = f"SELECT {_COLUMNS} FROM payouts WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE"  # noqa: S608
_LOCK_SEEN = f"""
SELECT {_COLUMNS} FROM payouts p WHERE p.gateway = $1
  AND (p.id = ANY($2::uuid[]) OR p.gateway_payout_id = ANY($3::text[])) ORDER BY p.id FOR UPDATE
"""  # noqa: S608
_OF_PERIOD = f"""
SELECT {_COLUMNS} FROM payouts
WHERE gateway = $1 AND (created_at BETWEEN $2 AND $3 OR gateway_payout_id = ANY($4::text[])) ORDER BY id
"""  # noqa: S608
_LINES = """
SELECT payout_id, payment_id, line_id, amount_minor, undone_minor FROM payout_lines
WHERE payout_id = ANY($1::uuid[]) ORDER BY payout_id, payment_id, line_id
"""
_PAGE = """
SELECT id, partner_id, gateway, destination, gateway_payout_id, status, amount_minor, returned_minor, currency, reason,
       created_at, updated_at, (SELECT count(*)::int FROM payout_lines l WHERE l.payout_id = p.id) AS lines
FROM payouts p
WHERE ($1::text IS NULL OR partner_id = $1) AND ($2::text IS NULL OR status = $2) AND ($3::uuid IS NULL OR id < $3)
ORDER BY id DESC LIMIT $4
"""
_SAVE = """
INSERT INTO payouts AS p (id, partner_id, gateway, destination, amount_minor, currency, status, gateway_payout_id,
       returned_minor, reason)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[],
       $9::bigint[], $10::text[])
ON CONFLICT (id) DO UPDATE
SET status = excluded.status, gateway_payout_id = excluded.gateway_payout_id, returned_minor = excluded.returned_minor,
    reason = excluded.reason, updated_at = now(),
    check_at = CASE WHEN excluded.status IN ('requested', 'sent') THEN p.check_at END
"""
# The lines' rows are locked in order of their key before any of them is changed, as every writer of shares does.
_SAVE_LINES = """
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[])
             AS u (payout_id, payment_id, line_id, amount_minor, undone_minor)
), locked AS (
    SELECT s.payment_id, s.line_id FROM line_shares s JOIN given g USING (payment_id, line_id)
    ORDER BY s.payment_id, s.line_id FOR UPDATE OF s
), known AS (
    SELECT l.payout_id, l.payment_id, l.line_id, l.amount_minor - l.undone_minor AS paid_minor
    FROM payout_lines l JOIN given g USING (payout_id, payment_id, line_id)
), saved AS (
    INSERT INTO payout_lines (payout_id, payment_id, line_id, amount_minor, undone_minor) SELECT * FROM given
    ON CONFLICT (payout_id, payment_id, line_id) DO UPDATE SET undone_minor = excluded.undone_minor
), changed AS (
    SELECT g.payment_id, g.line_id, sum(g.amount_minor - g.undone_minor - coalesce(k.paid_minor, 0)) AS minor
    FROM given g JOIN locked USING (payment_id, line_id) LEFT JOIN known k USING (payout_id, payment_id, line_id)
    GROUP BY g.payment_id, g.line_id
)
UPDATE line_shares s SET paid_out_minor = s.paid_out_minor + c.minor
FROM changed c WHERE s.payment_id = c.payment_id AND s.line_id = c.line_id AND c.minor <> 0
"""
_MOVES = """
INSERT INTO payout_transitions (payout_id, from_status, to_status, trigger, reason, source)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
"""
_SUSPEND = """
UPDATE payout_accounts a SET paused_reason = u.reason, updated_at = now()
FROM unnest($1::text[], $2::text[], $3::text[]) AS u (partner_id, currency, reason)
WHERE a.partner_id = u.partner_id AND a.currency = u.currency AND a.paused_reason IS NULL
"""


async def page(
    work: Work, partner_id: str | None, status: PayoutState | None, before: UUID | None, limit: int
) -> Sequence[Row]:
    """Payouts with the number of their lines, newest first, before the payout `before`."""
    return await work.fetch(_PAGE, partner_id, status, before, limit)


async def lock(work: Work, ids: Sequence[UUID]) -> dict[UUID, Payout]:
    """The payouts `ids` with their lines, locked."""
    return await _load(work, await work.fetch(_LOCK, list(ids)))


async def lock_seen(work: Work, gateway: str, parts: Sequence[PayoutPart]) -> dict[UUID, Payout]:
    """The payouts that `parts` of `gateway` are about, locked."""
    ours = [part.payout_id for part in parts if part.payout_id is not None]
    theirs = [part.gateway_payout_id for part in parts]
    return await _load(work, await work.fetch(_LOCK_SEEN, gateway, ours, theirs))


async def of_period(
    work: Work, gateway: str, since: datetime, until: datetime, gateway_payout_ids: Sequence[str]
) -> dict[UUID, Payout]:
    """The payouts that were made in the period, and those that the gateway numbers so; without their lines."""
    rows = await work.fetch(_OF_PERIOD, gateway, since, until, list(gateway_payout_ids))
    return {row.id: _payout(row) for row in rows}


async def save(work: Work, effects: PayoutEffects, case_deadline_hours: float) -> None:
    """Write everything that `effects` has: six statements at most, however many payouts; lines only where they changed."""
    if effects.touched:
        await _save_payouts(work, list(effects.touched.values()))
    if effects.relined:
        await _save_lines(work, list(effects.relined.values()))
    if effects.moves:
        await work.execute(
            _MOVES,
            [m.subject for m in effects.moves],
            [m.from_status for m in effects.moves],
            [m.to_status for m in effects.moves],
            [m.trigger for m in effects.moves],
            [m.reason for m in effects.moves],
            [m.source for m in effects.moves],
        )
    await books.write(work, effects.journals)
    await open_cases(work, [_case(case) for case in effects.cases], case_deadline_hours)
    if effects.suspended:
        await work.execute(
            _SUSPEND,
            [p.partner_id for p in effects.suspended],
            [p.currency for p in effects.suspended],
            [f"payout {p.id} {p.status}: {p.reason or 'no reason given'}" for p in effects.suspended],
        )


async def count_call(work: Work, payout_id: UUID, check_seconds: float) -> None:
    """Count one more call, and ask about it in `check_seconds`."""
    await work.execute(
        """UPDATE payouts SET calls = calls + 1, check_at = now() + make_interval(secs => $2), updated_at = now()
           WHERE id = $1""",
        payout_id,
        check_seconds,
    )


async def to_check(work: Work, limit: int, again_seconds: float) -> Sequence[Row]:
    """Payouts that the gateway should have settled by now; asked about again in `again_seconds`."""
    return await work.fetch(
        """WITH due AS (
               SELECT id FROM payouts WHERE check_at <= now() ORDER BY check_at LIMIT $1 FOR UPDATE SKIP LOCKED
           )
           UPDATE payouts p SET check_at = now() + make_interval(secs => $2) FROM due WHERE p.id = due.id
           RETURNING p.id, p.partner_id, p.calls""",
        limit,
        again_seconds,
    )


async def _load(work: Work, rows: Sequence[Row]) -> dict[UUID, Payout]:
    found = {row.id: _payout(row) for row in rows}
    if found:
        for line in await work.fetch(_LINES, list(found)):
            paid = PayoutLine(line.payment_id, line.line_id, line.amount_minor, line.undone_minor)
            found[line.payout_id].lines.append(paid)
    return found


def _case(case: PayoutCase) -> NewCase:
    return NewCase(
        case.kind,
        case.dedupe,
        case.detail,
        expected_minor=case.expected_minor,
        seen_minor=case.seen_minor,
        currency=case.currency,
    )


def _payout(row: Row) -> Payout:
    payout = Payout(**row)
    payout.status = PayoutState(row.status)
    return payout


async def _save_payouts(work: Work, payouts: Sequence[Payout]) -> None:
    await work.execute(
        _SAVE,
        [p.id for p in payouts],
        [p.partner_id for p in payouts],
        [p.gateway for p in payouts],
        [p.destination for p in payouts],
        [p.amount_minor for p in payouts],
        [p.currency for p in payouts],
        [p.status.value for p in payouts],
        [p.gateway_payout_id for p in payouts],
        [p.returned_minor for p in payouts],
        [p.reason for p in payouts],
    )


async def _save_lines(work: Work, payouts: Sequence[Payout]) -> None:
    lines = [(payout.id, line) for payout in payouts for line in payout.lines]
    await work.execute(
        _SAVE_LINES,
        [payout_id for payout_id, _ in lines],
        [line.payment_id for _, line in lines],
        [line.line_id for _, line in lines],
        [line.amount_minor for _, line in lines],
        [line.undone_minor for _, line in lines],
    )
