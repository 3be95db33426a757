"""A booking with its hold, for whoever changes it: locked by the hold's row, moved with its trail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chassis.work import Row, Work

_READ = """
SELECT h.booking_id, h.reference, h.state AS hold_state, h.payment_id, h.amount_minor, h.currency, h.places,
       h.service_ends_at, c.buyer, c.lines, c.refund_policy, b.state, b.refund_percent_cap, now() AS at,
       EXISTS (SELECT 1 FROM milestones m WHERE m.booking_id = h.booking_id AND m.name = 'payment.method_saved') AS is_saved
FROM holds h JOIN hold_contents c USING (booking_id) LEFT JOIN bookings b USING (booking_id)
WHERE h.booking_id = $1
"""
_MOVE = """
WITH moved AS (
    UPDATE bookings SET state = $3, owed_minor = $5 WHERE booking_id = $1 RETURNING booking_id
)
INSERT INTO booking_transitions (booking_id, noun, moved_from, moved_to, trigger, actor, reason)
SELECT booking_id, 'booking', $2, $3, $4, $6, $7 FROM moved
"""
_RELEASE = """
WITH released AS (
    UPDATE holds SET state = 'released' WHERE booking_id = $1 RETURNING booking_id
)
INSERT INTO booking_transitions (booking_id, noun, moved_from, moved_to, trigger, actor, reason)
SELECT booking_id, 'hold', $2, 'released', 'cancelled', $3, $4 FROM released
"""
_RESCHEDULE = """
WITH held AS (
    UPDATE holds SET service_ends_at = $2 WHERE booking_id = $1
), kept AS (
    UPDATE hold_contents SET lines = $3::jsonb WHERE booking_id = $1
), capped AS (
    UPDATE bookings SET refund_percent_cap = least(refund_percent_cap, $4) WHERE booking_id = $1
)
INSERT INTO booking_transitions (booking_id, noun, moved_from, moved_to, trigger, actor)
VALUES ($1, 'slot', 'claimed', 'claimed', 'moved', $5)
"""


_FULFILLED = """
WITH done AS (SELECT booking_id FROM bookings WHERE booking_id = ANY($1::text[]) ORDER BY booking_id FOR UPDATE)
UPDATE bookings b SET fulfilled_at = now() FROM done WHERE b.booking_id = done.booking_id AND b.fulfilled_at IS NULL
"""


async def mark_fulfilled(work: Work, booking_ids: Sequence[str]) -> None:
    """Fulfillment said that all of these bookings is in place."""
    await work.execute(_FULFILLED, list(booking_ids))


async def lock(work: Work, booking_id: str) -> Row | None:
    """The hold, locked, with its booking's `state` (None while unpaid), its contents, and the database's `at`.

    Read after it is locked: one statement that waits for a lock sees only the locked row as it is by then.
    """
    await work.fetch("SELECT 1 FROM holds WHERE booking_id = $1 FOR UPDATE", booking_id)
    return await work.fetch_one(_READ, booking_id)


async def move(
    work: Work, booking: Row, to: str, trigger: str, actor: str, *, owed_minor: int | None = None, reason: str = ""
) -> None:
    """Move the locked booking to `to`; `owed_minor` is what of its money goes back."""
    await work.execute(_MOVE, booking.booking_id, booking.state, to, trigger, owed_minor, actor, reason or None)


async def release(work: Work, booking: Row, actor: str, reason: str = "") -> None:
    """Release the locked hold: nothing is kept for anybody any more."""
    await work.execute(_RELEASE, booking.booking_id, booking.hold_state, actor, reason or None)


async def reschedule(
    work: Work, booking_id: str, lines: bytes, service_ends_at: datetime, refund_percent: int, actor: str
) -> None:
    """Keep the lines (JSON) with their new times, when the last session ends by now, and that no more than
    `refund_percent` goes back from now on."""
    await work.execute(_RESCHEDULE, booking_id, service_ends_at, lines.decode(), refund_percent, actor)
