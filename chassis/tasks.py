"""Tasks: rows that say "this step still has to run this message" — retries, calls, timers and dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import orjson

from chassis.outcomes import Failure

if TYPE_CHECKING:
    from chassis.work import Database, Row, Work


@dataclass(slots=True)
class NewTask:
    """A task to be written. `state` is `ready`, `blocked`, `held` or `dead`; a failed one carries its failure."""

    step: str
    message_id: UUID
    key: str
    type: str
    body: bytes | None
    state: str = "ready"
    due_in_seconds: float = 0.0
    attempts: int = 0
    headers: dict[str, str] | None = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    traceparent: str | None = None
    held_by: str | None = None
    disposition: str | None = None
    failure: Failure | None = None
    deadline_seconds: float | None = None


_INSERT = """
INSERT INTO tasks (step, message_id, key, type, body, headers, topic, partition, "offset", traceparent, state, due_at,
                   attempts, held_by, disposition, error_class, error_message, fingerprint, first_failed_at, dead_at,
                   deadline_at)
SELECT t.step, t.message_id, t.key, t.type, t.body, t.headers, t.topic, t.partition, t.position, t.traceparent, t.state,
       now() + make_interval(secs => t.due_in_seconds), t.attempts, t.held_by, t.disposition, t.error_class,
       t.error_message, t.fingerprint, CASE WHEN t.error_class IS NOT NULL THEN now() END,
       CASE WHEN t.state = 'dead' THEN now() END, now() + make_interval(secs => t.deadline_seconds)
FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::jsonb[], $7::text[], $8::int[], $9::bigint[],
            $10::text[], $11::text[], $12::float8[], $13::int[], $14::text[], $15::text[], $16::text[], $17::text[],
            $18::text[], $19::float8[])
     AS t (step, message_id, key, type, body, headers, topic, partition, position, traceparent, state, due_in_seconds,
           attempts, held_by, disposition, error_class, error_message, fingerprint, deadline_seconds)
ON CONFLICT (step, message_id) DO NOTHING
"""


async def insert(work: Work, new: Sequence[NewTask]) -> None:
    """Write `new` in order; one that the step already has for its message id is left as it is."""
    await work.execute(
        _INSERT,
        [t.step for t in new],
        [t.message_id for t in new],
        [t.key for t in new],
        [t.type for t in new],
        [t.body for t in new],
        [None if t.headers is None else orjson.dumps(t.headers).decode() for t in new],
        [t.topic for t in new],
        [t.partition for t in new],
        [t.offset for t in new],
        [t.traceparent for t in new],
        [t.state for t in new],
        [t.due_in_seconds for t in new],
        [t.attempts for t in new],
        [t.held_by for t in new],
        [t.disposition for t in new],
        [t.failure.error_class if t.failure else None for t in new],
        [t.failure.message if t.failure else None for t in new],
        [t.failure.fingerprint if t.failure else None for t in new],
        [t.deadline_seconds for t in new],
    )


_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT t.id FROM unnest($1::text[], $2::int[]) AS w (step, room) CROSS JOIN LATERAL (
        SELECT id FROM tasks WHERE step = w.step AND state IN ('ready', 'held') AND due_at <= now()
        ORDER BY due_at, id LIMIT w.room FOR UPDATE SKIP LOCKED
    ) AS t
)
UPDATE tasks t
SET state = 'running', lease_token = $3, lease_until = now() + make_interval(secs => $4), held_by = NULL
FROM due WHERE t.id = due.id RETURNING t.*
"""


async def claim(database: Database, rooms: dict[str, int], token: UUID, lease_seconds: float) -> list[Row]:
    """Take due tasks under the lease `token`, of each step as many as `rooms` says at most; in order of age."""
    rows = await database.alone(_CLAIM, list(rooms), list(rooms.values()), token, lease_seconds)
    return sorted(rows, key=lambda row: row.id)


_RENEW = """
UPDATE tasks SET lease_until = now() + make_interval(secs => $2)
WHERE state = 'running' AND lease_token = ANY($1::uuid[]) RETURNING id
"""


async def renew(database: Database, tokens: list[UUID], lease_seconds: float) -> int:
    """Keep the leases `tokens`; returns how many tasks they still hold."""
    return len(await database.alone(_RENEW, tokens, lease_seconds))


_RECOVER = """
WITH lost AS (
    SELECT id FROM tasks WHERE state = 'running' AND lease_until < now() ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED
)
UPDATE tasks t
SET state = 'ready', lease_token = NULL, lease_until = NULL, interruptions = interruptions + 1,
    due_at = now() + make_interval(secs => least(interruptions * 0.5, 30))
FROM lost WHERE t.id = lost.id RETURNING t.id
"""
_UNBLOCK_ORPHANS = """
UPDATE tasks t SET state = 'ready', due_at = now()
FROM (SELECT DISTINCT ON (step, key) id FROM tasks WHERE state = 'blocked' ORDER BY step, key, id) head
WHERE t.id = head.id AND t.state = 'blocked'
  AND NOT EXISTS (SELECT 1 FROM tasks p WHERE p.step = t.step AND p.key = t.key AND p.id < t.id)
RETURNING t.id
"""


async def recover(database: Database) -> int:
    """Give back the tasks of workers that died, and free blocked tasks with nobody before them; returns how many."""
    return len(await database.alone(_RECOVER)) + len(await database.alone(_UNBLOCK_ORPHANS))


async def hold(work: Work, ids: list[int], tokens: list[UUID]) -> set[int]:
    """The ids of those tasks that are still leased, each under its token; nobody takes them while `work` lasts."""
    rows = await work.fetch(
        """SELECT t.id FROM tasks t JOIN unnest($1::bigint[], $2::uuid[]) AS mine (id, token)
           ON t.id = mine.id AND t.lease_token = mine.token ORDER BY t.id FOR SHARE OF t""",
        ids,
        tokens,
    )
    return {row.id for row in rows}


_FINISH = """
DELETE FROM tasks t USING unnest($1::bigint[], $2::uuid[]) AS mine (id, token)
WHERE t.id = mine.id AND t.lease_token = mine.token RETURNING t.id, t.step, t.key, t.message_id, t.episode
"""


async def finish(work: Work, ids: list[int], tokens: list[UUID]) -> set[int]:
    """Delete finished tasks that are still leased, each under its token; returns the ids that were.

    Called before the effect: the row lock keeps a zombie's effect out of the same transaction.
    """
    rows = await work.fetch(_FINISH, ids, tokens)
    replayed = [row for row in rows if row.episode > 0]
    if replayed:
        await work.execute(
            """INSERT INTO audit (actor, action, target, reason)
               SELECT 'system', 'replay-succeeded', t.target, 'the replayed task ran' FROM unnest($1::text[]) AS t (target)""",
            [str(row.id) for row in replayed],
        )
        await work.execute(
            "UPDATE replay_items SET outcome = 'succeeded' WHERE task_id = ANY($1::bigint[]) AND outcome = 'sent'",
            [row.id for row in replayed],
        )
    return {row.id for row in rows}


_FREE_NEXT = """
UPDATE tasks t SET state = 'ready', due_at = now()
FROM (
    SELECT DISTINCT ON (b.step, b.key) b.id FROM tasks b
    JOIN unnest($1::text[], $2::text[]) AS done (step, key) ON b.step = done.step AND b.key = done.key
    ORDER BY b.step, b.key, b.id
) head
WHERE t.id = head.id AND t.state = 'blocked'
"""


async def free_next(work: Work, pairs: set[tuple[str, str]]) -> int:
    """Make the oldest blocked task of each (step, key) ready, when nothing is before it; returns how many."""
    ordered = sorted(pairs)
    return await work.execute(_FREE_NEXT, [step for step, _ in ordered], [key for _, key in ordered])


_POSTPONE = """
UPDATE tasks SET state = $3, due_at = now() + make_interval(secs => $4), attempts = attempts + $5, held_by = $6,
       lease_token = NULL, lease_until = NULL, error_class = coalesce($7, error_class),
       error_message = coalesce($8, error_message), fingerprint = coalesce($9, fingerprint),
       first_failed_at = CASE WHEN $7::text IS NULL THEN first_failed_at ELSE coalesce(first_failed_at, now()) END
WHERE id = $1 AND lease_token = $2
"""


async def postpone(
    work: Work, task_id: int, token: UUID, due_in_seconds: float, failure: Failure | None, held_by: str | None = None
) -> bool:
    """Try `task_id` again later: after a `failure` (spends an attempt) or held (spends none). False if the lease is gone."""
    touched = await work.execute(
        _POSTPONE,
        task_id,
        token,
        "held" if held_by else "ready",
        due_in_seconds,
        0 if failure is None else 1,
        held_by,
        failure.error_class if failure else None,
        failure.message if failure else None,
        failure.fingerprint if failure else None,
    )
    return touched == 1


_BURY = """
UPDATE tasks SET state = 'dead', disposition = $3, attempts = attempts + 1, error_class = $4, error_message = $5,
       fingerprint = $6, first_failed_at = coalesce(first_failed_at, now()), dead_at = now(), lease_token = NULL,
       lease_until = NULL, deadline_at = coalesce(deadline_at, now() + make_interval(secs => $7))
WHERE id = $1 AND lease_token = $2
RETURNING *
"""


async def bury(
    work: Work, task_id: int, token: UUID, disposition: str, failure: Failure, deadline_seconds: float | None
) -> Row | None:
    """Make `task_id` a dead letter; returns its row, or None if the lease is gone."""
    row = await work.fetch_one(
        _BURY, task_id, token, disposition, failure.error_class, failure.message, failure.fingerprint, deadline_seconds
    )
    if row is not None and row.episode > 0:
        await work.execute(
            "UPDATE replay_items SET outcome = 'dead_again' WHERE task_id = $1 AND outcome = 'sent'", task_id
        )
    return row


async def record_attempt(work: Work, step: str, message_id: UUID, attempt: int, episode: int, failure: Failure) -> None:
    """Keep what went wrong in one attempt: the story that a dead letter tells."""
    await work.execute(
        """INSERT INTO attempts (step, message_id, attempt, episode, error_class, error_message, fingerprint)
           VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        step,
        message_id,
        attempt,
        episode,
        failure.error_class,
        failure.message,
        failure.fingerprint,
    )
