"""What booking said about bookings, in a projection of payment's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import orjson

from chassis.work import Work
from services.payment.domain.shares import SoldLine

_CONFIRMED = """
INSERT INTO payment_bookings AS b (booking_id, reference, status, amount_minor, currency, changed_at, lines)
SELECT u.booking_id, u.reference, 'CONFIRMED', u.amount_minor, u.currency, u.changed_at, u.lines::jsonb
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[], $6::text[])
     AS u (booking_id, reference, amount_minor, currency, changed_at, lines)
ON CONFLICT (booking_id) DO UPDATE
SET amount_minor = excluded.amount_minor, currency = excluded.currency, lines = excluded.lines
"""
_CANCELLED = """
INSERT INTO payment_bookings AS b (booking_id, reference, status, changed_at)
SELECT u.booking_id, u.reference, 'CANCELLED', u.changed_at
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS u (booking_id, reference, changed_at)
ON CONFLICT (booking_id) DO UPDATE SET status = 'CANCELLED', changed_at = excluded.changed_at
"""


async def confirm(work: Work, rows: Sequence[tuple[str, str, int, str, datetime, Sequence[SoldLine]]]) -> None:
    """Keep confirmed bookings: id, reference, minor units, currency, when, lines. A cancelled one stays cancelled."""
    lines = [orjson.dumps([asdict(line) for line in row[5]]).decode() for row in rows]
    await work.execute(_CONFIRMED, *([row[column] for row in rows] for column in range(5)), lines)


async def cancel(work: Work, rows: Sequence[tuple[str, str, datetime]]) -> None:
    """Keep cancelled bookings: id, reference, when."""
    await work.execute(_CANCELLED, *([row[column] for row in rows] for column in range(3)))
