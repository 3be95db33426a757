"""Pruning: what is old enough to go. The inbox outlives the topics, so that no replayed record finds it empty (K-7)."""

from __future__ import annotations

from chassis.work import Database
from contracts.topics import ALL_TOPICS, DEAD_LETTER_RETENTION_MS

_ROWS_PER_PASS = 5000
_DAY_MS = 86_400_000
# Ids are given in the order of time: only the oldest are looked at, so that a pass that finds nothing costs nothing, however
# many young rows there are. Inbox and keys have an index of their times.
_OLDEST = """
DELETE FROM {table} t WHERE t.id IN (
    SELECT oldest.id FROM (SELECT id, {at} FROM {table} ORDER BY id LIMIT $2) AS oldest
    WHERE oldest.{at} < now() - make_interval(days => $1))
"""
STATEMENTS = (
    """DELETE FROM inbox WHERE (step, message_id) IN
       (SELECT step, message_id FROM inbox WHERE taken_at < now() - make_interval(days => $1) LIMIT $2)""",
    _OLDEST.format(table="events", at="created_at") + " AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.id = t.id)",  # noqa: S608
    _OLDEST.format(table="publications", at="published_at"),
    _OLDEST.format(table="attempts", at="failed_at"),
    """DELETE FROM idempotency_keys WHERE (caller, route, key) IN
       (SELECT caller, route, key FROM idempotency_keys WHERE created_at < now() - make_interval(days => $1) LIMIT $2)""",
)


async def prune(database: Database, retention_days: float) -> int:
    """Delete up to 5,000 rows of each table older than `retention_days`; returns how many went.

    Raises `ValueError` when that is shorter than any topic's retention.
    """
    longest = max(topic.retention_ms for topic in ALL_TOPICS if topic.retention_ms <= DEAD_LETTER_RETENTION_MS)
    if retention_days * _DAY_MS < longest:
        raise ValueError(f"retention of {retention_days} days is shorter than a topic's {longest / _DAY_MS:g}")
    gone = 0
    async with database.transaction() as work:
        alone = await work.fetch_one("SELECT pg_try_advisory_xact_lock(hashtext('payfirst-prune')) AS ok")
        if alone is None or not alone.ok:
            return 0
        for statement in STATEMENTS:
            gone += await work.execute(statement, int(retention_days), _ROWS_PER_PASS)
    return gone
