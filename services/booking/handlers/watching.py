"""The paid-means-fulfilled watch: how many bookings are paid and not fulfilled, since when, and for how much."""

from __future__ import annotations

from chassis import telemetry
from chassis.work import Database

_WATCH = """
SELECT b.currency, count(*) AS n, sum(b.amount_minor)::bigint AS minor,
       extract(epoch FROM now() - min(b.confirmed_at))::float8 AS oldest
FROM bookings b
WHERE b.state = 'confirmed' AND b.confirmed_at > now() - interval '30 days'
  AND NOT EXISTS (SELECT 1 FROM milestones m WHERE m.booking_id = b.booking_id AND m.name = 'fulfillment.completed')
GROUP BY b.currency
"""


async def watch_paid_not_fulfilled(database: Database) -> int:
    """Set the gauges; returns 0, so that it runs by the clock."""
    async with database.transaction() as work:
        rows = await work.fetch(_WATCH)
    telemetry.PAID_NOT_FULFILLED.set(sum(row.n for row in rows))
    telemetry.PAID_NOT_FULFILLED_OLDEST_SECONDS.set(max((row.oldest for row in rows), default=0.0))
    telemetry.PAID_NOT_FULFILLED_MINOR.clear()
    for row in rows:
        telemetry.PAID_NOT_FULFILLED_MINOR.labels(row.currency).set(row.minor)
    return 0
