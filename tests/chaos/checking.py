"""After the storm: every paid purchase is fulfilled once, numbers have no gap, loads equal allocations, mails are single."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx2


@dataclass
class Verdict:
    """What was found. `violations` is empty when every invariant holds."""

    purchases: int = 0
    lost: int = 0
    doubled: int = 0
    slowest_seconds: float = 0.0
    settled_seconds: float = 0.0
    violations: list[str] = field(default_factory=list)


async def _fetch(url: str, sql: str, *args: Any) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(sql, *args))
    finally:
        await connection.close()


async def settle(record: dict[str, Any], paid: list[str], seconds: float = 120.0) -> float:
    """Wait until every paid purchase is fulfilled or `seconds` have passed; returns how long it took."""
    started = time.monotonic()
    done = "SELECT count(*) AS n FROM fulfillments WHERE completed_at IS NOT NULL AND booking_id = ANY($1::text[])"
    while time.monotonic() - started < seconds:
        (row,) = await _fetch(record["databases"]["fulfillment"], done, paid)
        if row["n"] == len(set(paid)):
            break
        await asyncio.sleep(0.25)
    return time.monotonic() - started


async def judge(record: dict[str, Any], paid: list[str]) -> Verdict:
    """Check the invariants of reliability 1 that a course purchase can break."""
    found = Verdict(purchases=len(set(paid)), settled_seconds=await settle(record, paid))
    urls = record["databases"]
    fulfilled = {
        row["booking_id"]: row["completed_at"]
        for row in await _fetch(
            urls["fulfillment"], "SELECT booking_id, completed_at FROM fulfillments WHERE completed_at IS NOT NULL"
        )
    }
    missing = sorted(set(paid) - fulfilled.keys())
    found.lost = len(missing)
    if missing:
        found.violations.append(f"{len(missing)} paid and not fulfilled, for example {missing[:3]}")
    told = await _fetch(
        urls["payment"], "SELECT key, min(created_at) AS at FROM events WHERE type = 'payment.secured' GROUP BY key"
    )
    waits = [(fulfilled[row["key"]] - row["at"]).total_seconds() for row in told if row["key"] in fulfilled]
    found.slowest_seconds = round(max(waits, default=0.0), 2)
    await _doubles(urls, found)
    await _numbers(urls, found)
    await _mails(record, found)
    return found


_DOUBLES = {
    "fulfillment": ("student_course_purchases", "trainer_allocations", "invoices"),
    "booking": ("bookings",),
}


async def _doubles(urls: dict[str, str], found: Verdict) -> None:
    for service, tables in _DOUBLES.items():
        for table in tables:
            rows = await _fetch(
                urls[service], f"SELECT booking_id FROM {table} GROUP BY booking_id HAVING count(*) > 1"
            )
            found.doubled += len(rows)
            if rows:
                found.violations.append(f"{len(rows)} bookings have more than one row in {table}")
    rows = await _fetch(
        urls["fulfillment"],
        "SELECT key FROM events WHERE type = 'fulfillment.completed' GROUP BY key HAVING count(*) > 1",
    )
    found.doubled += len(rows)
    rows = await _fetch(
        urls["fulfillment"],
        "SELECT allocation_id FROM tutoring_sessions GROUP BY allocation_id HAVING count(*) <> 10",
    )
    if rows:
        found.violations.append(f"{len(rows)} allocations have not exactly ten sessions")


async def _numbers(urls: dict[str, str], found: Verdict) -> None:
    (row,) = await _fetch(urls["fulfillment"], "SELECT count(*) AS n, coalesce(max(number), 0) AS top FROM invoices")
    if row["n"] != row["top"]:
        found.violations.append(f"{row['n']} invoices, the highest number is {row['top']}")
    wrong = await _fetch(
        urls["fulfillment"],
        """SELECT t.trainer_id FROM trainers t LEFT JOIN trainer_allocations a USING (trainer_id)
           GROUP BY t.trainer_id, t.active_load HAVING count(a.allocation_id) <> t.active_load""",
    )
    if wrong:
        found.violations.append(f"{len(wrong)} trainers' loads differ from their allocations")


async def _mails(record: dict[str, Any], found: Verdict) -> None:
    rows = await _fetch(
        record["databases"]["notification"],
        "SELECT booking_id FROM deliveries GROUP BY booking_id, kind, recipient, about HAVING count(*) > 1",
    )
    found.doubled += len(rows)
    async with httpx2.AsyncClient(timeout=60) as client:
        messages = (await client.get(f"{record['mail']}/messages")).json()
    subjects: dict[tuple[str, str], set[str]] = {}
    for message in messages:
        subjects.setdefault((message["to"][0], message["subject"]), set()).add(message["message_id"])
    twice = [key for key, ids in subjects.items() if len(ids) > 1]
    if twice:
        found.violations.append(f"{len(twice)} mails came under more than one Message-ID")
