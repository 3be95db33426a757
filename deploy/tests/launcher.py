"""A small launcher that a test may kill: holds a home, starts parts, prints their pids as one line of JSON, waits.

Run as `python -m deploy.tests.launcher HOME PART...`; parts are `postgres`, `kafka`, `sleeper` and `stubborn`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from deploy.stage.claim import Claim
from deploy.stage.kafka import Kafka
from deploy.stage.keeper import Keeper
from deploy.stage.ports import Ports
from deploy.stage.postgres import Postgres
from deploy.stage.process import Process

_STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(600)"
)


async def main(home: Path, parts: list[str]) -> None:
    """Start `parts`, say so, and wait for the end."""
    claim = Claim(home)
    await claim.take()
    keeper = Keeper(claim.descriptor)
    ports = Ports(23200)
    pids: dict[str, int | None] = {"keeper": keeper.pid}
    if "postgres" in parts:
        postgres = Postgres(home, ports.take(0), keeper)
        await postgres.start()
        pids["postgres"] = postgres.process.pid
    if "kafka" in parts:
        kafka = Kafka(home, ports.take(10), ports.take(11), keeper)
        await kafka.start()
        pids["kafka"] = kafka.process.pid
    commands = {"sleeper": ["sleep", "600"], "stubborn": [sys.executable, "-c", _STUBBORN]}
    for name, argv in commands.items():
        if name in parts:
            process = Process(name, argv, {}, home / "logs", keeper)
            await process.start()
            pids[name] = process.pid
    while "stubborn" in parts and "deaf" not in (home / "logs/stubborn.log").read_text():
        await asyncio.sleep(0.02)
    (home / "stage.json").write_text(json.dumps({"console": "http://127.0.0.1:1"}))
    sys.stdout.write(json.dumps(pids) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
