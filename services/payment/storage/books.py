"""Writing the books: the journals of a batch in one statement, and whose the lines of a booking are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

import orjson

from chassis.ids import uuid7
from chassis.work import Row, Work
from services.payment.domain.ledger import Journal, moved, shared
from services.payment.domain.payment import Movement, Payment
from services.payment.domain.shares import LineShare, SoldLine, share_out
from services.payment.domain.states import JournalKind, PaymentState

_INSERT = """
WITH made AS (
    INSERT INTO journals (id, kind, reference, payment_id, booking_id, currency, payout_id)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[], $11::uuid[])
    ON CONFLICT (kind, reference) DO NOTHING RETURNING id, currency
)
INSERT INTO ledger_entries (journal_id, account, line_id, currency, amount_minor)
SELECT made.id, e.account, e.line_id, made.currency, e.amount_minor
FROM unnest($7::uuid[], $8::text[], $9::text[], $10::bigint[]) AS e (journal_id, account, line_id, amount_minor)
JOIN made ON made.id = e.journal_id
"""
_SHARES = """
SELECT payment_id, line_id, partner_id, total_minor, partner_minor, refunded_minor FROM line_shares
WHERE payment_id = ANY($1::uuid[]) ORDER BY payment_id, line_id
"""
_KEEP = """
INSERT INTO line_shares AS s (payment_id, line_id, partner_id, total_minor, partner_minor, refunded_minor)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
ON CONFLICT (payment_id, line_id) DO UPDATE SET refunded_minor = excluded.refunded_minor
"""
_UNSHARED = """
SELECT p.id, p.booking_id, p.gateway, p.status, p.amount_minor, p.currency, p.captured_minor - p.refunded_minor AS left_minor,
       b.lines
FROM payments p JOIN payment_bookings b ON b.booking_id = p.booking_id
WHERE p.booking_id = ANY($1::text[]) AND p.captured_minor > 0 AND p.duplicate_of IS NULL AND b.lines IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM line_shares s WHERE s.payment_id = p.id)
ORDER BY p.id FOR UPDATE OF p
"""
_GIVING_BACK = frozenset({JournalKind.REFUND, JournalKind.REFUND_REVERSED, JournalKind.DISPUTE_LOST})
_Shares = dict[UUID, list[LineShare]]


async def book(work: Work, movements: Sequence[Movement], authorized_before: Iterable[str]) -> None:
    """Write the journals of `movements`, whose payments are locked; once for each kind and reference.

    `authorized_before`: the bookings whose capture may come after their confirmation; they are shared out here.
    """
    if not movements:
        return
    backward = {m.payment.id for m in movements if m.kind in _GIVING_BACK}
    shares = await _shares(work, backward)
    await write(work, [moved(m, _counted(m, shares)) for m in movements])
    await _keep(work, {payment_id: shares[payment_id] for payment_id in backward if payment_id in shares})
    captured = {m.payment.booking_id for m in movements if m.kind is JournalKind.CAPTURE}
    if waiting := sorted(captured & set(authorized_before)):
        await share(work, waiting)


async def share(work: Work, booking_ids: Sequence[str]) -> None:
    """Share out the money of those of `booking_ids` that are captured and confirmed and not shared yet."""
    rows = await work.fetch(_UNSHARED, list(booking_ids))
    journals: list[Journal] = []
    shares: _Shares = {}
    for row in rows:
        shares[row.id] = share_out(row.left_minor, _sold(row))
        payment = Payment(row.id, row.booking_id, row.gateway, PaymentState(row.status), row.amount_minor, row.currency)
        if (journal := shared(payment, shares[row.id])) is not None:
            journals.append(journal)
    await write(work, journals)
    await _keep(work, shares)


def _counted(movement: Movement, shares: _Shares) -> list[LineShare]:
    """The shares that a movement is about: a second success was never shared, so its money is the buyers'."""
    if movement.kind is JournalKind.DISPUTE_LOST or movement.kind not in _GIVING_BACK:
        return shares.get(movement.payment.id, [])
    refund = movement.payment.refunds[UUID(movement.reference)]
    counts = refund.gateway_payment_id == movement.payment.gateway_payment_id
    return shares.get(movement.payment.id, []) if counts else []


def _sold(row: Row) -> list[SoldLine]:
    return [SoldLine(**line) for line in orjson.loads(row.lines)]


async def _shares(work: Work, payment_ids: set[UUID]) -> _Shares:
    found: _Shares = {}
    if payment_ids:
        for row in await work.fetch(_SHARES, sorted(payment_ids)):
            line = LineShare(row.line_id, row.partner_id, row.total_minor, row.partner_minor, row.refunded_minor)
            found.setdefault(row.payment_id, []).append(line)
    return found


async def _keep(work: Work, shares: _Shares) -> None:
    rows = [(payment_id, share) for payment_id, lines in shares.items() for share in lines]
    if rows:
        await work.execute(
            _KEEP,
            [payment_id for payment_id, _ in rows],
            [s.line_id for _, s in rows],
            [s.partner_id for _, s in rows],
            [s.total_minor for _, s in rows],
            [s.partner_minor for _, s in rows],
            [s.refunded_minor for _, s in rows],
        )


async def write(work: Work, journals: Sequence[Journal]) -> None:
    """Write `journals` with their entries in one statement; one whose kind and reference are booked is left out."""
    if not journals:
        return
    ids = [uuid7() for _ in journals]
    entries = [(journal_id, e) for journal_id, journal in zip(ids, journals, strict=True) for e in journal.entries]
    await work.execute(
        _INSERT,
        ids,
        [j.kind.value for j in journals],
        [j.reference for j in journals],
        [j.payment_id for j in journals],
        [j.booking_id for j in journals],
        [j.currency for j in journals],
        [journal_id for journal_id, _ in entries],
        [e.account for _, e in entries],
        [e.line_id for _, e in entries],
        [e.amount_minor for _, e in entries],
        [j.payout_id for j in journals],
    )
