"""The rows of create-order: a payment before its gateway order, the lease on making that order, and its end."""

from __future__ import annotations

from uuid import UUID

import orjson

from chassis.ids import uuid7
from chassis.work import Row, Work
from services.payment.adapters.checkout_token import Checkout
from services.payment.adapters.gateways.port import GatewayOrder
from services.payment.domain.planning import Plan
from services.payment.domain.states import OrderPurpose

_INSERT = """
INSERT INTO payments (id, booking_id, reference, buyer_id, gateway, status, amount_minor, currency, capture_policy,
                      expires_at, collection, plan_why, service_ends_at, authorize_at)
VALUES ($1, $2, $3, $4, $5, 'created', $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (booking_id, gateway) DO UPDATE SET expires_at = greatest(payments.expires_at, excluded.expires_at)
RETURNING id, status, amount_minor, currency, gateway_order_id, expires_at, collection, authorize_at, saved_method,
          (xmax = 0) AS fresh,
          (order_lease_until IS NOT NULL AND order_lease_until > now()) AS leased
"""
_LAST = """
SELECT number, gateway_order_id, checkout, purpose, ended FROM gateway_orders WHERE payment_id = $1 ORDER BY number DESC LIMIT 1
"""


async def insert(work: Work, checkout: Checkout, gateway: str, plan: Plan) -> Row:
    """The payment of `checkout` at `gateway`, locked; made now by `plan` if it was not there (`fresh`)."""
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
        plan.collection.value,
        plan.why,
        checkout.service_ends_at,
        plan.authorize_at,
    )
    assert row is not None
    return row


async def last(work: Work, payment_id: UUID) -> Row | None:
    """The newest order made, or being made, for the payment: `number`, `gateway_order_id` (None: no answer yet), `checkout`,
    its `purpose`, and whether it has `ended`."""
    return await work.fetch_one(_LAST, payment_id)


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


async def lease(
    work: Work,
    payment_id: UUID,
    number: int,
    lease_seconds: float,
    poll_seconds: float,
    purpose: OrderPurpose = OrderPurpose.PAY,
) -> None:
    """Take the right to make the payment's order `number`; its row is there before the gateway is called (P-16).

    A number that nobody has got an order for may be used for another purpose.
    """
    await work.execute(
        """INSERT INTO gateway_orders AS o (payment_id, number, gateway, purpose)
           SELECT id, $2, gateway, $3 FROM payments WHERE id = $1
           ON CONFLICT (payment_id, number) DO UPDATE SET purpose = excluded.purpose WHERE o.gateway_order_id IS NULL""",
        payment_id,
        number,
        purpose.value,
    )
    await work.execute(
        """UPDATE payments SET order_calls = order_calls + 1, order_lease_until = now() + make_interval(secs => $2),
                  poll_at = least(poll_at, now() + make_interval(secs => $2 + $3)), updated_at = now()
           WHERE id = $1""",
        payment_id,
        lease_seconds,
        poll_seconds,
    )


async def store_order(work: Work, payment_id: UUID, number: int, made: GatewayOrder, poll_seconds: float) -> None:
    """Keep the gateway's order, unless its number has one already, and end the lease; the payment is asked about soon."""
    await work.execute(
        """UPDATE gateway_orders SET gateway_order_id = coalesce(gateway_order_id, $3),
                  checkout = CASE WHEN checkout = '{}' THEN $4::jsonb ELSE checkout END
           WHERE payment_id = $1 AND number = $2""",
        payment_id,
        number,
        made.gateway_order_id,
        orjson.dumps(dict(made.checkout)).decode(),
    )
    await work.execute(
        """UPDATE payments p SET order_lease_until = NULL, polls = 0, updated_at = now(),
                  gateway_order_id = CASE WHEN p.secured_at IS NULL THEN o.gateway_order_id ELSE p.gateway_order_id END,
                  poll_at = CASE WHEN poll_at IS NOT NULL THEN now() + make_interval(secs => $3) END
           FROM gateway_orders o WHERE p.id = $1 AND o.payment_id = $1 AND o.number = $2""",
        payment_id,
        number,
        poll_seconds,
    )


async def release(work: Work, payment_id: UUID) -> None:
    """End the lease without an order: the buyer may try again at once."""
    await work.execute("UPDATE payments SET order_lease_until = NULL WHERE id = $1", payment_id)


async def terms_of_charge(work: Work, payment_id: UUID) -> Row:
    """What charging a saved method needs besides the payment: `reference`, how many `charges` were made or begun, and
    whether an order is being made at the moment (`leased`)."""
    row = await work.fetch_one(
        """SELECT reference, coalesce(order_lease_until > now(), false) AS leased,
                  (SELECT count(*)::int FROM gateway_orders o WHERE o.payment_id = p.id AND o.purpose = 'charge') AS charges
           FROM payments p WHERE id = $1""",
        payment_id,
    )
    assert row is not None
    return row


async def end_unanswered(work: Work, payment_id: UUID, number: int) -> None:
    """The gateway has certainly not made this order: nobody waits for it any more."""
    await work.execute(
        "UPDATE gateway_orders SET ended = true WHERE payment_id = $1 AND number = $2 AND gateway_order_id IS NULL",
        payment_id,
        number,
    )
    await release(work, payment_id)


async def is_leased(work: Work, payment_id: UUID) -> bool:
    """Whether another request is making an order of the payment at the moment."""
    row = await work.fetch_one("SELECT 1 FROM payments WHERE id = $1 AND order_lease_until > now()", payment_id)
    return row is not None
