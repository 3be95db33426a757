"""Dead letters of all services together: filters, pages, bulk replays; ids are written `service:id`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from console.upstream import SERVICES, Services, UpstreamError, settled

_MOST_PAGES = 200
_POLL_SECONDS = 0.5


def parse_reference(reference: str) -> tuple[str, str]:
    """Service and id of `booking:12`. Raises `ValueError` that says what an id looks like."""
    service, _, identifier = reference.partition(":")
    if service not in SERVICES or not (identifier.isascii() and identifier.isdigit()):
        raise ValueError(f"{reference!r} is no id; it looks like {SERVICES[0]}:12")
    return service, identifier


def parse_reference_parts(service: str, identifier: str) -> None:
    """Refuse a service or id of an address that can't be. Raises `UpstreamError` with status 404."""
    try:
        parse_reference(f"{service}:{identifier}")
    except ValueError as error:
        raise UpstreamError("console", 404, "There is no such dead letter", str(error)) from None


@dataclass(frozen=True)
class Filter:
    """Which dead letters: an empty field matches all; `error` is an error class or a fingerprint."""

    step: str = ""
    error: str = ""
    booking_id: str = ""
    since: str = ""

    def query(self) -> dict[str, str]:
        """The fields that are set, for an address."""
        return {name: value for name, value in vars(self).items() if value}

    def services(self, known: dict[str, str]) -> list[str]:
        """The services to ask: the owner of the step, or all."""
        owner = self.step.partition(".")[0]
        return [name for name in known if not owner or name == owner]


@dataclass
class Page:
    """A page of dead letters over several services; `after` continues it, by service."""

    letters: list[dict[str, Any]]
    total: int
    after: dict[str, str]
    missing: dict[str, UpstreamError] = field(default_factory=dict)


async def page(services: Services, chosen: Filter, after: dict[str, str] | None = None) -> Page:
    """The next page of what `chosen` names, oldest first; `after` is the last page's, None begins."""
    asked = chosen.services(services.addresses) if after is None else [n for n in after if n in services.addresses]
    calls = []
    for name in asked:
        query = {**chosen.query(), **({"page_token": after[name]} if after else {})}
        calls.append((name, services.get(name, "/ops/dead-letters", query)))
    answers, missing = await settled(calls)
    found = [
        {**item, "service": name, "ref": f"{name}:{item['id']}"}
        for name, answer in answers.items()
        for item in answer["dead_letters"]
    ]
    return Page(
        sorted(found, key=_by_death),
        sum(answer["total"] for answer in answers.values()),
        {name: answer["next_page_token"] for name, answer in answers.items() if answer["next_page_token"]},
        missing,
    )


async def everything(services: Services, chosen: Filter) -> Page:
    """All pages as one, at most 200 of them."""
    whole = await page(services, chosen)
    for _ in range(_MOST_PAGES):
        if not whole.after:
            break
        more = await page(services, chosen, whole.after)
        whole = Page(whole.letters + more.letters, whole.total, more.after, whole.missing | more.missing)
    whole.letters.sort(key=_by_death)
    return whole


def _by_death(item: dict[str, Any]) -> tuple[str, str]:
    return str(item["dead_at"]), str(item["ref"])


async def begin_replays(services: Services, chosen: Filter, reason: str) -> list[dict[str, Any]]:
    """Freeze what `chosen` names in every service concerned; one run each, with its `service`.

    Raises `UpstreamError` of the first service that refuses; runs begun before stand.
    """
    body = {**chosen.query(), "reason": reason}
    if "error" in body and await _is_fingerprint(services, chosen):
        body["fingerprint"] = body.pop("error")
    runs = []
    for name in chosen.services(services.addresses):
        run = await services.post(name, "/ops/replays", body)
        runs.append({**run, "service": name})
    return runs


async def _is_fingerprint(services: Services, chosen: Filter) -> bool:
    """Whether the filter's error is a fingerprint: bulk replays name it apart from the error class."""
    return any(item["fingerprint"] == chosen.error for item in (await page(services, chosen)).letters)


async def progress(services: Services, service: str, replay_id: str) -> dict[str, Any]:
    """A bulk replay as it stands. Raises `UpstreamError`."""
    return {**await services.get(service, f"/ops/replays/{replay_id}"), "service": service}


async def followed(
    services: Services, run: dict[str, Any], show: Callable[[dict[str, Any]], None], seconds: float = 600.0
) -> dict[str, Any]:
    """Show the run's progress until it ended or `seconds` passed; returns how it stands then."""
    end = asyncio.get_running_loop().time() + seconds
    while True:
        now = await progress(services, run["service"], run["id"])
        show(now)
        if now["state"] != "running" or asyncio.get_running_loop().time() > end:
            return now
        await asyncio.sleep(_POLL_SECONDS)
