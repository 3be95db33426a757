"""Writing what a batch of decisions brought about: one statement for each table, whatever the number of payments."""

from __future__ import annotations

from chassis.work import Work
from services.payment.domain.payment import Effects, Transition
from services.payment.domain.states import AWAITED
from services.payment.storage.cases import NewCase, open_cases

_PAYMENTS = """
UPDATE payments p SET status = u.status, authorized_minor = u.authorized_minor, captured_minor = u.captured_minor,
       refunded_minor = u.refunded_minor, gateway_order_id = u.gateway_order_id,
       gateway_payment_id = u.gateway_payment_id, duplicate_of = u.duplicate_of, secured_at = u.secured_at,
       poll_at = CASE WHEN u.status = 'method_saved' THEN u.expires_at WHEN u.awaited THEN p.poll_at END,
       capture_before = u.capture_before, capture_at = u.capture_at, fee_minor = u.fee_minor, expires_at = u.expires_at,
       charge_at = u.charge_at, saved_customer = u.saved_customer, saved_method = u.saved_method,
       service_ends_at = u.service_ends_at, authorize_at = u.authorize_at, updated_at = now()
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::uuid[],
            $9::timestamptz[], $10::bool[], $11::timestamptz[], $12::timestamptz[], $13::bigint[],
            $14::timestamptz[], $15::timestamptz[], $16::text[], $17::text[],
            $18::timestamptz[], $19::timestamptz[])
     AS u (id, status, authorized_minor, captured_minor, refunded_minor, gateway_order_id, gateway_payment_id,
           duplicate_of, secured_at, awaited, capture_before, capture_at, fee_minor, expires_at, charge_at,
           saved_customer, saved_method, service_ends_at, authorize_at)
WHERE p.id = u.id
"""
_ORDERS = """
UPDATE gateway_orders o SET gateway_order_id = u.gateway_order_id
FROM unnest($1::uuid[], $2::text[]) AS u (payment_id, gateway_order_id)
WHERE o.payment_id = u.payment_id AND o.gateway_order_id IS NULL AND NOT o.ended
"""
_ENDED = """
UPDATE gateway_orders o SET ended = true FROM unnest($1::uuid[], $2::text[]) AS u (payment_id, gateway_order_id)
WHERE o.payment_id = u.payment_id AND o.gateway_order_id = u.gateway_order_id
"""
_ATTEMPTS = """
INSERT INTO gateway_payments AS g (gateway, gateway_payment_id, payment_id, status, amount_minor, currency,
       authorized_minor, captured_minor, refunded_minor, surplus, late, reason, gateway_order_id, fee_minor)
SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::bigint[], $6::text[], $7::bigint[],
       $8::bigint[], $9::bigint[], $10::bool[], $11::bool[], $12::text[], $13::text[], $14::bigint[])
ON CONFLICT (gateway, gateway_payment_id) DO UPDATE
SET status = excluded.status, authorized_minor = excluded.authorized_minor, captured_minor = excluded.captured_minor,
    refunded_minor = excluded.refunded_minor, surplus = excluded.surplus, late = excluded.late,
    reason = excluded.reason, fee_minor = excluded.fee_minor, updated_at = now()
WHERE g.payment_id = excluded.payment_id
"""
_REFUNDS = """
INSERT INTO refunds AS r (id, payment_id, refund_key, gateway, gateway_payment_id, gateway_refund_id, status,
       amount_minor, currency, reason, check_at)
SELECT u.*, CASE WHEN u.status = 'sent' THEN now() + make_interval(secs => $11) END
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
            $9::text[], $10::text[])
     AS u (id, payment_id, refund_key, gateway, gateway_payment_id, gateway_refund_id, status, amount_minor, currency,
           reason)
ON CONFLICT (id) DO UPDATE
SET status = excluded.status, gateway_refund_id = excluded.gateway_refund_id, check_at = excluded.check_at,
    updated_at = now()
"""
_DISPUTES = """
INSERT INTO disputes (id, payment_id, gateway, gateway_dispute_id, gateway_payment_id, status, amount_minor, currency,
       reason, respond_by)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[],
       $9::text[], $10::timestamptz[])
ON CONFLICT (id) DO UPDATE SET status = excluded.status, respond_by = excluded.respond_by, updated_at = now()
"""
_EVIDENCE = """
INSERT INTO payment_evidence (payment_id, to_status, gateway_order_id, gateway_payment_id, amount_minor, currency,
       account, source, signature_ok, raw)
SELECT e.payment_id, e.to_status, e.gateway_order_id, e.gateway_payment_id, e.amount_minor, e.currency, e.account,
       e.source, true, e.raw
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[],
            $9::text[])
     AS e (payment_id, to_status, gateway_order_id, gateway_payment_id, amount_minor, currency, account, source, raw)
"""


async def write(work: Work, effects: Effects, *, refund_check_seconds: float, case_deadline_hours: float) -> None:
    """Write `effects`: rows first, then their trails. Telling and scheduling is the caller's."""
    await _write_orders(work, effects)
    await _write_payments(work, effects)
    await _write_attempts(work, effects)
    await _write_refunds(work, effects, refund_check_seconds)
    await _write_transitions(work, "payment", effects.payment_moves)
    await _write_transitions(work, "refund", effects.refund_moves)
    await _write_disputes(work, effects)
    await _write_transitions(work, "dispute", effects.dispute_moves)
    await _write_evidence(work, effects)
    await _write_cases(work, effects, case_deadline_hours)


async def _write_orders(work: Work, effects: Effects) -> None:
    if effects.adopted_orders:
        await work.execute(
            _ORDERS, [p.id for p, _ in effects.adopted_orders], [order_id for _, order_id in effects.adopted_orders]
        )
    if effects.ended_orders:
        await work.execute(
            _ENDED, [p.id for p, _ in effects.ended_orders], [order_id for _, order_id in effects.ended_orders]
        )


async def _write_payments(work: Work, effects: Effects) -> None:
    rows = list(effects.touched_payments.values())
    if rows:
        await work.execute(
            _PAYMENTS,
            [p.id for p in rows],
            [p.status.value for p in rows],
            [p.authorized_minor for p in rows],
            [p.captured_minor for p in rows],
            [p.refunded_minor for p in rows],
            [p.gateway_order_id for p in rows],
            [p.gateway_payment_id for p in rows],
            [p.duplicate_of for p in rows],
            [p.secured_at for p in rows],
            [p.status in AWAITED for p in rows],
            [p.capture_before for p in rows],
            [p.capture_at for p in rows],
            [p.fee_minor for p in rows],
            [p.expires_at for p in rows],
            [p.charge_at for p in rows],
            [p.saved_customer for p in rows],
            [p.saved_method for p in rows],
            [p.service_ends_at for p in rows],
            [p.authorize_at for p in rows],
        )


async def _write_attempts(work: Work, effects: Effects) -> None:
    rows = list(effects.touched_attempts.values())
    if rows:
        await work.execute(
            _ATTEMPTS,
            [p.gateway for p, _ in rows],
            [a.gateway_payment_id for _, a in rows],
            [p.id for p, _ in rows],
            [a.status.value for _, a in rows],
            [a.amount_minor for _, a in rows],
            [a.currency for _, a in rows],
            [a.authorized_minor for _, a in rows],
            [a.captured_minor for _, a in rows],
            [a.refunded_minor for _, a in rows],
            [a.surplus for _, a in rows],
            [a.late for _, a in rows],
            [a.reason for _, a in rows],
            [a.gateway_order_id for _, a in rows],
            [a.fee_minor for _, a in rows],
        )


async def _write_refunds(work: Work, effects: Effects, check_seconds: float) -> None:
    rows = list(effects.touched_refunds.values())
    if rows:
        await work.execute(
            _REFUNDS,
            [r.id for _, r in rows],
            [p.id for p, _ in rows],
            [r.refund_key for _, r in rows],
            [p.gateway for p, _ in rows],
            [r.gateway_payment_id for _, r in rows],
            [r.gateway_refund_id for _, r in rows],
            [r.status.value for _, r in rows],
            [r.amount_minor for _, r in rows],
            [p.currency for p, _ in rows],
            [r.reason for _, r in rows],
            check_seconds,
        )


async def _write_disputes(work: Work, effects: Effects) -> None:
    rows = list(effects.touched_disputes.values())
    if rows:
        await work.execute(
            _DISPUTES,
            [d.id for _, d in rows],
            [p.id for p, _ in rows],
            [p.gateway for p, _ in rows],
            [d.gateway_dispute_id for _, d in rows],
            [d.gateway_payment_id for _, d in rows],
            [d.status.value for _, d in rows],
            [d.amount_minor for _, d in rows],
            [p.currency for p, _ in rows],
            [d.reason for _, d in rows],
            [d.respond_by for _, d in rows],
        )


_TRANSITIONS = {
    noun: f"""
INSERT INTO {noun}_transitions ({noun}_id, from_status, to_status, trigger, reason, source)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
"""  # noqa: S608 - one of three constant nouns
    for noun in ("payment", "refund", "dispute")
}


async def _write_transitions(work: Work, noun: str, moves: list[Transition]) -> None:
    if moves:
        await work.execute(
            _TRANSITIONS[noun],
            [m.subject for m in moves],
            [m.from_status for m in moves],
            [m.to_status for m in moves],
            [m.trigger for m in moves],
            [m.reason for m in moves],
            [m.source for m in moves],
        )


async def _write_evidence(work: Work, effects: Effects) -> None:
    rows = effects.evidence
    if rows:
        await work.execute(
            _EVIDENCE,
            [e.payment_id for e in rows],
            [e.to_status for e in rows],
            [e.seen.gateway_order_id for e in rows],
            [e.seen.gateway_payment_id for e in rows],
            [e.seen.amount_minor for e in rows],
            [e.seen.currency for e in rows],
            [e.seen.account for e in rows],
            [e.seen.source.value for e in rows],
            [e.seen.raw for e in rows],
        )


async def _write_cases(work: Work, effects: Effects, deadline_hours: float) -> None:
    rows = [
        NewCase(
            c.kind,
            c.dedupe,
            c.detail,
            c.payment.id,
            c.payment.booking_id,
            c.expected_minor,
            c.seen_minor,
            c.payment.currency,
            c.deadline_at,
        )
        for c in effects.cases.values()
    ]
    await open_cases(work, rows, deadline_hours)
