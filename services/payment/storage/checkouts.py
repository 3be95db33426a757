"""Checkouts as booking told them, the newest of each cart or quotation, in a projection of payment's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.work import Work
from contracts.booking_events import CheckoutOpened
from services.payment.adapters.checkout_token import Checkout

_KEEP = """
INSERT INTO checkouts AS c (cart_id, booking_id, reference, amount_minor, currency, capture_policy, buyer_id,
                            service_ends_at, opened_at, expires_at, seller_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[],
                     $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::text[])
ON CONFLICT (cart_id) DO UPDATE
SET booking_id = excluded.booking_id, reference = excluded.reference, amount_minor = excluded.amount_minor,
    currency = excluded.currency, capture_policy = excluded.capture_policy, buyer_id = excluded.buyer_id,
    service_ends_at = excluded.service_ends_at, opened_at = excluded.opened_at, expires_at = excluded.expires_at,
    seller_id = excluded.seller_id
WHERE c.opened_at < excluded.opened_at
"""
_FIND = """
SELECT c.*, c.pay_by <= now() AS has_ended,
       EXISTS (SELECT 1 FROM payments p WHERE p.booking_id = c.booking_id AND p.secured_at IS NOT NULL) AS is_paid
FROM (SELECT c.*, greatest(c.expires_at, (SELECT max(p.expires_at) FROM payments p WHERE p.booking_id = c.booking_id
                                           AND p.saved_method IS NOT NULL)) AS pay_by
      FROM checkouts c WHERE c.cart_id = $1) c
"""


@dataclass(frozen=True, slots=True)
class CartCheckout:
    """The newest checkout of a cart, whether its deadline has passed by the database's clock, whether it is paid.

    `seller_id`: of a quotation, the expert who asks for the money.
    """

    checkout: Checkout
    has_ended: bool
    is_paid: bool
    seller_id: str | None = None


async def keep(work: Work, opened: Sequence[CheckoutOpened]) -> None:
    """Keep the newest of `opened` for each cart. Checkouts of one cart have different keys, so they come in any order."""
    newest = {e.cart_id: e for e in sorted(opened, key=lambda e: e.opened_at)}
    rows = [
        (
            e.cart_id,
            e.booking_id,
            e.reference,
            e.amount_minor,
            e.currency,
            e.capture_policy,
            e.buyer_id,
            e.service_ends_at,
            e.opened_at,
            e.expires_at,
            e.seller_id,
        )
        for _, e in sorted(newest.items())
    ]
    await work.execute(_KEEP, *(list(column) for column in zip(*rows, strict=True)))


async def find(work: Work, cart_id: str) -> CartCheckout | None:
    """The newest checkout of the cart; None while booking has told of none."""
    row = await work.fetch_one(_FIND, cart_id)
    if row is None:
        return None
    checkout = Checkout(
        row.booking_id,
        row.reference,
        row.amount_minor,
        row.currency,
        row.capture_policy,
        row.buyer_id,
        row.pay_by,
        row.service_ends_at,
    )
    return CartCheckout(checkout, row.has_ended, row.is_paid, row.seller_id)
