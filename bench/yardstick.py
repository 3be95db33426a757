"""Runs the monolith of `bench.monolith` on the stage's PostgreSQL with 64 requests under way at any time."""

from __future__ import annotations

import asyncio
import os
import sys
import time

import asyncpg
import httpx2
from sqlalchemy.ext.asyncio import create_async_engine

from bench.monolith import Base
from chassis.ids import uuid7
from deploy.stage.stage import Stage

_SUBJECTS = ("mathematics", "physics", "english", "music")


async def monolith(stage: Stage, outstanding: int, seconds: float) -> float:
    """Purchases a second of the plain program: one process, as many requests under way as the closed loop has."""
    assert stage.postgres is not None
    admin = await asyncpg.connect(stage.postgres.url())
    await admin.execute("DROP DATABASE IF EXISTS monolith")
    await admin.execute("CREATE DATABASE monolith")
    await admin.close()
    url = stage.postgres.url("monolith").replace("postgresql://", "postgresql+asyncpg://")
    await _prepare(url)
    port = stage.ports.take(40)
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "bench.monolith:app", "--port", str(port), "--log-level", "warning"),
        env={**os.environ, "MONOLITH_DATABASE_URL": url},
    )
    try:
        return await _drive(f"http://127.0.0.1:{port}", outstanding, seconds)
    finally:
        server.terminate()
        await server.wait()


async def _prepare(url: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        trainers = ", ".join(f"('t{n}', '{_SUBJECTS[n % 4]}', 'female', 0)" for n in range(12))
        await connection.exec_driver_sql(f"INSERT INTO trainers (id, specialty, gender, active_load) VALUES {trainers}")  # noqa: S608
        await connection.exec_driver_sql(
            "INSERT INTO invoice_series (year, last_number) VALUES (extract(year FROM now())::bigint, 0)"
        )
    await engine.dispose()


async def _drive(base: str, outstanding: int, seconds: float) -> float:
    done = 0
    limits = httpx2.Limits(max_connections=outstanding)
    async with httpx2.AsyncClient(timeout=30, limits=limits) as client:
        for _ in range(200):
            try:
                await client.get(f"{base}/openapi.json")
                break
            except httpx2.TransportError:
                await asyncio.sleep(0.05)
        end = time.monotonic() + seconds

        async def buyer(number: int) -> None:
            nonlocal done
            while time.monotonic() < end:
                body = {
                    "booking_id": str(uuid7()),
                    "amount_minor": 99900,
                    "currency": "INR",
                    "specialty": _SUBJECTS[number % 4],
                    "tier": 10,
                }
                answer = await client.post(f"{base}/purchases", json=body)
                answer.raise_for_status()
                done += 1

        started = time.monotonic()
        await asyncio.gather(*(buyer(number) for number in range(outstanding)))
        return round(done / (time.monotonic() - started), 1)
