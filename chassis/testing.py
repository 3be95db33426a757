"""What tests of a service start from: a fresh database with every table, a free port, and polling with a deadline."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from chassis.migrations import migrate
from chassis.work import Database

_PORTS_OF_A_RUN = 200
FIRST_PORT = 21_000 + os.getpid() % 55 * _PORTS_OF_A_RUN
"""Where this run looks for ports, below the ephemeral range. Two runs at once look in different places: a port that is
free may be taken before the server has it."""
_ports = itertools.cycle(range(FIRST_PORT + 40, FIRST_PORT + _PORTS_OF_A_RUN))


def free_port() -> int:
    """A free port that was not given out for a while. Raises `RuntimeError` when the run has none left."""
    for port in itertools.islice(_ports, _PORTS_OF_A_RUN):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port from {FIRST_PORT} on")


class Server(Protocol):
    """A PostgreSQL server that makes databases and removes them."""

    async def create_database(self, name: str, template: str | None = None) -> str:
        """A new database; returns its url."""
        ...

    async def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        ...


_templates: dict[tuple[int, Path], str] = {}


@asynccontextmanager
async def fresh_database(server: Server, migrations: Path, connections: int = 12) -> AsyncIterator[Database]:
    """A new database with the chassis' tables and those of `migrations`, gone afterwards; a clone of a migrated one."""
    template = _templates.get((id(server), migrations))
    if template is None:
        template = f"template_{uuid4().hex[:8]}"
        await migrate(await server.create_database(template), migrations)
        _templates[id(server), migrations] = template
    name = f"test_{uuid4().hex[:8]}"
    database = Database.connect(await server.create_database(name, template), connections=connections)
    try:
        yield database
    finally:
        await database.close()
        await server.drop_database(name)


def address(database: Database) -> str:
    """The url of `database`, for a service that connects by itself."""
    return database.engine.url.render_as_string(hide_password=False).replace("+asyncpg", "")


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
