"""Composition: a service declared as routers, steps and periodic jobs, run as `api`, `worker` or `all` in one process."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI

from chassis import migrations, telemetry
from chassis.lag import probe_for
from chassis.ops import routes as ops_routes
from chassis.outcomes import failure_of
from chassis.serving import make_app
from chassis.settings import ServiceSettings
from chassis.steps import AnyStep, Periodic
from chassis.work import Database
from chassis.working import Worker

log = logging.getLogger(__name__)
Seed = Callable[[Database], Awaitable[dict[str, Any] | None]]


@dataclass
class Application:
    """One service: its name, knobs, doors (routers, steps, periodics) and where its migrations lie.

    `unlimited`: beginnings of paths whose routes keep rate limits of their own.
    """

    name: str
    settings: ServiceSettings
    migrations: Path
    routers: Sequence[APIRouter] = ()
    steps: Sequence[AnyStep] = ()
    periodics: Sequence[Periodic] = ()
    unlimited: Sequence[str] = ()
    state: dict[str, Any] = field(default_factory=dict)
    startup: Callable[[Application], Awaitable[None]] | None = None
    shutdown: Callable[[Application], Awaitable[None]] | None = None
    connected: Database | None = None

    @property
    def database(self) -> Database:
        """The service's database; one pool for the process."""
        if self.connected is None:
            url = self.settings.database_url.get_secret_value()
            self.connected = Database.connect(
                url, connections=self.settings.database_connections, application=f"payfirst-{self.name}"
            )
        return self.connected


def api_of(application: Application, worker: Worker | None = None) -> FastAPI:
    """The HTTP application; with a `worker`, readiness tells of its consumers too."""

    async def readiness() -> dict[str, str]:
        missing: dict[str, str] = {}
        try:
            async with asyncio.timeout(2), application.database.transaction() as work:
                await work.fetch_one("SELECT 1")
        except Exception as error:
            missing["postgresql"] = failure_of(error).error_class
        if worker is not None:
            missing |= worker.missing()
        return missing

    routers = [*application.routers, ops_routes.router(application.steps)]
    return make_app(
        application.name,
        application.database,
        application.settings,
        routers,
        readiness,
        application.unlimited,
        steps=application.steps,
        worker=worker,
        **application.state,
    )


@asynccontextmanager
async def _running(application: Application, worker: Worker | None) -> AsyncIterator[None]:
    if application.startup is not None:
        await application.startup(application)
    tasks = [asyncio.create_task(worker.run())] if worker is not None else []
    try:
        yield
    finally:
        if worker is not None:
            await worker.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if application.shutdown is not None:
            await application.shutdown(application)
        await probe_for(application.settings.bootstrap).close()
        await application.database.close()


async def _serve(application: Application, role: str) -> None:
    settings = application.settings
    waiting = await migrations.pending(settings.database_url.get_secret_value(), application.migrations)
    if waiting:
        sys.exit(
            f"{application.name}: {len(waiting)} migrations are missing; run python -m services.{application.name} migrate"
        )
    worker = Worker(application) if role in ("all", "worker") else None
    app = api_of(application, worker)
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        lifespan="off",
        proxy_headers=False,  # by TRUSTED_PROXIES alone: uvicorn would trust everything on this machine
        timeout_graceful_shutdown=5,
    )
    async with _running(application, worker):
        await _Server(config).serve()


class _Server(uvicorn.Server):
    """uvicorn inside our own loop: a second signal while stopping is ignored, the first stops in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Stop on SIGINT and SIGTERM, without raising the signal again afterwards."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, lambda: setattr(self, "should_exit", True))
        yield


async def _seed(application: Application, seed: Seed) -> None:
    seeded = await seed(application.database)
    await application.database.close()
    sys.stdout.write(json.dumps(seeded or {}) + "\n")


def _run(coroutine: Any) -> None:
    gc.collect()
    gc.freeze()  # what was imported stays: the collector need not walk it again and again
    gc.set_threshold(50_000, 20, 100)
    if sys.platform == "win32":
        asyncio.run(coroutine)
        return
    import uvloop

    uvloop.run(coroutine)


def main(build: Callable[[], Application], seed: Seed | None = None) -> None:
    """The command line of a service: `migrate`, `seed`, `api`, `worker`, `all`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["migrate", "seed", "api", "worker", "all"])
    role = parser.parse_args().role
    application = build()
    telemetry.configure_logging(application.name, application.settings.log_level)
    telemetry.configure_tracing(application.name, application.settings.otel_exporter_otlp_endpoint)
    url = application.settings.database_url.get_secret_value()
    if role == "migrate":
        applied = asyncio.run(migrations.migrate(url, application.migrations))
        sys.stdout.write(f"{application.name}: {len(applied)} migrations applied\n")
    elif role == "seed":
        if seed is not None:
            asyncio.run(_seed(application, seed))
    else:
        _run(_serve(application, role))
