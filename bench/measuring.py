"""What a bench reads from the machine: CPU seconds and memory of processes, statements and transactions of PostgreSQL."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import asyncpg

from deploy.stage.stage import Stage

_TICKS = os.sysconf("SC_CLK_TCK")
SERVICES = ("booking", "payment", "fulfillment", "notification")


def _fields(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["0"] * 20


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def cpu_seconds(pid: int | None) -> float:
    """CPU of a process, of its children, and of those of them that have ended."""
    if pid is None:
        return 0.0
    own = sum(int(ticks) for ticks in _fields(pid)[11:15]) / _TICKS
    return own + sum(cpu_seconds(child) for child in _children(pid))


def resident_mib(pid: int | None) -> float:
    """Resident memory of a process."""
    if pid is None:
        return 0.0
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def snapshot(stage: Stage) -> dict[str, float]:
    """CPU seconds so far by part: postgres, kafka, services."""
    assert stage.postgres is not None
    assert stage.kafka is not None
    return {
        "postgres": cpu_seconds(stage.postgres.process.pid),
        "kafka": cpu_seconds(stage.kafka.process.pid),
        "services": sum(cpu_seconds(stage.processes[name].pid) for name in SERVICES),
    }


def cpu_ms_per(before: dict[str, float], after: dict[str, float], purchases: int) -> dict[str, float]:
    """CPU milliseconds a purchase by part."""
    return {part: round((after[part] - before[part]) / purchases * 1000, 3) for part in before}


def services_memory_mib(stage: Stage) -> float:
    """Resident memory of the four services together."""
    return round(sum(resident_mib(stage.processes[name].pid) for name in SERVICES), 1)


async def statements(stage: Stage) -> dict[str, int]:
    """Statements and transactions so far in the services' databases."""
    assert stage.postgres is not None
    connection = await asyncpg.connect(stage.postgres.url())
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        calls = await connection.fetchval(
            """SELECT coalesce(sum(s.calls), 0)::bigint FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
               WHERE d.datname = ANY($1::text[])""",
            list(SERVICES),
        )
        commits = await connection.fetchval(
            "SELECT sum(xact_commit)::bigint FROM pg_stat_database WHERE datname = ANY($1::text[])", list(SERVICES)
        )
        return {"statements": calls, "transactions": commits}
    finally:
        await connection.close()


async def fulfilled(url: str) -> int:
    """How many fulfillments are completed."""
    connection = await asyncpg.connect(url)
    try:
        count: int = await connection.fetchval("SELECT count(*) FROM fulfillments WHERE completed_at IS NOT NULL")
        return count
    finally:
        await connection.close()


async def analyze(urls: dict[str, str]) -> None:
    """Give the planner its statistics, as autovacuum would have by and by."""
    for url in urls.values():
        connection = await asyncpg.connect(url)
        await connection.execute("ANALYZE")
        await connection.close()


def quantile(values: list[float], share: float) -> float:
    """The value below which `share` of `values` lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def machine() -> dict[str, Any]:
    """The machine that the figures are from."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "",
    )
    return {"cores": os.cpu_count(), "cpu": model, "load_before": round(os.getloadavg()[0], 2)}
