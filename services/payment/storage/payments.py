"""Loading payments with their attempts and refunds under lock, a whole batch in three statements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.work import Work
from services.payment.domain.observation import Observation, Seen
from services.payment.domain.payment import Attempt, Dispute, Payment, Refund
from services.payment.domain.planning import Collection
from services.payment.domain.states import DisputeState, PaymentState, RefundState


@dataclass(slots=True)
class Loaded:
    """Locked payments: all of every booking that is touched, so that a second success is seen. `now`: the database's."""

    now: datetime | None = None
    by_id: dict[UUID, Payment] = field(default_factory=dict)
    by_order: dict[tuple[str, str], Payment] = field(default_factory=dict)
    by_booking: dict[str, list[Payment]] = field(default_factory=dict)

    def match(self, seen: Observation) -> Payment | None:
        """The payment that `seen` is about: by the gateway's order, else by our own id while no order id is stored."""
        payment = self.by_order.get((seen.gateway, seen.gateway_order_id))
        if payment is not None or seen.payment_id is None:
            return payment
        named = self.by_id.get(seen.payment_id)
        return named if named is not None and named.gateway == seen.gateway else None

    def adopt(self, payment: Payment) -> None:
        """Make `payment` findable by the order ids that it has."""
        for order_id in payment.orders:
            if order_id is not None:
                self.by_order[payment.gateway, order_id] = payment


_COLUMNS = """p.id, p.booking_id, p.gateway, p.status, p.amount_minor, p.currency, p.authorized_minor, p.captured_minor,
       p.refunded_minor, p.gateway_order_id, p.gateway_payment_id, p.duplicate_of, p.secured_at,
       p.collection, p.service_ends_at, p.capture_before, p.capture_at, p.fee_minor,
       p.expires_at, p.authorize_at, p.charge_at, p.saved_customer, p.saved_method,
       ARRAY(SELECT o.gateway_order_id FROM gateway_orders o WHERE o.payment_id = p.id
             AND (o.gateway_order_id IS NOT NULL OR NOT o.ended) ORDER BY o.number)"""
_LOCK_SEEN = f"""
WITH seen AS (
    SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::uuid[]) AS s (gateway, order_id, payment_id)
), found AS (
    SELECT p.booking_id FROM seen s
    JOIN gateway_orders o ON o.gateway = s.gateway AND o.gateway_order_id = s.order_id
    JOIN payments p ON p.id = o.payment_id
    UNION
    SELECT p.booking_id FROM payments p JOIN seen s ON p.id = s.payment_id AND p.gateway = s.gateway
    UNION
    SELECT p.booking_id FROM payments p JOIN refunds r ON r.payment_id = p.id WHERE r.id = ANY($4::uuid[])
)
SELECT {_COLUMNS}, now() AS present FROM payments p
WHERE p.booking_id IN (SELECT booking_id FROM found) ORDER BY p.id FOR UPDATE OF p
"""  # noqa: S608 - a constant column list
_LOCK_IDS = f"""
SELECT {_COLUMNS}, now() AS present FROM payments p
WHERE p.booking_id IN (SELECT booking_id FROM payments WHERE id = ANY($1::uuid[])) ORDER BY p.id FOR UPDATE OF p
"""  # noqa: S608
_ATTEMPTS = """
SELECT payment_id, gateway_payment_id, gateway_order_id, status, amount_minor, currency, authorized_minor,
       captured_minor, refunded_minor, surplus, fee_minor, late, reason
FROM gateway_payments WHERE payment_id = ANY($1::uuid[])
"""
_REFUNDS = """
SELECT payment_id, id, refund_key, gateway_payment_id, status, amount_minor, reason, gateway_refund_id
FROM refunds WHERE payment_id = ANY($1::uuid[])
"""

_DISPUTES = """
SELECT payment_id, id, gateway_dispute_id, gateway_payment_id, status, amount_minor, reason, respond_by
FROM disputes WHERE payment_id = ANY($1::uuid[])
"""

_LOCK_BOOKINGS = f"""
SELECT {_COLUMNS}, now() AS present FROM payments p
WHERE p.booking_id = ANY($1::text[]) ORDER BY p.id FOR UPDATE OF p
"""  # noqa: S608


async def lock_seen(
    work: Work,
    observations: Sequence[Observation],
    orders: Sequence[tuple[str, str]] = (),
    refund_ids: Sequence[UUID] = (),
) -> Loaded:
    """Lock, in id order, every payment of the bookings that `observations`, `orders` (gateway, order id) and refunds
    are about: in one statement, for locks taken in two can deadlock. Disputes are loaded only if one is seen."""
    rows = await work.fetch(
        _LOCK_SEEN,
        [seen.gateway for seen in observations] + [gateway for gateway, _ in orders],
        [seen.gateway_order_id for seen in observations] + [order_id for _, order_id in orders],
        [seen.payment_id for seen in observations] + [None] * len(orders),
        list(refund_ids),
    )
    loaded = await _load(work, rows)
    if any(seen.dispute is not None for seen in observations):
        await _load_disputes(work, loaded)
    return loaded


async def lock(work: Work, ids: Iterable[UUID]) -> Loaded:
    """Lock, in id order, the payments `ids` and their bookings' other payments."""
    return await _load(work, await work.fetch(_LOCK_IDS, list(ids)))


async def lock_bookings(work: Work, booking_ids: Sequence[str]) -> Loaded:
    """Lock, in id order, every payment of these bookings."""
    return await _load(work, await work.fetch(_LOCK_BOOKINGS, list(booking_ids)))


async def _load(work: Work, rows: Sequence[Any]) -> Loaded:
    loaded = Loaded()
    for row in rows:
        *fields, loaded.now = row
        payment = Payment(*fields)
        payment.status, payment.collection = PaymentState(payment.status), Collection(payment.collection)
        loaded.by_id[payment.id] = payment
        loaded.adopt(payment)
        loaded.by_booking.setdefault(payment.booking_id, []).append(payment)
    if not loaded.by_id:
        return loaded
    ids = list(loaded.by_id)
    for payment_id, *fields in await work.fetch(_ATTEMPTS, ids):
        attempt = Attempt(*fields)
        attempt.status = Seen(attempt.status)
        loaded.by_id[payment_id].attempts[attempt.gateway_payment_id] = attempt
    for row in await work.fetch(_REFUNDS, ids):
        loaded.by_id[row.payment_id].refunds[row.id] = Refund(
            row.id,
            row.refund_key,
            row.gateway_payment_id,
            RefundState(row.status),
            row.amount_minor,
            row.reason,
            row.gateway_refund_id,
        )
    return loaded


async def _load_disputes(work: Work, loaded: Loaded) -> None:
    for row in await work.fetch(_DISPUTES, list(loaded.by_id)):
        loaded.by_id[row.payment_id].disputes[row.gateway_dispute_id] = Dispute(
            row.id,
            row.gateway_dispute_id,
            row.gateway_payment_id,
            DisputeState(row.status),
            row.amount_minor,
            row.reason,
            row.respond_by,
        )
