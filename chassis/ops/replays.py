"""Bulk replay: a filter frozen to ids, sent in waves of 1, 5, 25 and the rest, stopped when they come back dead."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson

from chassis.ids import uuid7
from chassis.ops import letters
from chassis.ops.letters import Act
from chassis.problems import Problem
from chassis.work import Database, Work

WAVES = (1, 5, 25)
REST_PER_WAVE = 500
STOP_SHARE = 0.2

_FREEZE = """
WITH chosen AS (
    SELECT id, episode, row_number() OVER (ORDER BY id) AS position FROM tasks
    WHERE state = 'dead' AND ($2::text IS NULL OR step = $2) AND ($3::text IS NULL OR fingerprint = $3)
      AND ($4::text IS NULL OR error_class = $4) AND ($5::text IS NULL OR key = $5)
      AND ($6::timestamptz IS NULL OR dead_at >= $6)
    ORDER BY id LIMIT 100000
)
INSERT INTO replay_items (replay_id, task_id, episode, position) SELECT $1, id, episode, position FROM chosen
"""


async def begin(work: Work, act: Act, chosen: dict[str, Any], since: Any) -> dict[str, Any]:
    """Freeze the dead letters that `chosen` (step, fingerprint, error, booking_id) names; they go in waves."""
    replay_id = uuid7()
    await work.execute(
        "INSERT INTO replays (id, requested_by, reason, filter, state) VALUES ($1, $2, $3, $4::jsonb, 'running')",
        replay_id,
        act.actor,
        act.reason,
        orjson.dumps(chosen, default=str).decode(),
    )
    count = await work.execute(
        _FREEZE,
        replay_id,
        chosen.get("step"),
        chosen.get("fingerprint"),
        chosen.get("error"),
        chosen.get("booking_id"),
        since,
    )
    await letters.record(work, act, "replay-many", str(replay_id), chosen.get("booking_id"), {"count": count, **chosen})
    return {"id": str(replay_id), "state": "running", "count": count}


async def show(work: Work, replay_id: UUID) -> dict[str, Any]:
    """A bulk replay's progress by outcome. Raises `not-found`."""
    row = await work.fetch_one("SELECT * FROM replays WHERE id = $1", replay_id)
    if row is None:
        raise Problem("not-found", "There is no such replay.")
    counts = await work.fetch(
        "SELECT coalesce(outcome, 'waiting') AS outcome, count(*) AS n FROM replay_items WHERE replay_id = $1 GROUP BY 1",
        replay_id,
    )
    return {
        "id": str(row.id),
        "state": row.state,
        "wave": row.wave,
        "reason": row.reason,
        "requested_by": row.requested_by,
        "created_at": row.created_at.isoformat(),
        "outcomes": {item.outcome: item.n for item in counts},
    }


async def advance_replays(database: Database) -> int:
    """Send the next wave of every running replay whose last wave has come back; returns how many letters were sent."""
    sent = 0
    async with database.transaction() as work:
        running = await work.fetch("SELECT * FROM replays WHERE state = 'running' ORDER BY id FOR UPDATE SKIP LOCKED")
        for replay in running:
            sent += await _advance(work, replay)
    return sent


_STATUS = """
SELECT count(*) FILTER (WHERE outcome = 'sent') AS flying, count(*) FILTER (WHERE outcome IS NULL) AS waiting,
       count(*) FILTER (WHERE outcome = 'dead_again') AS dead_again,
       count(*) FILTER (WHERE outcome IN ('succeeded', 'dead_again')) AS ended
FROM replay_items WHERE replay_id = $1
"""
_SEND = """
WITH wave AS (
    SELECT task_id, episode FROM replay_items WHERE replay_id = $1 AND outcome IS NULL ORDER BY position LIMIT $2
), locked AS (
    SELECT t.id FROM tasks t JOIN wave w ON t.id = w.task_id AND t.episode = w.episode WHERE t.state = 'dead'
    ORDER BY t.id FOR UPDATE OF t
), revived AS (
    UPDATE tasks t SET state = 'ready', episode = t.episode + 1, attempts = 0, interruptions = 0, due_at = now(),
           disposition = NULL, dead_at = NULL
    FROM locked WHERE t.id = locked.id AND t.state = 'dead' RETURNING t.id, t.key
), noted AS (
    INSERT INTO audit (actor, action, target, booking_id, reason)
    SELECT $3, 'replay', id::text, key, $4 FROM revived
)
UPDATE replay_items i
SET outcome = CASE WHEN i.task_id IN (SELECT id FROM revived) THEN 'sent' ELSE 'stale' END
FROM wave w WHERE i.replay_id = $1 AND i.task_id = w.task_id
"""


async def _advance(work: Work, replay: Any) -> int:
    status = await work.fetch_one(_STATUS, replay.id)
    if status is None or status.flying:
        return 0
    end = None
    if status.ended and status.dead_again / status.ended > STOP_SHARE:
        end = "stopped"
    elif not status.waiting:
        end = "done"
    if end is not None:
        await work.execute("UPDATE replays SET state = $2, finished_at = now() WHERE id = $1", replay.id, end)
        return 0
    size = WAVES[replay.wave] if replay.wave < len(WAVES) else REST_PER_WAVE
    await work.execute(_SEND, replay.id, size, replay.requested_by, replay.reason)
    await work.execute("UPDATE replays SET wave = wave + 1 WHERE id = $1", replay.id)
    return min(size, int(status.waiting))
