"""Pruning: what is old goes, what is young or unpublished stays, and a pass that finds nothing does not read everything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chassis.pruning import STATEMENTS, prune
from chassis.testing import fresh_database
from chassis.work import Database

pytestmark = pytest.mark.db
DAYS = 60


@pytest_asyncio.fixture
async def database(postgres_server: Any, tmp_path: Path) -> AsyncIterator[Database]:
    """The chassis' own tables."""
    async with fresh_database(postgres_server, tmp_path) as made:
        yield made


async def fill(database: Database, rows: int, days_old: int, key: str) -> None:
    """So many rows of each table, so old; events are published."""
    at = f"now() - interval '{days_old} days'"
    async with database.transaction() as work:
        for sql in (
            f"INSERT INTO inbox (step, message_id, digest, taken_at) SELECT 's', gen_random_uuid(), 7, {at} FROM generate_series(1, $1)",
            f"""INSERT INTO events (event_id, topic, key, type, created_at)
                SELECT gen_random_uuid(), 't', '{key}', 'k', {at} FROM generate_series(1, $1)""",
            f"""INSERT INTO publications (id, partition, "offset", published_at)
                SELECT id, 0, id, {at} FROM events WHERE key = '{key}' ORDER BY id LIMIT $1""",
            f"""INSERT INTO attempts (step, message_id, attempt, episode, error_class, error_message, fingerprint, failed_at)
                SELECT 's', gen_random_uuid(), 1, 1, 'E', 'e', 'f', {at} FROM generate_series(1, $1)""",
            f"""INSERT INTO idempotency_keys (caller, route, key, request_digest, created_at)
                SELECT '{key}', 'r', n::text, '', {at} FROM generate_series(1, $1) AS n""",
        ):
            await work.execute(sql, rows)


async def counts(database: Database) -> list[int]:
    """Rows of inbox, events, publications, attempts and keys."""
    tables = ("inbox", "events", "publications", "attempts", "idempotency_keys")
    async with database.transaction() as work:
        return [(await work.fetch(f"SELECT count(*) AS n FROM {table}"))[0].n for table in tables]


async def test_what_is_old_goes_and_what_is_young_stays(database: Database) -> None:
    await fill(database, 30, DAYS + 1, "old")
    await fill(database, 20, DAYS - 1, "young")
    assert await prune(database, DAYS) == 150
    assert await counts(database) == [20] * 5
    assert await prune(database, DAYS) == 0


async def test_an_event_that_is_not_published_stays_however_old(database: Database) -> None:
    await fill(database, 5, DAYS + 1, "old")
    async with database.transaction() as work:
        await work.execute("INSERT INTO outbox (id) SELECT min(id) FROM events")
    await prune(database, DAYS)
    assert (await counts(database))[1] == 1


async def test_less_than_a_topic_s_retention_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="shorter than a topic"):
        await prune(database, 7)


async def test_a_pass_that_finds_nothing_reads_the_oldest_only(database: Database) -> None:
    await fill(database, 20_000, 1, "young")
    async with database.transaction() as work:
        await work.execute("ANALYZE")
        for statement in STATEMENTS[1:4]:
            plan = await work.fetch(f"EXPLAIN (ANALYZE, FORMAT TEXT) {statement}", DAYS, 100)
            read = [line[0] for line in plan if "Scan" in line[0]]
            assert read
            assert not any("rows=20000" in line.split("actual")[-1] for line in read), plan
