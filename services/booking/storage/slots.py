"""Slots: claims on experts' times. Who claims locks the experts first, in order of id, so that a loser is told cleanly; the
exclusion constraint is the net below."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from chassis.work import Row, Work
from services.booking.domain.offers import Slot

_LOCK_EXPERTS = "SELECT 1 FROM experts WHERE expert_id = ANY($1::text[]) ORDER BY expert_id FOR NO KEY UPDATE"
_CLAIM = """
INSERT INTO slots (booking_id, line_id, expert_id, starts_at, ends_at)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[])
    AS u (line_id, expert_id, starts_at, ends_at)
WHERE NOT EXISTS (SELECT 1 FROM slots s WHERE s.state = 'claimed' AND s.expert_id = u.expert_id
                    AND tstzrange(s.starts_at, s.ends_at) && tstzrange(u.starts_at, u.ends_at))
"""
_TAKE_AGAIN = """
WITH again AS (
    UPDATE slots f SET state = 'claimed' WHERE f.booking_id = $1 AND f.state = 'freed' AND f.starts_at > now()
      AND NOT EXISTS (SELECT 1 FROM slots s WHERE s.state = 'claimed' AND s.expert_id = f.expert_id
                        AND tstzrange(s.starts_at, s.ends_at) && tstzrange(f.starts_at, f.ends_at))
    RETURNING f.booking_id
), noted AS (
    INSERT INTO booking_transitions (booking_id, noun, moved_from, moved_to, trigger)
    SELECT booking_id, 'slot', 'freed', 'claimed', 'taken_again' FROM again
)
SELECT count(*)::int AS taken FROM again
"""
_FREE = """
WITH given_up AS (
    UPDATE slots SET state = 'freed' WHERE booking_id = ANY($1::text[]) AND state = 'claimed' RETURNING booking_id
)
INSERT INTO booking_transitions (booking_id, noun, moved_from, moved_to, trigger)
SELECT booking_id, 'slot', 'claimed', 'freed', 'given_up' FROM given_up
"""
_MOVE = """
UPDATE slots m SET starts_at = $3, ends_at = $4, late_moves = late_moves + $5::int
WHERE m.booking_id = $1 AND m.line_id = $2 AND m.state = 'claimed' AND NOT EXISTS (
    SELECT 1 FROM slots s WHERE s.state = 'claimed' AND s.expert_id = m.expert_id AND s.line_id <> m.line_id
       AND tstzrange(s.starts_at, s.ends_at) && tstzrange($3, $4))
"""
_END = """
WITH over AS (
    UPDATE slots SET state = 'ended', outcome = $3 WHERE booking_id = $1 AND line_id = ANY($2::text[]) AND state = 'claimed'
    RETURNING booking_id
)
INSERT INTO booking_transitions (booking_id, noun, moved_from, moved_to, trigger, actor)
SELECT booking_id, 'slot', 'claimed', 'ended', 'session_ended', $4 FROM over
"""


async def claim(work: Work, booking_id: str, wanted: Sequence[Slot]) -> bool:
    """Claim every slot of `wanted` for the booking; False when one overlaps another claim (roll back then)."""
    await _lock_experts(work, [slot.expert_id for slot in wanted])
    made = await work.execute(
        _CLAIM,
        booking_id,
        [slot.line_id for slot in wanted],
        [slot.expert_id for slot in wanted],
        [slot.starts_at for slot in wanted],
        [slot.ends_at for slot in wanted],
    )
    return made == len(wanted)


async def of_booking(work: Work, booking_id: str, *, lock: bool = False) -> Sequence[Row]:
    """The slots of a booking in order of time. Lock them only after the booking's hold."""
    return await work.fetch(
        f"SELECT * FROM slots WHERE booking_id = $1 ORDER BY starts_at, line_id{' FOR UPDATE' if lock else ''}",  # noqa: S608
        booking_id,
    )


async def take_again(work: Work, booking_id: str) -> bool:
    """Claim the booking's freed slots again; False when one is past or somebody else's by now, then none is claimed."""
    mine = [row for row in await of_booking(work, booking_id) if row.state == "freed"]
    if not mine:
        return True
    await _lock_experts(work, [row.expert_id for row in mine])
    row = await work.fetch_one(_TAKE_AGAIN, booking_id)
    if row is not None and row.taken == len(mine):
        return True
    await free_many(work, [booking_id])
    return False


async def free_many(work: Work, booking_ids: Sequence[str]) -> None:
    """Give up what these bookings claim and was not given yet."""
    await work.execute(_FREE, list(booking_ids))


async def move(work: Work, slot: Row, starts_at: datetime, ends_at: datetime, *, late: bool) -> bool:
    """Move a claimed slot; False when the new time overlaps another claim on the expert's time."""
    await _lock_experts(work, [slot.expert_id])
    return await work.execute(_MOVE, slot.booking_id, slot.line_id, starts_at, ends_at, int(late)) == 1


async def end(work: Work, booking_id: str, line_ids: Sequence[str], outcome: str, actor: str) -> None:
    """The sessions in these slots are over, as `actor` said (`time` when nobody said anything)."""
    await work.execute(_END, booking_id, list(line_ids), outcome, actor)


async def contest(work: Work, booking_id: str, line_ids: Sequence[str]) -> Sequence[str]:
    """The buyer contests these sessions; returns the ones that were not contested before, in order."""
    rows = await work.fetch(
        """UPDATE slots SET contested_at = now() WHERE booking_id = $1 AND line_id = ANY($2::text[])
             AND contested_at IS NULL RETURNING line_id""",
        booking_id,
        list(line_ids),
    )
    return sorted(row.line_id for row in rows)


async def over_since(work: Work, wait: timedelta, limit: int) -> Sequence[str]:
    """Bookings that are paid and have a claimed slot, contested by nobody, whose end is longer than `wait` ago."""
    rows = await work.fetch(
        """SELECT DISTINCT s.booking_id FROM slots s JOIN bookings b USING (booking_id)
           WHERE s.state = 'claimed' AND s.contested_at IS NULL AND s.ends_at <= now() - $1::interval AND b.state IN ('confirmed', 'in_progress')
           ORDER BY s.booking_id LIMIT $2""",
        wait,
        limit,
    )
    return [row.booking_id for row in rows]


async def _lock_experts(work: Work, expert_ids: Sequence[str]) -> None:
    await work.fetch(_LOCK_EXPERTS, sorted(set(expert_ids)))
