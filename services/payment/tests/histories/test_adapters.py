"""Histories through the real adapters and simulators, many at once, with faults; when it is quiet, both books agree.

`ADAPTER_HISTORIES=10000` runs as many as wanted; `ADAPTER_SEED` sets the first seed. A seed that fails is printed with what happened,
and belongs into `seeds.txt`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from chassis.outcomes import Verdict, verdict
from chassis.testing import Server
from services.payment.tests.histories.checking import broken
from services.payment.tests.histories.history import History
from services.payment.tests.samples import rows
from services.payment.tests.stage import Stage, staged

pytestmark = pytest.mark.db
COUNT = int(os.environ.get("ADAPTER_HISTORIES", "60"))
FIRST = int(os.environ.get("ADAPTER_SEED", "1"))
CHUNK, AT_ONCE, QUIET_SECONDS = 200, 16, 90.0
_KEPT = Path(__file__).with_name("seeds.txt")
_OPEN_TASKS = "SELECT count(*) FROM tasks WHERE state <> 'dead'"
_ASK = """
UPDATE payments SET poll_at = now() WHERE id IN (
    SELECT id FROM payments WHERE booking_id = ANY($1::text[]) AND (poll_at IS NULL OR poll_at > now())
      AND (gateway_order_id IS NOT NULL OR order_calls > 0) ORDER BY id FOR UPDATE SKIP LOCKED)
"""
_LET_GO = "UPDATE payments SET capture_at = NULL, poll_at = NULL WHERE coalesce(capture_at, poll_at) IS NOT NULL"
"""What is compared comes due no more: the vendors forget it, and half an hour later its capture would find nothing."""
_HURRY = (
    """UPDATE refunds SET check_at = now() WHERE id IN (
           SELECT id FROM refunds WHERE status = 'sent' AND check_at > now() FOR UPDATE SKIP LOCKED)""",
    """UPDATE tasks SET due_at = now() WHERE id IN (
           SELECT id FROM tasks WHERE state IN ('ready', 'held') AND due_at > now() FOR UPDATE SKIP LOCKED)""",
)


@pytest.fixture
async def stage(postgres_server: Server) -> AsyncIterator[Stage]:
    """Payment with every vendor, its clock's jobs running all the time."""
    async with staged(
        postgres_server,
        payment_gateway_timeout_seconds=1.0,
        payment_breaker_failures=100,
        payment_refund_retry_seconds=0.2,
        payment_refund_check_seconds=0.5,
        payment_order_lease_seconds=2.0,
        payment_capture_after_seconds=0.2,
    ) as made:
        made.api.timeout = made.simulator.timeout = 60.0
        clock = asyncio.create_task(ticking(made))
        yield made
        clock.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await clock


async def ticking(stage: Stage) -> None:
    """What a worker's clock does: a job that met a conflict runs again, any other error is the test's."""
    names = ("payment.poll", "payment.captures_due", "payment.charges_due", "payment.refund_checks")
    jobs = [periodic for periodic in stage.application.periodics if periodic.name in names]
    while True:
        for job in jobs:
            try:
                await job.run(stage.database)
            except Exception as error:
                if verdict(error) is not Verdict.CONFLICT:
                    raise
        await asyncio.sleep(0.2)


async def test_no_history_loses_money_takes_it_twice_or_leaves_it_unseen(stage: Stage) -> None:
    kept = [int(line.split()[0]) for line in _KEPT.read_text().splitlines() if line and not line.startswith("#")]
    seeds, begun = [*kept, *range(FIRST, FIRST + COUNT)], time.monotonic()
    for start in range(0, len(seeds), CHUNK):
        await chunk(stage, seeds[start : start + CHUNK])
        done = min(start + CHUNK, len(seeds))
        print(f"{done} histories in {time.monotonic() - begun:.0f} s", flush=True)


async def chunk(stage: Stage, seeds: Sequence[int]) -> None:
    """Run these seeds side by side, let it become quiet, and compare."""
    gate = asyncio.Semaphore(AT_ONCE)
    histories = [History(stage, seed) for seed in seeds]

    async def one(history: History) -> None:
        async with gate:
            try:
                await history.run()
            except Exception as error:
                raise AssertionError(f"seed {history.seed}: {error!r}\n" + "\n".join(history.trail)) from error

    await asyncio.gather(*map(one, histories))
    await stage.simulator.delete("/control/faults")
    end, asked = time.monotonic() + QUIET_SECONDS, [history.booking_id for history in histories]
    while wrong := await unquiet(stage, histories, asked):
        assert time.monotonic() < end, told(histories, wrong)
        asked = list(wrong)
    async with stage.database.transaction() as work:
        await work.execute(_LET_GO)
    await stage.simulator.post("/control/reset")


async def unquiet(stage: Stage, histories: Sequence[History], asked: Sequence[str]) -> dict[str, list[str]]:
    """Ask about the bookings `asked`, hurry what waits, end what vendors keep open, and say what does not hold yet."""
    await end_refunds(stage)
    for sql, arguments in ((_ASK, [list(asked)]), *((sql, []) for sql in _HURRY)):
        async with stage.database.transaction() as work:
            await work.execute(sql, *arguments)
    await asyncio.sleep(0.5)
    ((open_tasks,),) = await rows(stage.database, _OPEN_TASKS)
    wrong = await broken(stage, histories, (await stage.simulator.get("/control/state")).json())
    return wrong or ({"": [f"{open_tasks} tasks are open"]} if open_tasks else {})


async def end_refunds(stage: Stage) -> None:
    """Every refund that waits at a vendor succeeds."""
    state: dict[str, Any] = (await stage.simulator.get("/control/state")).json()
    calls = [
        *(
            (f"razorpay/refunds/{r['id']}/end", {"state": "processed"}, r["status"])
            for r in state["razorpay"]["refunds"]
        ),
        *((f"stripe/refunds/{r['id']}/settle", {"act": "authorize"}, r["status"]) for r in state["stripe"]["refunds"]),
        *(
            (f"phonepe/refunds/{r['merchantRefundId']}/end", {"state": "COMPLETED"}, r["state"].lower())
            for r in state["phonepe"]["refunds"]
        ),
    ]
    for path, body, status in calls:
        if status in ("pending", "waiting", "confirmed"):
            await stage.simulator.post(f"/control/{path}", json=body)


def told(histories: Sequence[History], wrong: dict[str, list[str]]) -> str:
    """What does not hold, with the seed and what happened."""
    lines = list(wrong.get("", []))
    for history in histories:
        if history.booking_id in wrong:
            lines += [f"seed {history.seed}:", *wrong[history.booking_id], *(f"    {what}" for what in history.trail)]
    return "\n".join(lines[:200])
