"""The whole stage: parts, schemas, topics, seeds, services and pages, started in order and written to stage.json."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx2
from aiokafka.errors import KafkaError

from chassis.topics import create_topics
from deploy.stage import environment as environment_of
from deploy.stage.claim import Claim
from deploy.stage.kafka import Kafka
from deploy.stage.keeper import Keeper
from deploy.stage.ports import Ports
from deploy.stage.postgres import SERVICES, Postgres, create_service_databases
from deploy.stage.process import Process, inherited

Report = Callable[[str, float], None]
_OFFSETS = {
    "console": 0,
    "booking": 1,
    "payment": 2,
    "fulfillment": 3,
    "notification": 4,
    "storefront": 5,
    "simulators": 6,
    "mail": 7,
    "smtp": 8,
}
_READY_SECONDS = 60.0


async def together(*works: Awaitable[Any]) -> list[Any]:
    """The results of `works`; when one fails, the others are called off and have ended before its error is raised."""

    async def result(work: Awaitable[Any]) -> Any:
        return await work

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(result(work)) for work in works]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


class Stage:
    """Everything on one machine. `extra_workers` starts more worker processes of a service."""

    def __init__(
        self,
        home: Path,
        port_base: int = 8100,
        *,
        report: Report | None = None,
        environment: dict[str, str] | None = None,
        extra_workers: dict[str, int] | None = None,
        pages: bool = True,
    ) -> None:
        self.home, self.ports = home.absolute(), Ports(port_base)
        self.report = report or (lambda name, seconds: None)
        self.extra, self.extra_workers, self.pages = environment or {}, extra_workers or {}, pages
        self.processes: dict[str, Process] = {}
        self.record: dict[str, Any] = {}
        self.postgres: Postgres | None = None
        self.kafka: Kafka | None = None
        self._keeper: Keeper | None = None
        self._claim = Claim(self.home)
        self._secrets: dict[str, str] = {}

    @property
    def faults(self) -> Path:
        """Touch a file here, named as a crash point, and the next process to reach the point dies: if the environment's
        `PAYFIRST_FAULTS_DIR` names this folder."""
        return self.home / "faults"

    async def start(self) -> dict[str, Any]:
        """Start everything; returns the content of stage.json. Raises `AlreadyRunning`, or says what did not start."""
        await self._claim.take()
        try:
            self._keeper = Keeper(self._claim.descriptor)
            self._secrets = environment_of.load_secrets(self.home)
            self.faults.mkdir(parents=True, exist_ok=True)
            for armed in self.faults.iterdir():
                armed.unlink()
            await self._start()
        except BaseException:
            await self.stop()
            raise
        return self.record

    async def _start(self) -> None:
        self._choose_ports()
        self.record["databases"], self.record["kafka"] = await together(self._start_postgres(), self._start_kafka())
        await together(self._topics(), self._migrate())
        await self._seed()
        environments = self._environments()
        for name in ("simulators", *SERVICES):
            await self._launch(name, environments[name], "all")
        for name, count in self.extra_workers.items():
            for number in range(count):
                extra = {**environments[name], "HTTP_PORT": str(self.ports.take(30 + number))}
                await self._launch(name, extra, "worker", f"{name}-worker-{number + 2}")
        for name in ("console", "storefront"):
            if self.pages and find_spec(f"{name}.__main__") is not None:
                await self._launch(name, environments[name], "")
        await together(*(self._ready(name) for name in self.processes))
        self.record["tokens"] = environment_of.tokens(self._secrets, self.record["seed"])
        environment_of.write_private(self.home / "stage.json", json.dumps(self.record, indent=2))

    def _choose_ports(self) -> None:
        self.addresses = {name: self.ports.take(offset) for name, offset in _OFFSETS.items()}
        self.record |= {name: f"http://127.0.0.1:{port}" for name, port in self.addresses.items() if name != "smtp"}

    async def _timed(self, name: str, work: Any) -> Any:
        started = time.monotonic()
        result = await work
        self.report(name, time.monotonic() - started)
        return result

    async def _start_postgres(self) -> dict[str, str]:
        given = os.environ.get("DATABASE_URL")
        if given is None:
            assert self._keeper is not None
            self.postgres = Postgres(self.home, self.ports.take(9), self._keeper)
            await self._timed("postgresql", self.postgres.start())
            return await create_service_databases(self.postgres.url())
        return await create_service_databases(given, environment_of.database_passwords(self._secrets))

    async def _start_kafka(self) -> str:
        given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
        if given is not None:
            return given
        assert self._keeper is not None
        self.kafka = Kafka(self.home, self.ports.take(10), self.ports.take(11), self._keeper)
        await self._timed("kafka", self.kafka.start())
        return self.kafka.bootstrap

    async def _topics(self) -> None:
        try:
            await self._timed("topics", create_topics(self.record["kafka"].split(",")))
        except (OSError, KafkaError) as error:
            raise RuntimeError(f"The Kafka at {self.record['kafka']} can't be used: {error}") from error

    async def _migrate(self) -> None:
        environments = self._environments()
        await self._timed("migrations", together(*(self._run(n, "migrate", environments[n]) for n in SERVICES)))

    async def _seed(self) -> None:
        environments = self._environments()
        outputs = await self._timed("seeds", together(*(self._run(n, "seed", environments[n]) for n in SERVICES)))
        seed: dict[str, Any] = {}
        for output in outputs:
            if lines := output.strip().splitlines():
                seed |= json.loads(lines[-1])
        self.record["seed"] = seed

    async def _run(self, service: str, role: str, environment: dict[str, str]) -> str:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"services.{service}",
            role,
            env={**inherited(), **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert self._keeper is not None
        self._keeper.add(child.pid)
        try:
            out, err = await child.communicate()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
            self._keeper.forget(child.pid)
        if child.returncode != 0:
            raise RuntimeError(f"{service} {role} failed:\n{(out + err).decode()[-3000:]}")
        return out.decode()

    def _environments(self) -> dict[str, dict[str, str]]:
        return environment_of.environments(self._secrets, self.record, self.addresses, self.extra)

    async def _launch(self, module: str, environment: dict[str, str], role: str, name: str = "") -> None:
        assert self._keeper is not None
        package = f"services.{module}" if module in SERVICES else module
        argv = [sys.executable, "-m", package, *([role] if module in SERVICES else [])]
        # Mails hold nobody up: where processors are scarce, purchases go first.
        niceness = 10 if module == "notification" else 0
        process = Process(name or module, argv, environment, self.home / "logs", self._keeper, niceness=niceness)
        process.environment.setdefault("HTTP_PORT", "0")
        self.processes[name or module] = process
        await process.start()

    async def _ready(self, name: str) -> None:
        started = time.monotonic()
        process = self.processes[name]
        port = process.environment["SIMULATORS_PORT" if name == "simulators" else "HTTP_PORT"]
        path = "/health/ready" if name.split("-")[0] in SERVICES else "/health/live"
        async with httpx2.AsyncClient() as client:
            while True:
                try:
                    if (await client.get(f"http://127.0.0.1:{port}{path}", timeout=5)).status_code == 200:
                        break
                except httpx2.TransportError:
                    pass
                if process.crashes > 3 or time.monotonic() - started > _READY_SECONDS:
                    raise RuntimeError(f"{name} did not become ready; the end of its log:\n{process.tail()}")
                await asyncio.sleep(0.05)
        self.report(name, time.monotonic() - started)

    def kill(self, name: str, number: int = 9) -> int | None:
        """Send a signal to a process of the stage; the supervisor starts it again. Returns the pid."""
        return self.processes[name].kill(number)

    async def restart_part(self, name: str) -> None:
        """Kill `kafka` or `postgres` as a crash would, and start it again on the same data and port."""
        part = {"kafka": self.kafka, "postgres": self.postgres}[name]
        if part is None:
            raise RuntimeError(f"{name} was given from outside; it is not ours to kill")
        await part.crash()
        await part.start()

    async def stop(self) -> None:
        """Stop everything: pages and services, then Kafka, then PostgreSQL. The home is free afterwards."""
        (self.home / "stage.json").unlink(missing_ok=True)
        try:
            await asyncio.gather(*(process.stop() for process in reversed(self.processes.values())))
            self.processes.clear()
            for part in (self.kafka, self.postgres):
                if part is not None:
                    await part.stop()
        finally:
            if self._keeper is not None:
                await asyncio.to_thread(self._keeper.close)
            self._claim.release()
