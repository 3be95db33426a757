"""What the routes show: a payment with its attempts, refunds and booking, and the open cases. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from chassis.work import Row, Work
from services.payment.adapters.gateways.port import Returned

_SHOWN = """p.id, p.booking_id, p.reference, p.buyer_id, p.gateway, p.status, p.amount_minor, p.currency,
       p.authorized_minor, p.captured_minor, p.refunded_minor, p.gateway_order_id, p.gateway_payment_id, p.duplicate_of,
       p.expires_at, p.secured_at, p.created_at, b.reference AS book_reference, b.status AS book_status,
       b.amount_minor AS book_minor, b.currency AS book_currency, p.collection, p.plan_why, p.capture_before,
       p.capture_at, p.authorize_at, p.charge_at, p.fee_minor"""
_PAYMENT = f"""
SELECT {_SHOWN} FROM payments p LEFT JOIN payment_bookings b ON b.booking_id = p.booking_id
"""  # noqa: S608 - a constant column list
_RETURNED = f"""
SELECT {_SHOWN}, o.gateway_order_id AS returned_order_id
FROM gateway_orders o JOIN payments p ON p.id = o.payment_id
LEFT JOIN payment_bookings b ON b.booking_id = p.booking_id
"""  # noqa: S608


async def payment(work: Work, payment_id: UUID) -> Row | None:
    """The payment `payment_id` with what booking said, or None."""
    return await work.fetch_one(_PAYMENT + "WHERE p.id = $1", payment_id)


async def payments_of(work: Work, booking_id: str) -> Sequence[Row]:
    """The payments of a booking, oldest first."""
    return await work.fetch(_PAYMENT + "WHERE p.booking_id = $1 ORDER BY p.id LIMIT 20", booking_id)


async def returned(work: Work, gateway: str, back: Returned) -> Row | None:
    """The payment that a checkout's return is about, by our own order or payment id, or None.

    `returned_order_id` is the order as *we* stored it: the one named, else the newest.
    """
    if back.gateway_order_id is not None:
        return await work.fetch_one(
            _RETURNED + "WHERE o.gateway = $1 AND o.gateway_order_id = $2", gateway, back.gateway_order_id
        )
    return await work.fetch_one(
        _RETURNED + "WHERE p.gateway = $1 AND p.id = $2 ORDER BY o.number DESC LIMIT 1", gateway, back.payment_id
    )


async def attempts(work: Work, payment_id: UUID) -> Sequence[Row]:
    """The gateway's payments under this payment, oldest first."""
    return await work.fetch(
        """SELECT gateway_payment_id, status, amount_minor, currency, captured_minor, refunded_minor, surplus, late,
                  reason, created_at
           FROM gateway_payments WHERE payment_id = $1 ORDER BY created_at, gateway_payment_id""",
        payment_id,
    )


async def refunds(work: Work, payment_id: UUID) -> Sequence[Row]:
    """The refunds of this payment, oldest first."""
    return await work.fetch(
        """SELECT id, status, amount_minor, currency, reason, gateway_payment_id, gateway_refund_id, created_at,
                  updated_at
           FROM refunds WHERE payment_id = $1 ORDER BY id""",
        payment_id,
    )


async def transitions(work: Work, payment_id: UUID) -> Sequence[Row]:
    """The payment's trail, oldest first."""
    return await work.fetch(
        "SELECT from_status, to_status, trigger, reason, source, at FROM payment_transitions WHERE payment_id = $1 ORDER BY id",
        payment_id,
    )


async def cases(work: Work, *, is_open: bool, kind: str | None, after: UUID | None, limit: int) -> Sequence[Row]:
    """Cases by id (oldest first) after `after`; `is_open` False shows the closed ones."""
    return await work.fetch(
        """SELECT id, kind, payment_id, booking_id, expected_minor, seen_minor, currency, detail, opened_at, deadline_at,
                  closed_at, closed_by, closed_reason
           FROM cases
           WHERE (closed_at IS NULL) = $1 AND ($2::text IS NULL OR kind = $2) AND ($3::uuid IS NULL OR id > $3)
           ORDER BY id LIMIT $4""",
        is_open,
        kind,
        after,
        limit,
    )


async def record_verification(
    work: Work, payment_id: UUID, gateway_payment_id: str | None, *, signature_ok: bool
) -> None:
    """The record of one attempt to verify; a gateway that signs no return names no payment."""
    await work.execute(
        "INSERT INTO verify_attempts (payment_id, gateway_payment_id, signature_ok) VALUES ($1, $2, $3)",
        payment_id,
        (gateway_payment_id or "")[:64],
        signature_ok,
    )


async def close_case(work: Work, case_id: UUID, actor: str, reason: str) -> Row | None:
    """Close a case, with an audit row; returns it as it then is, or None when there is none."""
    closed = await work.fetch_one(
        """UPDATE cases SET closed_at = now(), closed_by = $2, closed_reason = $3
           WHERE id = $1 AND closed_at IS NULL RETURNING booking_id""",
        case_id,
        actor,
        reason,
    )
    if closed is not None:
        await work.execute(
            "INSERT INTO audit (actor, action, target, booking_id, reason) VALUES ($1, 'close-case', $2, $3, $4)",
            actor,
            str(case_id),
            closed.booking_id,
            reason,
        )
    return await work.fetch_one(
        """SELECT id, kind, payment_id, booking_id, expected_minor, seen_minor, currency, detail, opened_at, deadline_at,
                  closed_at, closed_by, closed_reason
           FROM cases WHERE id = $1""",
        case_id,
    )
