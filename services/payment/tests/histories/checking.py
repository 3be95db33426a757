"""What must hold of every history when it is quiet: the invariants of money against the vendors' own books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.payment.tests.conformance.vendors import AT, Taken
from services.payment.tests.histories.history import History
from services.payment.tests.samples import rows
from services.payment.tests.stage import Stage

_OURS = """
SELECT p.booking_id, p.id::text, p.status, p.duplicate_of IS NULL, p.captured_minor, p.refunded_minor, p.secured_at IS NOT NULL,
       (SELECT array_agg(o.gateway_order_id) FROM gateway_orders o WHERE o.payment_id = p.id),
       (SELECT coalesce(sum(g.captured_minor), 0)::bigint FROM gateway_payments g WHERE g.payment_id = p.id),
       (SELECT coalesce(sum(g.refunded_minor), 0)::bigint FROM gateway_payments g WHERE g.payment_id = p.id),
       (SELECT coalesce(sum(g.captured_minor), 0)::bigint FROM gateway_payments g
        WHERE g.payment_id = p.id AND (p.duplicate_of IS NOT NULL OR g.surplus)),
       (SELECT coalesce(sum(g.refunded_minor), 0)::bigint FROM gateway_payments g
        WHERE g.payment_id = p.id AND (p.duplicate_of IS NOT NULL OR g.surplus)),
       (SELECT coalesce(sum(e.amount_minor), 0)::bigint FROM journals j JOIN ledger_entries e ON e.journal_id = j.id
        WHERE j.payment_id = p.id AND (e.account LIKE 'gateway:%' OR e.account LIKE 'fees:%')),
       (SELECT count(*) FROM refunds r WHERE r.payment_id = p.id AND r.status IN ('requested', 'sent')),
       (SELECT count(*) FROM refunds r WHERE r.payment_id = p.id AND r.status IN ('failed', 'reversed')),
       (SELECT coalesce(array_agg(c.kind), '{}') FROM cases c WHERE c.booking_id = p.booking_id)
FROM payments p WHERE p.booking_id = ANY($1::text[])
"""
_TOLD = """
SELECT key, count(*) FILTER (WHERE type = 'payment.secured') FROM events WHERE key = ANY($1::text[]) GROUP BY key
"""
_NO_MONEY = ("created", "pending", "method_saved", "failed", "expired", "unknown", "voided")


@dataclass(frozen=True)
class Ours:
    """One payment as our database has it."""

    booking_id: str
    payment_id: str
    status: str
    counts: bool
    captured: int
    refunded: int
    secured: bool
    orders: Sequence[str] | None
    taken: int
    given_back: int
    surplus_taken: int
    surplus_given_back: int
    booked: int
    open_refunds: int
    failed_refunds: int
    cases: Sequence[str]


async def broken(stage: Stage, histories: Sequence[History], state: Mapping[str, Any]) -> dict[str, list[str]]:
    """What does not hold, in words, by booking id; "" for money at a vendor that no row of ours knows."""
    ids = [history.booking_id for history in histories]
    ours = [Ours(*row) for row in await rows(stage.database, _OURS, ids)]
    theirs = {taken.order_id: [] for vendor in AT for taken in vendor.books(state[vendor.name])}  # type: dict[str, list[Taken]]
    for vendor in AT:
        for taken in vendor.books(state[vendor.name]):
            theirs[taken.order_id].append(taken)
    found: dict[str, list[str]] = {}
    for payment in ours:
        orders = payment.orders or ()
        said = [taken for order_id in orders for taken in theirs.get(order_id, ())]
        for wrong in _of_payment(payment, said):
            found.setdefault(payment.booking_id, []).append(f"{payment.payment_id} ({payment.status}): {wrong}")
    known = {order_id for payment in ours for order_id in payment.orders or ()}
    for order_id, taken_there in theirs.items():
        if order_id not in known and any(taken.captured or taken.held for taken in taken_there):
            found.setdefault("", []).append(f"order {order_id} was paid and no row of ours has it: {taken_there}")
    told = dict(await rows(stage.database, _TOLD, ids))
    for booking_id in ids:
        mine = [payment for payment in ours if payment.booking_id == booking_id]
        counted = sum(payment.counts and payment.secured for payment in mine)
        if counted > 1 or told.get(booking_id, 0) != counted:
            words = f"{counted} payments count and {told.get(booking_id, 0)} were told"
            found.setdefault(booking_id, []).append(words)
    return found


def _of_payment(payment: Ours, said: Sequence[Taken]) -> list[str]:
    captured, refunded = sum(t.captured for t in said), sum(t.refunded for t in said)
    wrong = []
    if (payment.taken, payment.given_back) != (captured, refunded):
        wrong.append(f"ours {payment.taken} - {payment.given_back}, the vendor's {captured} - {refunded} (M-5)")
    if payment.booked != payment.taken - payment.given_back:
        wrong.append(f"the ledger has {payment.booked} (M-6)")
    if not 0 <= payment.refunded <= payment.captured:
        wrong.append("more went back than was taken (M-3)")
    if payment.surplus_taken != payment.surplus_given_back and not (payment.failed_refunds and payment.cases):
        wrong.append(f"{payment.surplus_taken - payment.surplus_given_back} too much was kept and nobody told (M-8)")
    if payment.status in _NO_MONEY and payment.captured:
        wrong.append("captured money in a state without money (M-13)")
    if payment.open_refunds:
        wrong.append("a refund is still open")
    if payment.failed_refunds and not payment.cases:
        wrong.append("a refund failed and nobody was told")
    return wrong
