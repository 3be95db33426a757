"""The one place that joins the four services' timelines of a purchase into one journey."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import httpx2

from chassis.pages import instant
from console.upstream import Services, UpstreamError, settled

_IDS_PER_CALL = 100
_ORDER = {"taken": 0, "told": 1}
Entry = dict[str, Any]


async def journey(client: httpx2.AsyncClient, urls: dict[str, str], token: str, booking_id: str) -> list[Entry]:
    """The journey of `booking_id` as entries in order of time, each with its `service`.

    `urls` maps service to address, `token` needs the role ops or admin. Raises `UpstreamError` when a service is away.
    """
    entries, missing = await gather(Services(client, urls, token), booking_id)
    for error in missing.values():
        raise error
    return entries


async def gather(services: Services, booking_id: str) -> tuple[list[Entry], dict[str, UpstreamError]]:
    """The journey as far as services answer, and the error of each that did not.

    Two rounds: the first learns which messages were told, the second lets every service add what it took of them.
    """
    path = f"/ops/timeline/{quote(booking_id, safe='')}"
    first, missing = await settled((name, services.get(name, path)) for name in services.addresses)
    parts = {name: answer["entries"] for name, answer in first.items()}
    told = sorted({entry["message_id"] for entries in parts.values() for entry in entries if _is_told(entry)})
    for start in range(0, len(told), _IDS_PER_CALL):
        chunk = [("message_id", identifier) for identifier in told[start : start + _IDS_PER_CALL]]
        more, away = await settled((name, services.get(name, path, chunk)) for name in parts)
        missing |= away
        for name, answer in more.items():
            parts[name] = parts[name] + answer["entries"]
    return _joined(parts), missing


def _is_told(entry: Entry) -> bool:
    return entry.get("what") == "told" and bool(entry.get("message_id"))


def _joined(parts: dict[str, list[Entry]]) -> list[Entry]:
    """One list without repeats, in order of time; entries about a message learn its type from who told it."""
    types = {entry["message_id"]: entry.get("type") for entry in _all(parts) if _is_told(entry)}
    seen: set[tuple[object, ...]] = set()
    joined: list[Entry] = []
    for service, entries in parts.items():
        for entry in entries:
            identity = (service, *(str(entry.get(name)) for name in ("at", "what", "step", "message_id", "target")))
            if identity not in seen:
                seen.add(identity)
                known = entry.get("type") or types.get(entry.get("message_id"))
                joined.append({**entry, "service": service, "type": known})
    return sorted(joined, key=_position)


def _all(parts: dict[str, list[Entry]]) -> Iterable[Entry]:
    return (entry for entries in parts.values() for entry in entries)


def _position(entry: Entry) -> tuple[float, int]:
    """Time first; of the same instant, which is the same transaction, what was taken before what was told of it."""
    moment = instant(entry.get("at"))
    return (moment.timestamp() if moment else 0.0, _ORDER.get(str(entry.get("what")), 2))
