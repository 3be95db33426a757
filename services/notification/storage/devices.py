"""Devices that take push notices, by their owner: an account's subject or `booking:<id>` for a guest."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from chassis.ids import uuid7
from chassis.work import Work

_REGISTER = """
INSERT INTO devices (device_id, owner, target, registration) VALUES ($1, $2, $3, $4)
ON CONFLICT (registration) DO UPDATE SET owner = excluded.owner, target = excluded.target, last_seen_at = now()
RETURNING device_id
"""


async def register(work: Work, owner: str, target: str, registration: str) -> UUID:
    """Keep the device under `owner`; one that was registered before changes hands and keeps its id."""
    row = await work.fetch_one(_REGISTER, uuid7(), owner, target, registration)
    if row is None:
        raise LookupError("the device was not stored")
    return UUID(str(row.device_id))


async def of_owners(work: Work, owners: Sequence[str]) -> list[UUID]:
    """Ids of the devices that belong to any of `owners`."""
    rows = await work.fetch(
        "SELECT device_id FROM devices WHERE owner = ANY($1::text[]) ORDER BY device_id", list(owners)
    )
    return [row.device_id for row in rows]


async def remove(work: Work, device_id: UUID) -> None:
    """Forget the device: the push service says that it is no more."""
    await work.execute("DELETE FROM devices WHERE device_id = $1", device_id)
