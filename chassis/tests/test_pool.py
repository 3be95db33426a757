"""The pool on a real PostgreSQL: what many ask for at once, and what is left afterwards."""

from __future__ import annotations

import asyncio

import pytest

from chassis.testing import Server, fresh_database
from chassis.tests.lab import MIGRATIONS
from chassis.work import Database

pytestmark = pytest.mark.db


async def test_more_transactions_than_connections_wait_and_leave_no_connection_behind(
    postgres_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(database: Database) -> None:
        async with database.transaction() as work:
            await work.fetch_one("SELECT pg_sleep(0.01)")

    async with fresh_database(postgres_server, MIGRATIONS, connections=3) as database:
        await asyncio.gather(*(use(database) for _ in range(40)))
        async with database.transaction() as work:
            rows = await work.fetch("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    assert len(rows) == 3
    assert not caplog.records
