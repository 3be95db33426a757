"""The rows of create-order: a payment before its gateway order, the lease on making that order, and its end."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row

from chassis.ids import uuid7
from chassis.work import Work
from services.payment.adapters.checkout_token import Checkout

_INSERT = """
INSERT INTO payments (id, booking_id, reference, buyer_id, gateway, status, amount_minor, currency, capture_policy,
                      expires_at)
VALUES ($1, $2, $3, $4, $5, 'created', $6, $7, $8, $9)
ON CONFLICT (booking_id, gateway) DO UPDATE SET expires_at = greatest(payments.expires_at, excluded.expires_at)
RETURNING id, status, amount_minor, currency, gateway_order_id, order_calls, expires_at, (xmax = 0) AS fresh,
          (order_lease_until IS NOT NULL AND order_lease_until > now()) AS leased
"""


async def insert(work: Work, checkout: Checkout, gateway: str) -> Row[Any]:
    """The payment of `checkout` at `gateway`, locked; made now if it was not there (`fresh`)."""
    row = await work.fetch_one(
        _INSERT,
        uuid7(),
        checkout.booking_id,
        checkout.reference,
        checkout.buyer_id,
        gateway,
        checkout.amount_minor,
        checkout.currency,
        checkout.capture_policy,
        checkout.expires_at,
    )
    assert row is not None
    return row


async def note_created(work: Work, payment_id: UUID) -> None:
    """The first row of the payment's trail."""
    await work.execute(
        """INSERT INTO payment_transitions (payment_id, from_status, to_status, trigger, reason, source)
           VALUES ($1, NULL, 'created', 'checked_out', 'the buyer chose the gateway', 'buyer')""",
        payment_id,
    )


async def secured_elsewhere(work: Work, booking_id: str, payment_id: UUID) -> bool:
    """Whether another payment has secured this booking."""
    row = await work.fetch_one(
        "SELECT 1 FROM payments WHERE booking_id = $1 AND id <> $2 AND secured_at IS NOT NULL", booking_id, payment_id
    )
    return row is not None


async def lease(work: Work, payment_id: UUID, lease_seconds: float, poll_seconds: float) -> None:
    """Take the right to make the gateway's order; counted, because a later call must ask first."""
    await work.execute(
        """UPDATE payments SET order_calls = order_calls + 1, order_lease_until = now() + make_interval(secs => $2),
                  poll_at = coalesce(poll_at, now() + make_interval(secs => $2 + $3)), updated_at = now()
           WHERE id = $1""",
        payment_id,
        lease_seconds,
        poll_seconds,
    )


async def store_order(work: Work, payment_id: UUID, gateway_order_id: str, poll_seconds: float) -> str | None:
    """Keep the gateway's order id unless one is kept already, and end the lease; returns the one that counts."""
    row = await work.fetch_one(
        """UPDATE payments SET gateway_order_id = coalesce(gateway_order_id, $2), order_lease_until = NULL, polls = 0,
                  poll_at = CASE WHEN poll_at IS NOT NULL THEN now() + make_interval(secs => $3) END, updated_at = now()
           WHERE id = $1 RETURNING gateway_order_id""",
        payment_id,
        gateway_order_id,
        poll_seconds,
    )
    return None if row is None else row.gateway_order_id


async def release(work: Work, payment_id: UUID) -> None:
    """End the lease without an order: the buyer may try again at once."""
    await work.execute("UPDATE payments SET order_lease_until = NULL WHERE id = $1", payment_id)


async def order_of(work: Work, payment_id: UUID) -> Row[Any] | None:
    """What waiting for another request's order looks at."""
    return await work.fetch_one(
        """SELECT gateway_order_id, (order_lease_until IS NOT NULL AND order_lease_until > now()) AS leased
           FROM payments WHERE id = $1""",
        payment_id,
    )
