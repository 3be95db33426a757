"""One purchase's journey: the four services' timelines joined, so that each message shows where it was told and taken."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2


async def journey(
    client: httpx2.AsyncClient, urls: dict[str, str], token: str, booking_id: str
) -> list[dict[str, Any]]:
    """All entries about `booking_id` in order of time, each with its `service`.

    Asked twice: first what each service told, then again with those message ids, so that what the others took of them
    is there too. Raises httpx2's errors when a service does not answer.
    """
    headers = {"Authorization": f"Bearer {token}"}

    async def ask(service: str, messages: list[str]) -> list[dict[str, Any]]:
        url = f"{urls[service]}/ops/timeline/{booking_id}"
        answer = await client.get(url, params={"message_id": messages}, headers=headers)
        answer.raise_for_status()
        return [{"service": service, **entry} for entry in answer.json()["entries"]]

    first = await asyncio.gather(*(ask(service, []) for service in urls))
    told = {entry["message_id"]: entry["type"] for part in first for entry in part if entry["what"] == "told"}
    parts = await asyncio.gather(*(ask(service, list(told)) for service in urls))
    entries = [entry for part in parts for entry in part]
    for entry in entries:
        if entry["what"] == "taken":
            entry["type"] = told.get(entry["message_id"])
    return sorted(entries, key=lambda entry: str(entry["at"]))
