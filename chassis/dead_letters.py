"""Dead letters: the record that leaves for the step's dead-letter topic, same key and bytes, story in its headers."""

from __future__ import annotations

from datetime import UTC, datetime

from chassis.ids import uuid7
from chassis.outbox import Outgoing
from chassis.outcomes import Failure
from chassis.steps import AnyStep
from chassis.tasks import NewTask

_HEADER_LIMIT = 1000


def letter(step: AnyStep, task: NewTask, *, episode: int = 0, first_failed_at: datetime | None = None) -> Outgoing:
    """The record for the dead task `task` of `step`; only text headers, each of at most 1,000 characters."""
    failure = task.failure or Failure("Unknown", "", "")
    now = datetime.now(UTC)
    story = {
        "dlq.id": f"{task.step}/{task.message_id}/{episode}",
        "dlq.episode": str(episode),
        "dlq.step": task.step,
        "dlq.disposition": task.disposition or "NON_RETRYABLE",
        "dlq.attempts": str(task.attempts),
        "dlq.schedule": ",".join(f"{seconds:g}s" for seconds in step.ladder.schedule()),
        "dlq.source.topic": task.topic or "",
        "dlq.source.partition": "" if task.partition is None else str(task.partition),
        "dlq.source.offset": "" if task.offset is None else str(task.offset),
        "dlq.error.class": failure.error_class,
        "dlq.error.message": failure.message,
        "dlq.error.fingerprint": failure.fingerprint,
        "dlq.first_failed_at": (first_failed_at or now).isoformat(),
        "dlq.dead_at": now.isoformat(),
    }
    headers = {**(task.headers or {}), **story}
    return Outgoing(
        event_id=uuid7(),
        topic=step.step.dead_letter_topic(task.topic),
        key=task.key,
        type=task.type,
        body=task.body,
        headers={name: value[:_HEADER_LIMIT] for name, value in headers.items()},
        causation_id=task.message_id,
        traceparent=task.traceparent,
    )
