"""Sessions through the steps as they run: all in one transaction, and Kafka's copies change nothing (ADR 0017)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from chassis.batches import BatchStep
from chassis.steps import Message
from chassis.work import Database
from services.fulfillment.consumers import STEPS
from services.fulfillment.tests import sessions
from services.fulfillment.tests.test_steps import count, told

pytestmark = pytest.mark.db


def record(message: Message) -> Any:
    """`message` as Kafka brings it."""
    headers = (("ce_type", message.type.encode()), ("ce_id", str(message.id).encode()))
    return SimpleNamespace(
        topic="t", partition=0, offset=0, key=message.key.encode(), value=message.event.encode(), headers=headers
    )


async def test_a_session_is_fulfilled_in_one_transaction_and_its_copies_change_nothing(database: Database) -> None:
    steps = [BatchStep(database, step) for step in STEPS]
    purchases = steps[0]
    purchases.follow_with(steps)
    bookings = [sessions.confirmed(), sessions.confirmed(sessions.session(), sessions.course())]
    cancelled = sessions.cancelled(bookings[0].key)
    await purchases.apply([record(message) for message in bookings])
    assert len(await told(database, "fulfillment.completed")) == 2
    written = (
        "SELECT xmin::text FROM consultations UNION SELECT xmin::text FROM invoices UNION SELECT xmin::text FROM events"
    )
    assert len(await database.alone(written)) == 1
    await purchases.apply([record(message) for message in (*bookings, cancelled, cancelled)])
    copies = await told(database, "purchase.recorded", "trainer.assigned", "meeting.ready")
    for step in STEPS[1:]:
        await BatchStep(database, step).apply([record(message) for message in copies])
    assert await count(database, "SELECT array_agg(number ORDER BY number) FROM invoices") == [1, 2, 3]
    assert await count(database, "SELECT array_agg(state ORDER BY state) FROM consultations") == ["live", "removed"]
    assert len(await told(database, "fulfillment.completed")) == 2
    assert not await database.alone("SELECT 1 FROM tasks")
