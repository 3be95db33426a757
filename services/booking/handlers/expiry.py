"""Unpaid holds whose deadline has passed give their places back."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import orjson

from chassis.work import Database
from contracts.booking_events import HoldExpired
from services.booking.storage import holds, offers, slots

_BATCH = 500


async def expire_holds(database: Database) -> int:
    """Expire one batch; safe beside other processes and beside a payment that arrives at the same moment."""
    async with database.transaction() as work:
        expired = await holds.expire_many(work, _BATCH)
        freed: Counter[str] = Counter()
        for row in expired:
            freed.update(orjson.loads(row.places))
            work.tell(HoldExpired(booking_id=row.booking_id, expired_at=datetime.now(UTC)))
        await offers.give_places_back(work, dict(freed))
        if expired:
            await slots.free_many(work, [row.booking_id for row in expired])
    return len(expired)
