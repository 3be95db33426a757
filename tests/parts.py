"""The parts that tests run on: one PostgreSQL and one Kafka for the whole pytest run, real both, gone with it.

From Testcontainers when a Docker engine answers (PAYFIRST_TESTCONTAINERS=1 insists, 0 forbids), else started by
`deploy.stage`. A part that can't be had fails the tests that need it; with PAYFIRST_REQUIRE_PARTS=1 whatever would be
skipped fails too.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpcore2
import pytest

from chassis.testing import FIRST_PORT
from chassis.topics import create_topics
from deploy.stage.kafka import Kafka
from deploy.stage.keeper import Keeper
from deploy.stage.ports import Ports
from deploy.stage.postgres import Postgres
from tests import containers

# Every new HTTP client reads the system's certificate authorities anew, which takes longer than most tests call.
httpcore2.default_ssl_context = cache(httpcore2.default_ssl_context)
_MEMORY, _MEMORY_BYTES = Path("/dev/shm"), 2_000_000_000
_HELD: list[IO[str]] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With PAYFIRST_REQUIRE_PARTS=1 a test that skips itself has failed."""
    report = yield
    if report.skipped and os.environ.get("PAYFIRST_REQUIRE_PARTS") == "1" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but PAYFIRST_REQUIRE_PARTS=1: {report.longreprtext or report.longrepr}"
    return report


def new_home(prefix: str) -> Path:
    """A new folder for data that nobody wants to keep: in memory where there is room, else where such folders go.

    Memory file systems that run no programs are passed by: PostgreSQL's may have to lie beside its data.
    """
    try:
        state = os.statvfs(_MEMORY)
        room = state.f_bavail * state.f_frsize >= _MEMORY_BYTES and not state.f_flag & os.ST_NOEXEC
    except OSError:
        room = False
    if room:
        _sweep(prefix)
    home = Path(tempfile.mkdtemp(prefix=prefix, dir=_MEMORY if room else None))
    home.chmod(0o711)  # a server that runs as nobody has to reach its data
    hold = (home / "holding").open("w")
    fcntl.flock(hold, fcntl.LOCK_EX)
    (home / "holding").rename(home / "held")  # nobody finds it before it is locked
    _HELD.append(hold)
    return home


def _sweep(prefix: str) -> None:
    """Remove the homes of runs that were killed: memory is not given back by itself. A living run holds its home."""
    for home in _MEMORY.glob(f"{prefix}*"):
        with contextlib.suppress(OSError), (home / "held").open() as hold:
            fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(home, ignore_errors=True)


class PostgresServer:
    """A server that makes databases for tests."""

    def __init__(self, admin_url: str) -> None:
        self.admin_url = admin_url

    def url(self, database: str) -> str:
        """The address of `database` as its owner."""
        parts = urlsplit(self.admin_url)
        return urlunsplit((parts.scheme, parts.netloc, f"/{database}", "", ""))

    async def create_database(self, name: str, template: str | None = None) -> str:
        """A new database, a clone of `template` when one is given; returns its url."""
        # Files are copied as they are: the default writes every page of the template to the log as well.
        clone = f' TEMPLATE "{template}" STRATEGY FILE_COPY' if template else ""
        await self._execute(f'CREATE DATABASE "{name}"{clone}')
        return self.url(name)

    async def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        await self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def _execute(self, sql: str) -> None:
        connection = await asyncpg.connect(self.admin_url)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


@pytest.fixture(scope="session")
def parts_home() -> Iterator[Path]:
    """A folder for the parts' data, removed at the end."""
    home = new_home("payfirst-tests-")
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def keeper() -> Iterator[Keeper]:
    """Ends the parts when pytest is gone, however it goes."""
    keeper = Keeper()
    yield keeper
    keeper.close()


@pytest.fixture(scope="session")
def postgres_server(parts_home: Path, keeper: Keeper) -> Iterator[PostgresServer]:
    """A real PostgreSQL."""
    if containers.wanted():
        with containers.postgres() as started:
            yield PostgresServer(started)
        return
    if url := os.environ.get("PAYFIRST_TEST_DATABASE_URL"):
        yield PostgresServer(url)
        return
    part = Postgres(parts_home, Ports(FIRST_PORT).take(0), keeper, durable=False)
    with asyncio.Runner() as runner:
        runner.run(part.start())
        yield PostgresServer(part.url())
        runner.run(part.stop(fast=False))


@pytest.fixture(scope="session")
def kafka_bootstrap(parts_home: Path, keeper: Keeper) -> Iterator[str]:
    """A real Kafka with the topics of the contracts; its address."""
    if containers.wanted():
        with containers.kafka() as started:
            asyncio.run(create_topics([started]))
            yield started
        return
    if address := os.environ.get("PAYFIRST_TEST_KAFKA"):
        asyncio.run(create_topics([address]))
        yield address
        return
    ports = Ports(FIRST_PORT + 10)
    part = Kafka(parts_home, ports.take(0), ports.take(1), keeper)
    with asyncio.Runner() as runner:
        runner.run(part.start())
        runner.run(create_topics([part.bootstrap]))
        yield part.bootstrap
        runner.run(part.stop())
