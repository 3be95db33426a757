"""What operators see of one service: outbox, tasks, dead letters and its part of a purchase's timeline."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from chassis.clock import rfc3339
from chassis.problems import Problem
from chassis.work import Work

PAGE = 100


def plain(value: Any) -> Any:
    """A column's value as JSON can have it: instants in RFC 3339 with Z, ids as text."""
    if isinstance(value, datetime):
        return rfc3339(value)
    return str(value) if isinstance(value, UUID) else value


def as_dict(row: Any) -> dict[str, Any]:
    """A row as a JSON object."""
    return {name: plain(value) for name, value in row.items()}


def readable(body: bytes | None) -> Any:
    """A body as JSON when it is, else as text with escapes, else None."""
    if body is None:
        return None
    try:
        return orjson.loads(bytes(body))
    except orjson.JSONDecodeError:
        return bytes(body)[:20_000].decode("utf-8", "backslashreplace")


_OUTBOX = """
SELECT e.id::text, e.topic, e.key, e.type, e.created_at,
       extract(epoch FROM clock_timestamp() - e.created_at)::float8 AS age_seconds
FROM outbox o JOIN events e ON e.id = o.id ORDER BY o.id LIMIT $1
"""


async def outbox(work: Work) -> dict[str, Any]:
    """How many events are unpublished, and the oldest 100."""
    total = await work.fetch_one("SELECT count(*) AS n FROM outbox")
    return {"unpublished": total.n if total else 0, "oldest": [as_dict(row) for row in await work.fetch(_OUTBOX, PAGE)]}


_TASKS = """
SELECT id::text, step, message_id, key, type, state, due_at, attempts, held_by, error_class, error_message, created_at
FROM tasks WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR step = $2) AND id > $3 ORDER BY id LIMIT $4
"""


async def tasks(work: Work, state: str | None, step: str | None, after: int) -> dict[str, Any]:
    """A page of tasks, and counts by step and state."""
    rows = await work.fetch(_TASKS, state, step, after, PAGE)
    counts = await work.fetch("SELECT step, state, count(*) AS n FROM tasks GROUP BY step, state ORDER BY step, state")
    return {
        "counts": [as_dict(row) for row in counts],
        "tasks": [as_dict(row) for row in rows],
        "next_page_token": rows[-1].id if len(rows) == PAGE else None,
    }


_LETTERS = """
SELECT id::text, step, message_id, key AS booking_id, type, disposition, attempts, episode, error_class, error_message,
       fingerprint, first_failed_at, dead_at, deadline_at, topic, partition, "offset", body,
       (SELECT count(*) FROM tasks b WHERE b.step = t.step AND b.key = t.key AND b.state = 'blocked') AS waiting_behind
FROM tasks t
WHERE state = 'dead' AND ($1::text IS NULL OR step = $1) AND ($2::text IS NULL OR $2 IN (error_class, fingerprint))
  AND ($3::text IS NULL OR key = $3) AND ($4::timestamptz IS NULL OR dead_at >= $4) AND id > $5
ORDER BY id LIMIT $6
"""


def _letter(row: Any) -> dict[str, Any]:
    item = as_dict(row)
    body = readable(item.pop("body"))
    money = body if isinstance(body, dict) else {}
    return {**item, "amount_minor": money.get("amount_minor"), "currency": money.get("currency")}


async def dead_letters(
    work: Work, step: str | None, error: str | None, booking_id: str | None, since: datetime | None, after: int
) -> dict[str, Any]:
    """A page of open dead letters by keyset, so that none is missed or shown twice while more come (F-127)."""
    rows = await work.fetch(_LETTERS, step, error, booking_id, since, after, PAGE)
    total = await work.fetch_one("SELECT count(*) AS n FROM tasks WHERE state = 'dead'")
    return {
        "total": total.n if total else 0,
        "dead_letters": [_letter(row) for row in rows],
        "next_page_token": rows[-1].id if len(rows) == PAGE else None,
    }


async def dead_letter(work: Work, task_id: int) -> dict[str, Any]:
    """One dead letter with its payload, headers, attempts and acts. Raises `not-found`."""
    row = await work.fetch_one("SELECT *, key AS booking_id FROM tasks WHERE id = $1", task_id)
    if row is None:
        raise Problem("not-found", "It was resolved or never existed; see /ops/audit.")
    attempts = await work.fetch(
        """SELECT attempt, episode, failed_at, error_class, error_message, fingerprint FROM attempts
           WHERE message_id = $1 AND step = $2 ORDER BY id""",
        row.message_id,
        row.step,
    )
    acts = await work.fetch("SELECT * FROM audit WHERE target = $1 ORDER BY id", str(task_id))
    item = as_dict(row)
    item["id"] = str(task_id)
    body = readable(item.pop("body"))
    money = body if isinstance(body, dict) else {}
    headers = orjson.loads(item.pop("headers") or "{}")
    return {
        **item,
        "amount_minor": money.get("amount_minor"),
        "currency": money.get("currency"),
        "payload": body,
        "headers": headers,
        "attempt_log": [as_dict(attempt) for attempt in attempts],
        "acts": [as_dict(act) for act in acts],
    }


_TOLD = """
SELECT e.created_at AS at, 'told' AS what, e.type, e.event_id::text AS message_id, e.topic, p.partition, p."offset",
       p.published_at FROM events e LEFT JOIN publications p ON p.id = e.id WHERE e.key = $1
"""
_TAKEN = """
SELECT i.taken_at AS at, 'taken' AS what, i.step, i.message_id::text, i.topic,
       coalesce(i.partition, p.partition) AS partition, coalesce(i."offset", p."offset") AS "offset"
FROM inbox i LEFT JOIN events e ON e.key = $3 AND e.event_id = i.message_id LEFT JOIN publications p ON p.id = e.id
WHERE i.message_id = ANY($1::uuid[]) AND i.step = ANY($2::text[])
"""  # a step that followed took its message before it lay in Kafka
_WAITING = """
SELECT coalesce(dead_at, created_at) AS at, state AS what, step, type, message_id::text, attempts, error_class, topic,
       partition, "offset", id::text AS task_id FROM tasks WHERE key = $1
"""
_FAILED = """
SELECT a.failed_at AS at, 'attempt failed' AS what, a.step, a.message_id::text, a.attempt, a.error_class, a.error_message
FROM attempts a WHERE a.message_id = ANY($1::uuid[])
"""
_ACTS = "SELECT at, action AS what, actor, reason, target FROM audit WHERE booking_id = $1"


async def timeline(work: Work, booking_id: str, steps: list[str], messages: list[UUID]) -> list[dict[str, Any]]:
    """This service's part of the journey: told, taken, failed, waiting, acted upon, in order of time.

    `messages` are ids told by other services, so that what was taken of them shows here too.
    """
    told = await work.fetch(_TOLD, booking_id)
    waiting = await work.fetch(_WAITING, booking_id)
    ids = [*messages, *(UUID(row.message_id) for row in [*told, *waiting])]
    taken = await work.fetch(_TAKEN, ids, steps, booking_id)
    others = [*await work.fetch(_FAILED, ids), *await work.fetch(_ACTS, booking_id)]
    return sorted(map(as_dict, [*told, *taken, *waiting, *others]), key=lambda row: str(row["at"]))
