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
_EFFECT = "INSERT INTO effects (message_id, booking_id, n) VALUES ($1, $2, 1)"


class Service:
    """Two steps: the first tells `purchase.recorded`, the second takes it and, with `trouble`, raises."""

    def __init__(self, database: Database) -> None:
        self.rows, self.trouble = database.alone, False
        self.first = BatchStep(database, InlineStep(FULFILLMENT_PURCHASES, (BookingConfirmed,), self._tell))
        self.second = BatchStep(database, InlineStep(FULFILLMENT_ASSIGNMENTS, (PurchaseRecorded,), self._effect))
        self.first.follow_with([self.first, self.second])

    async def _tell(self, work: Work, messages: Sequence[Message]) -> None:
        for message in messages:
            work.tell(RECORDED, causation=message.id)

    async def _effect(self, work: Work, messages: Sequence[Message]) -> None:
        for message in messages:
            await work.execute(_EFFECT, message.id, message.key)
        if self.trouble:
            raise ValueError("the second step can't")

    async def confirm(self, times: int = 1) -> list[Any]:
        """New `booking.confirmed` for the first step; returns Kafka's copies of all that was told ever."""
        await self.first.apply([_record(CONFIRMED.type, CONFIRMED.encode(), uuid7()) for _ in range(times)])
        told = await self.rows("SELECT event_id, type, body FROM events ORDER BY id")
        return [_record(row.type, row.body, row.event_id) for row in told]


def _record(kind: str, body: bytes, event_id: Any) -> Any:
    headers = (("ce_type", kind.encode()), ("ce_id", str(event_id).encode()))
    return SimpleNamespace(
        topic="t", partition=0, offset=0, key=CONFIRMED.booking_id.encode(), value=body, headers=headers
    )


@pytest_asyncio.fixture
async def service(postgres_server: Server) -> AsyncIterator[Service]:
    """The service on the laboratory's tables."""
    async with fresh_database(postgres_server, MIGRATIONS) as database:
        yield Service(database)


@pytest.mark.parametrize("restarted", [False, True])
async def test_the_next_step_runs_in_the_same_transaction_and_once(service: Service, restarted: bool) -> None:
    copies = await service.confirm(2)
    written = "SELECT xmin::text FROM effects UNION SELECT xmin::text FROM events UNION SELECT xmin::text FROM inbox"
    assert len(await service.rows(written)) == 1
    await (Service(service.second.database) if restarted else service).second.apply(copies)
    assert len(await service.rows("SELECT 1 FROM effects")) == 2
    assert len(await service.rows("SELECT 1 FROM inbox")) == 4
    assert not await service.rows("SELECT 1 FROM tasks")


async def test_a_next_step_that_fails_fails_alone_and_nothing_of_its_key_overtakes(service: Service) -> None:
    service.trouble = True
    copies = await service.confirm()
    assert (len(copies), len(await service.rows("SELECT 1 FROM effects"))) == (1, 0)
    await service.second.apply(copies)
    assert await service.rows("SELECT step, state, attempts FROM tasks") == [("fulfillment.assignments", "ready", 1)]
    service.trouble, service.first._follow_again_at = False, 0.0
    copies = await service.confirm()
    assert not await service.rows("SELECT 1 FROM effects")
    await service.second.apply(copies[1:])
    assert [row.state for row in await service.rows("SELECT state FROM tasks ORDER BY id")] == ["ready", "blocked"]


async def test_a_copy_under_a_known_id_with_another_body_is_a_dead_letter(service: Service) -> None:
    (copy,) = await service.confirm()
    copy.value = PurchaseRecorded(**{**RECORDED.model_dump(), "tier": 30}).encode()
    await service.second.apply([copy])
    assert await service.rows("SELECT state, disposition FROM tasks") == [("dead", "ID_REUSED")]
    assert len(await service.rows("SELECT 1 FROM effects")) == 1
