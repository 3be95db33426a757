"""The numbers of the overview: lag, unpublished events, tasks, dead letters and money at risk, over all services."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from console.upstream import Services, UpstreamError, settled
from contracts.topics import STEPS

STATES = ("ready", "running", "held", "blocked", "dead")
_PARTS = {"lag": "/ops/lag", "outbox": "/ops/outbox", "tasks": "/ops/tasks", "letters": "/ops/dead-letters"}
_TIMEOUT_SECONDS = 9.0
_LEAST_FULL_MESSAGES = 100
_LEAST_FULL_SECONDS = 10.0


@dataclass
class StepRow:
    """One step: its lag (None when unknown or when it reads no topic) and its tasks by state."""

    name: str
    reads_topics: bool
    messages: int | None = None
    oldest_seconds: float | None = None
    rate_per_second: float | None = None
    drain_seconds: float | None = None
    tasks: dict[str, int] = field(default_factory=dict)
    messages_share: float = 0.0
    seconds_share: float = 0.0

    @property
    def service(self) -> str:
        """The owning service."""
        return self.name.partition(".")[0]


@dataclass
class ServiceRow:
    """One service: unpublished events, age of the oldest in seconds, dead letters, open breakers, what is amiss."""

    name: str
    unpublished: int | None = None
    unpublished_seconds: float = 0.0
    dead: int | None = None
    breakers: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


@dataclass
class Overview:
    """Everything that the first page shows. `at_risk` is paid and not fulfilled: currency → minor units."""

    steps: list[StepRow]
    services: list[ServiceRow]
    waiting_bookings: int | None = None
    waiting_seconds: float = 0.0
    at_risk: dict[str, int] = field(default_factory=dict)

    @property
    def behind(self) -> int:
        """Messages behind, over all steps."""
        return sum(step.messages or 0 for step in self.steps)

    @property
    def oldest_seconds(self) -> float:
        """Age of the oldest message not taken, over all steps."""
        return max((step.oldest_seconds or 0.0 for step in self.steps), default=0.0)

    @property
    def unpublished(self) -> int:
        """Events not in Kafka yet."""
        return sum(service.unpublished or 0 for service in self.services)

    @property
    def dead(self) -> int:
        """Open dead letters."""
        return sum(service.dead or 0 for service in self.services)

    @property
    def waiting_tasks(self) -> int:
        """Tasks that are not dead."""
        return sum(count for step in self.steps for state, count in step.tasks.items() if state != "dead")

    @property
    def unknown(self) -> bool:
        """Whether a service did not answer, so that sums say too little."""
        return any(service.troubles for service in self.services)


async def look(services: Services) -> Overview:
    """Ask every service at once; what does not answer is named as trouble, not left out."""
    calls = [
        (f"{name} {part}", services.get(name, path, timeout=_TIMEOUT_SECONDS))
        for name in services.addresses
        for part, path in _PARTS.items()
    ]
    calls += [(f"{name} metrics", services.text(name, "/metrics", _TIMEOUT_SECONDS)) for name in services.addresses]
    answers, missing = await settled(calls)
    overview = Overview(_steps(answers, services), [])
    for name in services.addresses:
        overview.services.append(_service(name, answers, missing))
    _money(overview, answers.get("booking metrics"))
    return overview


def _steps(answers: dict[str, Any], services: Services) -> list[StepRow]:
    rows = {step.name: StepRow(step.name, bool(step.topics)) for step in STEPS}
    for name in services.addresses:
        for item in (answers.get(f"{name} lag") or {}).get("steps", []):
            row = rows.setdefault(item["step"], StepRow(item["step"], True))
            row.messages, row.oldest_seconds = item["messages"], item["oldest_seconds"]
            row.rate_per_second, row.drain_seconds = item["rate_per_second"], item["drain_seconds"]
        for item in (answers.get(f"{name} tasks") or {}).get("counts", []):
            row = rows.setdefault(item["step"], StepRow(item["step"], False))
            row.tasks[item["state"]] = item["n"]
    most = max([_LEAST_FULL_MESSAGES, *(row.messages or 0 for row in rows.values())])
    oldest = max([_LEAST_FULL_SECONDS, *(row.oldest_seconds or 0.0 for row in rows.values())])
    for row in rows.values():
        row.messages_share, row.seconds_share = (row.messages or 0) / most, (row.oldest_seconds or 0.0) / oldest
    order = {name: position for position, name in enumerate(services.addresses)}
    return sorted(rows.values(), key=lambda row: order.get(row.service, len(order)))


def _service(name: str, answers: dict[str, Any], missing: dict[str, UpstreamError]) -> ServiceRow:
    row = ServiceRow(name)
    if (outbox := answers.get(f"{name} outbox")) is not None:
        row.unpublished = outbox["unpublished"]
        row.unpublished_seconds = outbox["oldest"][0]["age_seconds"] if outbox["oldest"] else 0.0
    if (letters := answers.get(f"{name} letters")) is not None:
        row.dead = letters["total"]
    row.breakers = [
        labels["outside"] for labels, value in _samples(answers.get(f"{name} metrics"), "breaker_open") if value
    ]
    failed = [(part, missing[f"{name} {part}"]) for part in (*_PARTS, "metrics") if f"{name} {part}" in missing]
    if failed and all(error.status == 0 for _, error in failed) and len(failed) == len(_PARTS) + 1:
        row.troubles = ["does not answer"]
    else:
        row.troubles = [f"{part}: {error.detail or error.title}" for part, error in failed]
    return row


def _samples(metrics: str | None, name: str) -> list[tuple[dict[str, str], float]]:
    """Labels and values of the gauge `name` in Prometheus text; nothing when it is not there."""
    if not metrics:
        return []
    return [
        (dict(sample.labels), float(sample.value))
        for family in text_string_to_metric_families(metrics)
        if family.name == name
        for sample in family.samples
        if sample.name == name
    ]


def _money(overview: Overview, metrics: str | None) -> None:
    waiting = _samples(metrics, "paid_not_fulfilled")
    overview.waiting_bookings = int(sum(value for _, value in waiting)) if waiting else None
    overview.waiting_seconds = max(
        (value for _, value in _samples(metrics, "paid_not_fulfilled_oldest_seconds")), default=0.0
    )
    for labels, value in _samples(metrics, "paid_not_fulfilled_amount_minor"):
        overview.at_risk[labels["currency"]] = int(value)
