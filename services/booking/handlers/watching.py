"""The paid-means-fulfilled watch: how many bookings are paid and not fulfilled, since when, and for how much."""

from __future__ import annotations

from chassis import telemetry
from chassis.work import Database
from services.booking.storage import standings


async def watch_paid_not_fulfilled(database: Database) -> int:
    """Set the gauges; a cancelled booking counts until its money is back. Returns 0, so that it runs by the clock."""
    async with database.transaction() as work:
        rows = await standings.open_sums(work)
    telemetry.PAID_NOT_FULFILLED.set(sum(row.n for row in rows))
    telemetry.PAID_NOT_FULFILLED_OLDEST_SECONDS.set(max((row.oldest for row in rows), default=0.0))
    telemetry.PAID_NOT_FULFILLED_MINOR.clear()
    for row in rows:
        telemetry.PAID_NOT_FULFILLED_MINOR.labels(row.currency).set(row.minor)
    return 0
