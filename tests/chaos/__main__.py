"""`make chaos`: kill every process, at named points and at random, kill broker and database, under load; then judge.

Ends with one line of JSON: purchases, lost, doubled, kills, slowest_recovery_seconds. Exit code 1 when anything is wrong.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from chassis.faults import POINTS
from deploy.stage.stage import Stage
from tests.chaos.checking import Verdict, judge
from tests.chaos.load import Load

SECONDS = float(os.environ.get("CHAOS_SECONDS", "120"))
SEED = int(os.environ.get("CHAOS_SEED", "20261120"))
_REACHED_SECONDS = 30.0
SERVICES = ("booking", "payment", "fulfillment", "notification")


def say(text: str) -> None:
    """A line of progress."""
    sys.stderr.write(f"{text}\n")


async def kill_everything(stage: Stage, seconds: float, dice: random.Random) -> int:
    """Each process in turn, each crash point, then at random; returns how many died."""
    kills = 0
    waits = seconds / (len(SERVICES) + len(POINTS) + 12)
    for name in SERVICES:
        kills += stage.kill(name) is not None
        await asyncio.sleep(waits)
    for point in POINTS:
        armed, begun = stage.faults / point, time.monotonic()
        armed.touch()
        while armed.exists():
            if time.monotonic() - begun > _REACHED_SECONDS:
                raise RuntimeError(f"nobody reached {point}: is the stage armed, and under load?")
            await asyncio.sleep(0.1)
        kills += 1
        await asyncio.sleep(max(0.5, begun + waits - time.monotonic()))
    for _ in range(12):
        kills += (
            stage.kill(
                dice.choice([name for name in stage.processes if name not in ("console", "storefront", "simulators")])
            )
            is not None
        )
        await asyncio.sleep(waits * dice.uniform(0.5, 1.5))
    return kills


async def kill_broker_and_database(stage: Stage, seconds: float) -> int:
    """Kafka killed and started again, PostgreSQL killed and started again, while the load goes on."""
    assert stage.kafka is not None
    assert stage.postgres is not None
    for part in (stage.kafka, stage.postgres):
        await asyncio.sleep(seconds / 6)
        await part.crash()
        await asyncio.sleep(5)
        await part.start()
        await asyncio.sleep(seconds / 6)
    return 2


async def workers_come_and_go(stage: Stage, seconds: float, dice: random.Random) -> int:
    """Two workers of each service, one of which is stopped or killed again and again."""
    kills = 0
    extra = [name for name in stage.processes if "-worker-" in name]
    for _ in range(6):
        kills += stage.kill(dice.choice(extra), dice.choice([9, 15])) is not None
        await asyncio.sleep(seconds / 6)
    return kills


async def scene(name: str, seconds: float, nemesis: Any, **options: Any) -> tuple[Verdict, int]:
    """One stage, one load, one nemesis, one judgement."""
    home = Path(tempfile.mkdtemp(prefix="payfirst-chaos-"))
    knobs = {"LOG_LEVEL": "WARNING", "PAYMENT_POLL_FIRST_SECONDS": "1", "PAYFIRST_FAULTS_DIR": str(home / "faults")}
    stage = Stage(home, 25000, environment=knobs, pages=False, **options)
    say(f"{name}: starting")
    record = await stage.start()
    try:
        load = Load(record, told_per_s=40, buyers_per_s=10)
        running = asyncio.create_task(load.run(2 * seconds))
        kills = await nemesis(stage)
        load.end()
        await running
        say(f"{name}: {len(load.paid)} paid, {kills} kills, {len(load.errors)} buyers got an error; settling")
        verdict = await judge(record, load.paid)
        for violation in verdict.violations:
            say(f"  {name}: {violation}")
        say(f"{name}: settled in {verdict.settled_seconds:.1f} s, slowest purchase {verdict.slowest_seconds} s")
        if verdict.violations and os.environ.get("CHAOS_KEEP"):
            await asyncio.sleep(3600)
        return verdict, kills
    finally:
        await stage.stop()
        shutil.rmtree(home, ignore_errors=True)


async def main() -> int:
    """All scenes; prints the line of JSON."""
    dice = random.Random(SEED)
    say(f"seed {SEED}, {SECONDS:g} s a scene")
    chosen = os.environ.get("CHAOS_SCENES", "processes,parts,workers").split(",")
    scenes: dict[str, Any] = {
        "processes": (lambda stage: kill_everything(stage, SECONDS, dice), {}),
        "parts": (lambda stage: kill_broker_and_database(stage, SECONDS), {}),
        "workers": (
            lambda stage: workers_come_and_go(stage, SECONDS, dice),
            {"extra_workers": dict.fromkeys(SERVICES, 1)},
        ),
    }
    verdicts, kills = [], 0
    for name in chosen:
        nemesis, options = scenes[name]
        verdict, died = await scene(name, SECONDS, nemesis, **options)
        verdicts.append(verdict)
        kills += died
    total = {
        "purchases": sum(verdict.purchases for verdict in verdicts),
        "lost": sum(verdict.lost for verdict in verdicts),
        "doubled": sum(verdict.doubled for verdict in verdicts),
        "kills": kills,
        "slowest_recovery_seconds": max((verdict.slowest_seconds for verdict in verdicts), default=0.0),
    }
    sys.stdout.write(json.dumps(total) + "\n")
    return 1 if any(verdict.violations for verdict in verdicts) or total["lost"] or total["doubled"] else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
