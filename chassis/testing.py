"""What tests of a service start from: a fresh database with every table, and polling with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from chassis.migrations import migrate
from chassis.work import Database


class Server(Protocol):
    """A PostgreSQL server that makes databases."""

    def create_database(self, name: str, template: str | None = None) -> str:
        """A new database; returns its url."""
        ...


_templates: dict[tuple[int, Path], str] = {}


async def fresh_database(server: Server, migrations: Path, connections: int = 12) -> Database:
    """A new database with the chassis' tables and those of `migrations`; cloned from one migrated template."""
    template = _templates.get((id(server), migrations))
    if template is None:
        template = f"template_{uuid4().hex[:8]}"
        await migrate(server.create_database(template), migrations)
        _templates[id(server), migrations] = template
    url = server.create_database(f"test_{uuid4().hex[:8]}", template)
    return Database.connect(url, connections=connections)


async def eventually(
    check: Callable[[], Awaitable[Any]], seconds: float = 20.0, every: float = 0.05, what: str = "the condition"
) -> Any:
    """The first truthy answer of `check`. Raises `AssertionError` with the last answer after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        last = await check()
        if last:
            return last
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true in {seconds} s; last seen: {last!r}")
        await asyncio.sleep(every)
