"""`make bench`: measures on a local stage of its own, prints a table, writes bench/results/latest.json."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.intake import acknowledgements, intake, isolation
from bench.measuring import machine
from bench.scenarios import backlog, closed_loop, steady
from bench.webhooks import verify_max
from bench.yardstick import monolith
from deploy.stage.stage import Stage

RESULTS = Path(__file__).parent / "results"
BACKLOG = int(os.environ.get("BENCH_BACKLOG", "20000"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "15"))
TARGETS = {
    "backlog_per_s": ("≥", 3000),
    "closed64_per_s": ("≥", 1200),
    "rate50_p50_ms": ("≤", 20),
    "rate50_p99_ms": ("≤", 60),
    "webhook_ack_p99_ms": ("≤", 50),
    "webhook_ack_broker_down_p99_ms": ("≤", 50),
    "webhook_intake_per_s": ("≥", 1000),
    "isolation_p99_ratio": ("≤", 1.1),
    "verify_max_ms": ("≤", 2000),
    "services_memory_mib": ("≤", 600),
}
out = Console(stderr=True)


async def measure(stage: Stage) -> dict[str, Any]:
    """Every figure on one stage; latencies first, so that no mails of a backlog are still being sent beside them."""
    assert stage.kafka is not None
    figures: dict[str, Any] = {"machine": machine()}
    out.print("warming up")
    await backlog(stage, 200)
    out.print("50 purchases a second over HTTP")
    rate = await steady(stage, 50, SECONDS)
    figures |= {"rate50_p50_ms": rate["p50_ms"], "rate50_p99_ms": rate["p99_ms"], "rate50_counted": rate["counted"]}
    out.print("verify, and webhooks with the broker up and down")
    figures["verify_max_ms"] = await verify_max(stage, 50)
    figures["webhook_ack_p99_ms"] = (await acknowledgements(stage, 200, SECONDS))["p99_ms"]
    await stage.kafka.crash()
    figures["webhook_ack_broker_down_p99_ms"] = (await acknowledgements(stage, 200, SECONDS))["p99_ms"]
    await stage.kafka.start()
    out.print("as many webhooks as one payment process takes")
    figures["webhook_intake_per_s"] = (await intake(stage, 10_000))["per_s"]
    out.print("buyers at one gateway while another hangs")
    figures["isolation_p99_ratio"] = (await isolation(stage, max(SECONDS, 30.0)))["p99_ratio"]
    out.print("the plain monolith, 64 requests under way")
    figures["monolith_per_s"] = await monolith(stage, 64, SECONDS)
    out.print("closed loop of 64")
    figures["closed64_per_s"] = (await closed_loop(stage, 64, SECONDS))["per_s"]
    out.print(f"backlog of {BACKLOG}")
    from_backlog = await backlog(stage, BACKLOG)
    figures["backlog_per_s"] = from_backlog.pop("per_s")
    return figures | from_backlog


def show(figures: dict[str, Any]) -> None:
    """The table."""
    table = Table(title="Bench")
    for column in ("figure", "measured", "wanted", ""):
        table.add_column(column)
    wanted = {**TARGETS, "backlog_per_s / monolith_per_s": ("≥", 3)}
    shown = {
        **figures,
        "backlog_per_s / monolith_per_s": round(figures["backlog_per_s"] / figures["monolith_per_s"], 2),
    }
    for name, value in shown.items():
        sign, limit = wanted.get(name, ("", ""))
        met = "" if not sign else ("met" if (value >= limit if sign == "≥" else value <= limit) else "missed")
        table.add_row(name, json.dumps(value), f"{sign} {limit}", met)
    Console().print(table)


async def main() -> None:
    """Measure, print, write."""
    home = Path(tempfile.mkdtemp(prefix="payfirst-bench-"))
    stage = Stage(home, 26000, environment={"LOG_LEVEL": "WARNING"}, pages=False)
    out.print("starting a stage")
    await stage.start()
    try:
        figures = await measure(stage)
    finally:
        await stage.stop()
        shutil.rmtree(home, ignore_errors=True)
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)  # noqa: ASYNC221
    figures["commit"] = git.stdout.strip()
    show(figures)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps(figures, indent=2) + "\n")
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
