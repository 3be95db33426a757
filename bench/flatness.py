"""`make flatness`: is the hundred-thousandth purchase as cheap as the first? Backlogs one after the other on one stage; prints a
table, writes bench/results/flatness.json."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg
from rich.console import Console
from rich.table import Table

from bench.measuring import machine, services_memory_mib, snapshot
from bench.scenarios import backlog
from deploy.stage.stage import Stage

PURCHASES = int(os.environ.get("FLATNESS_PURCHASES", "100000"))
AT_ONCE = int(os.environ.get("FLATNESS_AT_ONCE", "10000"))
_MAILS_SECONDS = 600.0
_COMPARED = 3
out = Console(stderr=True)


async def rows(stage: Stage) -> int:
    """How many rows the services' databases have, by the statistics of PostgreSQL."""
    total = 0
    for url in stage.record["databases"].values():
        connection = await asyncpg.connect(url)
        total += await connection.fetchval("SELECT coalesce(sum(n_live_tup), 0)::bigint FROM pg_stat_user_tables")
        await connection.close()
    return total


async def mails_are_out(stage: Stage) -> None:
    """Wait until notification has nothing left to send. Raises `TimeoutError`."""
    connection = await asyncpg.connect(stage.record["databases"]["notification"])
    deadline = time.monotonic() + _MAILS_SECONDS
    try:
        while await connection.fetchval("SELECT count(*) FROM tasks"):
            if time.monotonic() > deadline:
                raise TimeoutError("mails are still being sent")
            await asyncio.sleep(0.2)
    finally:
        await connection.close()


async def measure(stage: Stage) -> list[dict[str, Any]]:
    """One row for each backlog with its mails: what was there after it, and what a purchase of it cost."""
    await backlog(stage, 1000)
    await mails_are_out(stage)
    measured = []
    for done in range(AT_ONCE, PURCHASES + 1, AT_ONCE):
        before = snapshot(stage)
        made = await backlog(stage, AT_ONCE)
        await mails_are_out(stage)
        after = snapshot(stage)
        cpu = {part: round((after[part] - before[part]) / AT_ONCE * 1000, 3) for part in before}
        row = {
            "purchases": done,
            "rows": await rows(stage),
            "per_s": made["per_s"],
            "cpu_ms_per_purchase": cpu,
            "cpu_ms_in_all": round(sum(cpu.values()), 3),
            "services_memory_mib": services_memory_mib(stage),
        }
        out.print(json.dumps(row))
        measured.append(row)
    return measured


def ratios(measured: list[dict[str, Any]]) -> dict[str, float]:
    """The last backlogs against the first ones: CPU of a purchase, and memory of the four services."""
    first, last = measured[:_COMPARED], measured[-_COMPARED:]
    return {
        name: round(sum(row[name] for row in last) / sum(row[name] for row in first), 3)
        for name in ("cpu_ms_in_all", "services_memory_mib")
    }


async def main() -> None:
    """Measure, print, write."""
    home = Path(tempfile.mkdtemp(prefix="payfirst-flatness-"))
    stage = Stage(home, 26400, environment={"LOG_LEVEL": "WARNING"}, pages=False)
    await stage.start()
    try:
        found: dict[str, Any] = {"machine": machine(), "measured": await measure(stage)}
    finally:
        await stage.stop()
        shutil.rmtree(home, ignore_errors=True)
    found["last_to_first"] = ratios(found["measured"])
    table = Table(title="Flatness")
    columns = ("purchases", "rows", "per_s", "cpu_ms_in_all", "services_memory_mib")
    for column in columns:
        table.add_column(column, justify="right")
    for row in found["measured"]:
        table.add_row(*(str(row[column]) for column in columns))
    Console().print(table, found["last_to_first"])
    (Path(__file__).parent / "results" / "flatness.json").write_text(json.dumps(found, indent=2) + "\n")
    sys.stdout.write(json.dumps(found["last_to_first"]) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
