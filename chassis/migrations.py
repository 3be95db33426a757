"""Schema changes as plain SQL files, applied in name order, each once, under one lock (ADR 0004)."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import asyncpg

_LEDGER = """CREATE TABLE IF NOT EXISTS schema_migrations
             (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"""


_CORE = (
    ("0000_20261120_expand_core", "core_tables.sql"),
    ("0000_20261125_expand_core_indexes", "core_indexes.sql"),
    ("0000_20261125_expand_core_pruning", "core_pruning.sql"),
)


def _scripts(folder: Path) -> list[tuple[str, str]]:
    core = [(name, files("chassis").joinpath(script).read_text()) for name, script in _CORE]
    return core + [(path.stem, path.read_text()) for path in sorted(folder.glob("*.sql"))]


async def migrate(database_url: str, folder: Path) -> list[str]:
    """Apply the chassis' tables and the service's files in `folder`; returns the names applied now.

    All missing files are applied in one transaction under an advisory lock, so two starts at once are safe and a
    failing file leaves nothing behind. A lock timeout of 5 s keeps a migration from stopping traffic.
    """
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('payfirst-migrations'))")
            await connection.execute("SET LOCAL lock_timeout = '5s'")
            await connection.execute(_LEDGER)
            known = {row["name"] for row in await connection.fetch("SELECT name FROM schema_migrations")}
            missing = [(name, sql) for name, sql in _scripts(folder) if name not in known]
            for name, sql in missing:
                await connection.execute(sql)
                await connection.execute("INSERT INTO schema_migrations (name) VALUES ($1)", name)
        return [name for name, _ in missing]
    finally:
        await connection.close()


async def pending(database_url: str, folder: Path) -> list[str]:
    """Names of the files that are not applied yet; empty when the schema is the code's."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(_LEDGER)
        known = {row["name"] for row in await connection.fetch("SELECT name FROM schema_migrations")}
        return [name for name, _ in _scripts(folder) if name not in known]
    finally:
        await connection.close()
