"""A step that follows in the same transaction: all or nothing, and Kafka's copy of its message changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from chassis.batches import BatchStep
from chassis.ids import uuid7
from chassis.steps import InlineStep, Message
from chassis.testing import Server, fresh_database
from chassis.tests.lab import MIGRATIONS
from chassis.work import Database, Work
from contracts.booking_events import BookingConfirmed
from contracts.fulfillment_events import PurchaseRecorded
from contracts.samples import samples
from contracts.topics import FULFILLMENT_ASSIGNMENTS, FULFILLMENT_PURCHASES

CONFIRMED, RECORDED = samples()["booking.confirmed"], samples()["purchase.recorded"]


@pytest_asyncio.fixture
async def database(postgres_server: Server) -> AsyncIterator[Database]:
    """The laboratory's tables."""
    async with fresh_database(postgres_server, MIGRATIONS) as made:
        yield made


class Service:
    """Two steps: the first tells `purchase.recorded`, the second takes it; `trouble` may raise in the second."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.trouble = False
        self.first = BatchStep(database, InlineStep(FULFILLMENT_PURCHASES, (BookingConfirmed,), self._tell))
        self.second = BatchStep(database, InlineStep(FULFILLMENT_ASSIGNMENTS, (PurchaseRecorded,), self._effect))
        for step in (self.first, self.second):
            step.follow_with([self.first, self.second])

    async def _tell(self, work: Work, messages: Sequence[Message]) -> None:
        for message in messages:
            work.tell(RECORDED, causation=message.id)

    async def _effect(self, work: Work, messages: Sequence[Message]) -> None:
        for message in messages:
            await work.execute(
                "INSERT INTO effects (message_id, booking_id, n) VALUES ($1, $2, 1)", message.id, message.key
            )
        if self.trouble:
            raise ValueError("the second step can't")

    async def rows(self, sql: str) -> Any:
        """Rows of `sql`."""
        return await self.database.alone(sql)

    async def copies(self) -> list[Any]:
        """Kafka's copies of what was told."""
        told = await self.rows("SELECT event_id, type, key, body FROM events ORDER BY id")
        return [record(row.type, row.body, row.key, row.event_id) for row in told]


def record(kind: str, body: bytes, key: str, event_id: Any = None) -> Any:
    """A record as aiokafka gives it."""
    headers = (("ce_type", kind.encode()), ("ce_id", str(event_id or uuid7()).encode()))
    return SimpleNamespace(topic="t", partition=0, offset=0, key=key.encode(), value=body, headers=headers)


def confirmed() -> Any:
    """A new `booking.confirmed`."""
    return record(CONFIRMED.type, CONFIRMED.encode(), CONFIRMED.booking_id)


@pytest.mark.parametrize("restarted", [False, True])
async def test_the_next_step_runs_in_the_same_transaction_and_once(database: Database, restarted: bool) -> None:
    service = Service(database)
    await service.first.apply([confirmed(), confirmed()])
    assert await service.rows("SELECT count(*)::int, count(DISTINCT xmin::text)::int FROM effects") == [(2, 1)]
    transactions = (
        "SELECT xmin::text FROM effects UNION SELECT xmin::text FROM events UNION SELECT xmin::text FROM inbox"
    )
    assert len(await service.rows(transactions)) == 1
    copies = await service.copies()
    await (Service(database) if restarted else service).second.apply(copies)
    assert len(await service.rows("SELECT 1 FROM effects")) == 2
    assert len(await service.rows("SELECT 1 FROM inbox")) == 4
    assert not await service.rows("SELECT 1 FROM tasks")


async def test_when_the_next_step_fails_it_alone_fails_and_its_message_comes_by_kafka(database: Database) -> None:
    service = Service(database)
    service.trouble = True
    await service.first.apply([confirmed()])
    assert len(await service.rows("SELECT 1 FROM events")) == 1
    assert not await service.rows("SELECT 1 FROM effects")
    await service.second.apply(await service.copies())
    (task,) = await service.rows("SELECT step, state, attempts FROM tasks")
    assert task == ("fulfillment.assignments", "ready", 1)


async def test_a_message_whose_key_has_open_work_waits_behind_it(database: Database) -> None:
    service = Service(database)
    service.trouble = True
    await service.first.apply([confirmed()])
    await service.second.apply(await service.copies())
    service.trouble, service.first._follow_again_at = False, 0.0
    await service.first.apply([confirmed()])
    assert not await service.rows("SELECT 1 FROM effects")
    await service.second.apply((await service.copies())[1:])
    assert [row.state for row in await service.rows("SELECT state FROM tasks ORDER BY id")] == ["ready", "blocked"]


async def test_a_copy_under_a_known_id_with_another_body_is_a_dead_letter(database: Database) -> None:
    service = Service(database)
    await service.first.apply([confirmed()])
    (copy,) = await service.copies()
    copy.value = PurchaseRecorded(**{**RECORDED.model_dump(), "tier": 30}).encode()
    await service.second.apply([copy])
    (task,) = await service.rows("SELECT state, disposition FROM tasks")
    assert task == ("dead", "ID_REUSED")
    assert len(await service.rows("SELECT 1 FROM effects")) == 1
