"""How many webhooks one payment process acknowledges a second, and how fast, measured by a client that costs next to nothing."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2

from bench.buyer import Buyer
from bench.measuring import SERVICES, quantile
from bench.webhooks import entity_of, signed
from deploy.stage.stage import Stage

_CONNECTIONS = 64


async def intake(stage: Stage, count: int) -> dict[str, float]:
    """Webhooks a second over 64 connections, each with its next one as soon as the last is answered; `count` in all."""
    requests = await _requests(stage, count)
    started = time.monotonic()
    took = await _sent(stage, requests, 0)
    return {"per_s": round(count / (time.monotonic() - started), 1), "p99_ms": round(quantile(took, 0.99), 1)}


async def acknowledgements(stage: Stage, per_s: int, seconds: float) -> dict[str, float]:
    """Milliseconds to a webhook's 200 from the moment at which it was to be sent, `per_s` a second; each is another event
    of one payment. The first second warms up and does not count; what was under way before is let end."""
    await _quiet(stage)
    requests = await _requests(stage, int(per_s * (seconds + 1)))
    took = await _sent(stage, requests, per_s)
    counted = took[per_s:]
    return {"p50_ms": round(quantile(counted, 0.5), 1), "p99_ms": round(quantile(counted, 0.99), 1)}


async def _quiet(stage: Stage) -> None:
    """Wait until no service has a task to run, mails among them."""
    for service in SERVICES:
        connection = await asyncpg.connect(stage.record["databases"][service])
        try:
            while await connection.fetchval(
                "SELECT EXISTS (SELECT 1 FROM tasks WHERE state <> 'dead' AND due_at <= now())"
            ):
                await asyncio.sleep(0.2)
        finally:
            await connection.close()


async def _requests(stage: Stage, count: int) -> list[bytes]:
    secret = json.loads((stage.home / "secrets.json").read_text())["RAZORPAY_WEBHOOK_SECRET"]
    async with httpx2.AsyncClient(timeout=30) as client:
        entity = entity_of(await Buyer(stage.record, client).check_out())
    return [_bytes(*signed(secret, entity)) for _ in range(count)]


def _bytes(body: bytes, headers: dict[str, str]) -> bytes:
    lines = ["POST /api/v1/webhooks/razorpay HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _sent(stage: Stage, requests: list[bytes], per_s: int) -> list[float]:
    """Milliseconds to each answer, in the order of sending; at `per_s` a second, or 0: as fast as they are answered."""
    address, took = urlsplit(stage.record["payment"]), [0.0] * len(requests)
    waiting, begun = iter(enumerate(requests)), time.monotonic()

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            for number, request in waiting:
                due = begun + number / per_s if per_s else time.monotonic()
                await asyncio.sleep(due - time.monotonic())
                writer.write(request)
                status = await _answered(reader)
                if status != b"200":
                    raise RuntimeError(f"a webhook was answered {status.decode()}")
                took[number] = (time.monotonic() - due) * 1000
        finally:
            writer.close()

    await asyncio.gather(*(connection() for _ in range(_CONNECTIONS)))
    return took


async def _answered(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            await reader.readexactly(int(value))
    return head.split(b" ", 2)[1]


async def isolation(stage: Stage, seconds: float) -> dict[str, Any]:
    """Create-order at Razorpay, 10 a second, beside as many at Stripe: its p99 while Stripe answers after 30 s, by its p99
    while Stripe is well; two turns of each, one after the other. Of fewer than 600 calls one slow one decides a p99."""
    well: list[float] = []
    hanging: list[float] = []
    control = f"{stage.record['simulators']}/control/faults"
    async with httpx2.AsyncClient(timeout=60) as client:
        for _ in range(2):
            well += await _buying(stage, client, seconds)
            hang = {"vendor": "stripe", "kind": "slow", "delay_seconds": 30, "times": None}
            (await client.post(control, json=hang)).raise_for_status()
            hanging += await _buying(stage, client, seconds)
            (await client.delete(control)).raise_for_status()
            await asyncio.sleep(12)  # the breaker asks again after 10 s; both turns begin with it closed
    ratio = quantile(hanging, 0.99) / quantile(well, 0.99)
    return {"p99_ratio": round(ratio, 2), "p99_ms": round(quantile(hanging, 0.99), 1)}


async def _buying(stage: Stage, client: httpx2.AsyncClient, seconds: float) -> list[float]:
    buyer, took = Buyer(stage.record, client), list[float]()
    tokens = [await buyer.checkout_token() for _ in range(int(20 * seconds))]

    async def one(number: int, token: str) -> None:
        await asyncio.sleep(number / 20)
        gateway, started = ("razorpay", "stripe")[number % 2], time.monotonic()
        body = {"checkout_token": token, "gateway": gateway}
        path = f"{stage.record['payment']}/api/v1/payments/public/create-order"
        answer = await client.post(path, json=body)
        if gateway == "razorpay":
            answer.raise_for_status()
            took.append((time.monotonic() - started) * 1000)

    await asyncio.gather(*(one(number, token) for number, token in enumerate(tokens)))
    return took
