"""The whole stage: parts, schemas, topics, seeds, services and pages, started in order and written to stage.json."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx2

from chassis.identity import issue_account_token
from chassis.topics import create_topics
from deploy.stage.kafka import Kafka
from deploy.stage.keeper import Keeper
from deploy.stage.ports import Ports
from deploy.stage.postgres import SERVICES, Postgres, create_service_databases
from deploy.stage.process import Process

Report = Callable[[str, float], None]
_OFFSETS = {
    "console": 0,
    "booking": 1,
    "payment": 2,
    "fulfillment": 3,
    "notification": 4,
    "storefront": 5,
    "simulators": 6,
}
_READY_SECONDS = 60.0


class AlreadyRunning(RuntimeError):
    """A stage with this home is running; `record` is its stage.json, if it got that far."""

    def __init__(self, home: Path) -> None:
        path = home / "stage.json"
        where = json.loads(path.read_text())["console"] if path.exists() else "it is still starting"
        super().__init__(f"a stage is running in {home} ({where}); stop it with `make down`")


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
        self._lock: Any = None

    @property
    def faults(self) -> Path:
        """Touch a file here, named as a crash point, and the next process to reach the point dies."""
        return self.home / "faults"

    async def start(self) -> dict[str, Any]:
        """Start everything; returns the content of stage.json. Raises `AlreadyRunning`, or says what did not start."""
        self._take_lock()
        self._keeper = Keeper()
        self.faults.mkdir(parents=True, exist_ok=True)
        for armed in self.faults.iterdir():
            armed.unlink()
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        return self.record

    async def _start(self) -> None:
        self._choose_ports()
        databases, bootstrap = await asyncio.gather(self._start_postgres(), self._start_kafka())
        self.record |= {"kafka": bootstrap, "databases": databases}
        await asyncio.gather(self._timed("topics", create_topics([bootstrap])), self._migrate())
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
        await asyncio.gather(*(self._ready(name) for name in self.processes))
        self._write()

    def _take_lock(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self._lock = (self.home / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            self._lock = None
            raise AlreadyRunning(self.home) from None
        (self.home / "pid").write_text(str(os.getpid()))
        (self.home / "stage.json").unlink(missing_ok=True)

    def _choose_ports(self) -> None:
        self.addresses = {name: self.ports.take(offset) for name, offset in _OFFSETS.items()}
        self.mail_http, self.mail_smtp = self.ports.take(7), self.ports.take(8)
        self.record |= {name: f"http://127.0.0.1:{port}" for name, port in self.addresses.items()}
        self.record["mail"] = f"http://127.0.0.1:{self.mail_http}"

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
        return await create_service_databases(given or self.postgres.url())  # type: ignore[union-attr]

    async def _start_kafka(self) -> str:
        given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
        if given is not None:
            return given
        assert self._keeper is not None
        self.kafka = Kafka(self.home, self.ports.take(10), self.ports.take(11), self._keeper)
        await self._timed("kafka", self.kafka.start())
        return self.kafka.bootstrap

    async def _migrate(self) -> None:
        environments = self._environments()
        await self._timed("migrations", asyncio.gather(*(self._run(n, "migrate", environments[n]) for n in SERVICES)))

    async def _seed(self) -> None:
        environments = self._environments()
        outputs = await self._timed("seeds", asyncio.gather(*(self._run(n, "seed", environments[n]) for n in SERVICES)))
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
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await child.communicate()
        if child.returncode != 0:
            raise RuntimeError(f"{service} {role} failed:\n{(out + err).decode()[-3000:]}")
        return out.decode()

    def _secrets(self) -> dict[str, str]:
        path = self.home / "secrets.json"
        if not path.exists():
            names = ("TOKEN_SECRET", "CHECKOUT_TOKEN_SECRET", "RAZORPAY_KEY_SECRET", "RAZORPAY_WEBHOOK_SECRET")
            made = {name: secrets.token_urlsafe(32) for name in names}
            made["RAZORPAY_KEY_ID"] = f"rzp_test_{secrets.token_hex(7)}"
            path.touch(mode=0o600)
            path.write_text(json.dumps(made))
        loaded: dict[str, str] = json.loads(path.read_text())
        return loaded

    def _environments(self) -> dict[str, dict[str, str]]:
        known = self._secrets()
        shared = {
            **known,
            "KAFKA_BOOTSTRAP_SERVERS": self.record["kafka"],
            "HTTP_HOST": "127.0.0.1",
            "RAZORPAY_BASE_URL": f"{self.record['simulators']}/razorpay",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(self.mail_smtp),
            "MAIL_FROM": "payfirst@example.com",
            "FCM_BASE_URL": f"{self.record['simulators']}/fcm",
            "PAYFIRST_FAULTS_DIR": str(self.faults),
            **{f"{name.upper()}_URL": self.record[name] for name in (*SERVICES, "simulators", "mail")},
            "OPS_TOKEN": issue_account_token(known["TOKEN_SECRET"], "console", ["ops", "admin"], 365 * 86_400),
            "SIMULATORS_HOST": "127.0.0.1",
            "SIMULATORS_PORT": str(self.addresses["simulators"]),
            "MAIL_HTTP_PORT": str(self.mail_http),
            "MAIL_SMTP_PORT": str(self.mail_smtp),
            "RAZORPAY_WEBHOOK_URL": f"{self.record['payment']}/api/v1/webhooks/razorpay",
            **self.extra,
        }
        made = {name: {**shared, "HTTP_PORT": str(port)} for name, port in self.addresses.items()}
        for name in SERVICES:
            made[name]["DATABASE_URL"] = self.record["databases"][name]
        return made

    async def _launch(self, module: str, environment: dict[str, str], role: str, name: str = "") -> None:
        assert self._keeper is not None
        package = f"services.{module}" if module in SERVICES else module
        argv = [sys.executable, "-m", package, *([role] if module in SERVICES else [])]
        process = Process(name or module, argv, environment, self.home / "logs", self._keeper)
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

    def _write(self) -> None:
        secret = self._secrets()["TOKEN_SECRET"]
        seed = self.record["seed"]
        subjects = {
            "admin": "admin",
            "ops": "ops",
            "expert": (seed.get("trainers") or ["expert"])[0],
            "vendor": "vendor",
        }
        self.record["tokens"] = {
            role: issue_account_token(secret, subject, [role], 30 * 86_400) for role, subject in subjects.items()
        }
        partial = self.home / "stage.json.new"
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(self.record, indent=2))
        partial.rename(self.home / "stage.json")

    def kill(self, name: str, number: int = 9) -> int | None:
        """Send a signal to a process of the stage; the supervisor starts it again. Returns the pid."""
        return self.processes[name].kill(number)

    async def stop(self) -> None:
        """Stop everything in reverse order."""
        (self.home / "stage.json").unlink(missing_ok=True)
        await asyncio.gather(*(process.stop() for process in reversed(self.processes.values())))
        self.processes.clear()
        if self.kafka is not None:
            await self.kafka.stop()
        if self.postgres is not None:
            await self.postgres.stop()
        if self._keeper is not None:
            await asyncio.to_thread(self._keeper.close)
        if self._lock is not None:
            (self.home / "pid").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None
