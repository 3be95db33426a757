"""The measurements: a backlog, a closed loop, a steady rate over HTTP, webhooks with the broker up and down."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import asyncpg
import httpx2

from bench.buyer import Buyer, Checkout
from bench.loading import Teller, hold_places
from bench.measuring import (
    analyze,
    cpu_ms_per,
    fulfilled,
    quantile,
    services_memory_mib,
    snapshot,
    statements,
)
from deploy.stage.stage import Stage


async def backlog(stage: Stage, count: int) -> dict[str, Any]:
    """Fulfilled purchases a second from `count` secured payments that are all there at the start."""
    urls = stage.record["databases"]
    ids = await hold_places(urls["booking"], count)
    await analyze(urls)
    base, cpu, asked = await fulfilled(urls["fulfillment"]), snapshot(stage), await statements(stage)
    started = time.monotonic()
    async with Teller(urls["payment"]) as teller:
        await teller.tell(ids)
    # Counting all of them takes its time from what is measured: first a few are waited for.
    await _completed(urls["fulfillment"], [str(i) for i in ids[:: max(1, count // 200)]], started + 300)
    while (done := await fulfilled(urls["fulfillment"]) - base) < count:
        if time.monotonic() - started > 300:
            raise TimeoutError(f"{done} of {count} were fulfilled in 300 s")
        await asyncio.sleep(0.2)
    seconds = time.monotonic() - started
    after = await statements(stage)
    return {
        "per_s": round(count / seconds, 1),
        "cpu_ms_per_purchase": cpu_ms_per(cpu, snapshot(stage), count),
        "statements_per_purchase": round((after["statements"] - asked["statements"]) / count, 3),
        "transactions_per_purchase": round((after["transactions"] - asked["transactions"]) / count, 3),
        "services_memory_mib": services_memory_mib(stage),
    }


async def _completed(url: str, booking_ids: list[str], deadline: float) -> None:
    """Wait until all of `booking_ids` are fulfilled. Raises `TimeoutError` after `deadline` on the monotonic clock."""
    connection = await asyncpg.connect(url)
    try:
        while len(await connection.fetch(_COMPLETED, booking_ids)) < len(booking_ids):
            if time.monotonic() > deadline:
                raise TimeoutError("a backlog was not fulfilled in time")
            await asyncio.sleep(0.05)
    finally:
        await connection.close()


async def closed_loop(stage: Stage, outstanding: int, seconds: float) -> dict[str, Any]:
    """Fulfilled purchases a second with `outstanding` under way at any time."""
    urls = stage.record["databases"]
    waiting = await hold_places(urls["booking"], int(4000 * seconds))
    under_way: set[str] = set()
    done = 0
    connection = await asyncpg.connect(urls["fulfillment"])
    started = time.monotonic()
    try:
        async with Teller(urls["payment"]) as teller:
            while (passed := time.monotonic() - started) < seconds:
                if room := outstanding - len(under_way):
                    batch = [waiting.pop() for _ in range(room)]
                    await teller.tell(batch)
                    under_way.update(map(str, batch))
                completed = await connection.fetch(_COMPLETED, list(under_way))
                under_way.difference_update(row["booking_id"] for row in completed)
                done += len(completed)
                if not completed:
                    await asyncio.sleep(0.002)
    finally:
        await connection.close()
    return {"per_s": round(done / passed, 1)}


_COMPLETED = "SELECT booking_id FROM fulfillments WHERE booking_id = ANY($1::text[]) AND completed_at IS NOT NULL"


async def steady(stage: Stage, per_s: int, seconds: float) -> dict[str, float]:
    """Milliseconds from the webhook's arrival to fulfilled and told at `per_s` purchases a second, by the database's clock."""
    async with httpx2.AsyncClient(timeout=30) as client:
        buyer = Buyer(stage.record, client)
        checkouts = await _check_out_many(buyer, int(per_s * seconds))
        paying = [asyncio.create_task(_pay_at(buyer, checkout, n / per_s)) for n, checkout in enumerate(checkouts)]
        await asyncio.gather(*paying)
        await asyncio.sleep(2)
        started = time.monotonic()
        answers = [await buyer.verify(await paid, c) for paid, c in zip(paying[:20], checkouts[:20], strict=True)]
        verify_ms = (time.monotonic() - started) / len(answers) * 1000
    waits = await _waits(stage, [checkout.booking_id for checkout in checkouts])
    return {
        "p50_ms": round(quantile(waits, 0.5), 1),
        "p99_ms": round(quantile(waits, 0.99), 1),
        "counted": len(waits),
        "verify_mean_ms": round(verify_ms, 1),
    }


async def _check_out_many(buyer: Buyer, count: int) -> list[Checkout]:
    made: list[Checkout] = []
    while len(made) < count:
        made += await asyncio.gather(*(buyer.check_out() for _ in range(min(8, count - len(made)))))
    return made


async def _pay_at(buyer: Buyer, checkout: Checkout, after_seconds: float) -> dict[str, Any]:
    await asyncio.sleep(after_seconds)
    return await buyer.pay(checkout)


async def _waits(stage: Stage, booking_ids: list[str]) -> list[float]:
    """Milliseconds from the first stored webhook of a payment until Kafka had the word that its fulfillment is completed.

    The event's own instant is that of its transaction's start, which says nothing of the work done in it.
    """
    urls = stage.record["databases"]
    payment, fulfillment = await asyncpg.connect(urls["payment"]), await asyncpg.connect(urls["fulfillment"])
    try:
        seen = await payment.fetch(
            """SELECT booking_id, min(received_at) AS at FROM (
                   SELECT convert_from(body, 'UTF8')::jsonb #>> '{payload,payment,entity,notes,booking_id}' AS booking_id,
                          received_at FROM gateway_events) g
               WHERE booking_id = ANY($1::text[]) GROUP BY booking_id""",
            booking_ids,
        )
        done = await fulfillment.fetch(
            """SELECT key AS booking_id, published_at AS at FROM events JOIN publications USING (id)
               WHERE type = 'fulfillment.completed' AND key = ANY($1::text[])""",
            booking_ids,
        )
    finally:
        await payment.close()
        await fulfillment.close()
    arrived = {row["booking_id"]: row["at"] for row in seen}
    return [
        (row["at"] - arrived[row["booking_id"]]).total_seconds() * 1000 for row in done if row["booking_id"] in arrived
    ]
