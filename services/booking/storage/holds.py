"""Holds and bookings: read for a decision under lock, written for a whole batch in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from chassis.work import Work
from contracts.payment_events import PaymentSecured


async def create(work: Work, hold: dict[str, Any], hold_seconds: int) -> Any:
    """Write a new hold; its deadline is the database's now plus `hold_seconds`. Returns `expires_at`.

    `service_ends_at` is when the last of its sessions ends, None for what has no time of its own.
    """
    row = await work.fetch_one(
        """WITH made AS (
               INSERT INTO holds (booking_id, reference, cart_id, state, places, amount_minor, currency, capture_policy,
                                  service_ends_at, expires_at)
               VALUES ($1, $2, $3, 'held', $6::jsonb, $7, $8, $9, $12,
                       date_trunc('second', now()) + make_interval(secs => $11))
               RETURNING expires_at
           ), kept AS (
               INSERT INTO hold_contents (booking_id, buyer, lines, refund_policy)
               VALUES ($1, $4::jsonb, $5::jsonb, $10::jsonb)
           ), moved AS (
               INSERT INTO booking_transitions (booking_id, noun, moved_to, trigger) VALUES ($1, 'hold', 'held', 'checkout')
           )
           SELECT expires_at FROM made""",
        hold["booking_id"],
        hold["reference"],
        hold["cart_id"],
        orjson.dumps(hold["buyer"]).decode(),
        orjson.dumps(hold["lines"]).decode(),
        orjson.dumps(hold["places"]).decode(),
        hold["amount_minor"],
        hold["currency"],
        hold["capture_policy"],
        orjson.dumps(hold["refund_policy"]).decode(),
        float(hold_seconds),
        hold["service_ends_at"],
    )
    assert row is not None
    return row.expires_at


async def find(work: Work, booking_id: str) -> Any | None:
    """A hold's row with its booking's state, or None."""
    return await work.fetch_one(
        """SELECT h.*, c.buyer, c.lines, b.state AS booking_state, b.secured_as, b.confirmed_at, b.owed_minor,
                  now() AS at
           FROM holds h JOIN hold_contents c USING (booking_id) LEFT JOIN bookings b USING (booking_id)
           WHERE h.booking_id = $1""",
        booking_id,
    )


_LOCK = """
SELECT h.booking_id, h.reference, h.state, c.buyer, c.lines, h.places, h.amount_minor, h.currency, h.payment_id,
       h.expires_at, h.service_ends_at
FROM holds h JOIN hold_contents c USING (booking_id)
WHERE h.booking_id = ANY($1::text[]) ORDER BY h.booking_id FOR UPDATE OF h
"""


async def lock_many(work: Work, booking_ids: list[str]) -> dict[str, Any]:
    """The holds of `booking_ids`, locked in order of id."""
    return {row.booking_id: row for row in await work.fetch(_LOCK, booking_ids)}


_CONFIRM = """
WITH paid AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS p (booking_id, payment_id, was, secured_as)
), converted AS (
    UPDATE holds h SET state = 'converted', payment_id = p.payment_id
    FROM paid p WHERE h.booking_id = p.booking_id AND h.booking_id = ANY($1::text[])
    RETURNING h.booking_id, h.reference, h.payment_id, h.amount_minor, h.currency
), moved AS (
    INSERT INTO booking_transitions (booking_id, noun, moved_from, moved_to, trigger)
    SELECT booking_id, 'hold', was, 'converted', 'paid' FROM paid
    UNION ALL SELECT booking_id, 'booking', NULL, 'confirmed', 'paid' FROM paid
)
INSERT INTO bookings (booking_id, reference, payment_id, state, amount_minor, currency, secured_as)
SELECT c.booking_id, c.reference, c.payment_id, 'confirmed', c.amount_minor, c.currency, p.secured_as
FROM converted c JOIN paid p ON p.booking_id = c.booking_id
"""


async def confirm_many(work: Work, confirmed: Sequence[tuple[str, str, str, str]]) -> None:
    """Make bookings of the holds in `confirmed` (booking id, payment id, state before, secured as), all in one statement."""
    columns = list(zip(*confirmed, strict=True))
    await work.execute(_CONFIRM, *(list(column) for column in columns))


_EXTEND = """
WITH longer AS (
    UPDATE holds h SET expires_at = u.expires_at FROM unnest($1::text[], $2::timestamptz[]) AS u (booking_id, expires_at)
    WHERE h.booking_id = u.booking_id RETURNING h.booking_id
)
INSERT INTO booking_transitions (booking_id, noun, moved_from, moved_to, trigger)
SELECT booking_id, 'hold', 'held', 'held', 'method_saved' FROM longer
"""


async def extend_many(work: Work, extended: Sequence[tuple[str, datetime]]) -> None:
    """Let the holds in `extended` (booking id, new deadline), which are held and locked, keep their places longer."""
    await work.execute(_EXTEND, [booking_id for booking_id, _ in extended], [until for _, until in extended])


_EXPIRE = """
WITH due AS (
    SELECT booking_id FROM holds WHERE state = 'held' AND expires_at <= now()
    ORDER BY booking_id LIMIT $1 FOR UPDATE SKIP LOCKED
), expired AS (
    UPDATE holds h SET state = 'expired' FROM due WHERE h.booking_id = due.booking_id
    RETURNING h.booking_id, h.places
), moved AS (
    INSERT INTO booking_transitions (booking_id, noun, moved_from, moved_to, trigger)
    SELECT booking_id, 'hold', 'held', 'expired', 'deadline_passed' FROM expired
)
SELECT booking_id, places FROM expired ORDER BY booking_id
"""


async def expire_many(work: Work, limit: int) -> Sequence[Any]:
    """Expire up to `limit` holds whose deadline has passed by the database's clock; returns them."""
    return await work.fetch(_EXPIRE, limit)


async def keep_unbooked(work: Work, paid: PaymentSecured, refund_key: str) -> None:
    """Keep money that bought nothing and goes back under `refund_key`; a payment that is kept already stays."""
    await work.execute(
        """INSERT INTO unbooked_payments (payment_id, booking_id, refund_key, amount_minor, currency, secured_as)
           VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (payment_id) DO NOTHING""",
        paid.payment_id,
        paid.booking_id,
        refund_key,
        paid.amount_minor,
        paid.currency,
        paid.secured_as,
    )


async def goes_back(work: Work, payment_id: str) -> bool:
    """Whether this payment bought nothing and its money is owed back."""
    return await work.fetch_one("SELECT 1 FROM unbooked_payments WHERE payment_id = $1", payment_id) is not None


async def open_case(work: Work, kind: str, booking_id: str, detail: dict[str, Any]) -> None:
    """Put something before a person, with a day to decide."""
    await work.execute(
        "INSERT INTO cases (kind, booking_id, detail) VALUES ($1, $2, $3::jsonb)",
        kind,
        booking_id,
        orjson.dumps(detail).decode(),
    )
