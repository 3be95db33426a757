"""What may come in by Kafka: events of the contracts, never a service's own task bodies."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

from pydantic import BaseModel

from chassis.ids import uuid7
from chassis.records import Reader, Unreadable
from chassis.steps import InlineStep, Message, event_models, known_types
from contracts.booking_events import RefundDue
from contracts.samples import samples
from contracts.topics import PAYMENT_REFUNDS


class RunRefund(BaseModel):
    """A task body of the step's own service."""

    type: ClassVar[str] = "refund.run"
    refund_id: str


def _record(kind: str, body: bytes, key: str) -> Any:
    headers = [("ce_type", kind.encode()), ("ce_id", str(uuid7()).encode())]
    return SimpleNamespace(topic="t", partition=0, offset=0, key=key.encode(), value=body, headers=headers)


async def _nothing(work: Any, messages: Any) -> None:
    """Handles nothing."""


def test_a_task_body_that_comes_by_kafka_is_a_dead_letter_and_an_event_is_a_message() -> None:
    step = InlineStep(PAYMENT_REFUNDS, (RefundDue, RunRefund), _nothing)
    reader = Reader(event_models(step), known_types())
    forged = reader.read(_record("refund.run", b'{"refund_id": "r-1"}', "r-1"))
    assert isinstance(forged, Unreadable)
    assert forged.disposition == "UNKNOWN_TYPE"
    due = samples()["refund.due"]
    assert isinstance(reader.read(_record("refund.due", due.encode(), due.booking_id)), Message)
    assert reader.read(_record("hold.expired", b"not even JSON", "x")) is None
