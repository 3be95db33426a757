"""The three steps on a real database: once each, numbers without gaps, loads equal to allocations, pending and healed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from chassis.ids import uuid7
from chassis.ops.letters import Act
from chassis.problems import Problem
from chassis.steps import Message
from chassis.work import Database, Work
from contracts.booking_events import BookingConfirmed, Preferences
from contracts.event import decode
from contracts.samples import samples
from services.fulfillment.handlers import by_hand
from services.fulfillment.handlers.assignments import assign_many, retry_pending
from services.fulfillment.handlers.invoices import issue_many
from services.fulfillment.handlers.purchases import record_many

ACT = Act("ada", "asked by the buyer")


def confirmed(specialty: str = "mathematics", slot: str = "10:00", lines: int = 1) -> Message:
    """A confirmed booking with `lines` course lines."""
    sample: Any = samples()["booking.confirmed"]
    booking_id = str(uuid7())
    (line,) = sample.lines
    course = line.course.model_copy(update={"specialty": specialty, "time_slot": slot, "preferences": Preferences()})
    many = tuple(line.model_copy(update={"line_id": str(uuid7()), "course": course}) for _ in range(lines))
    event = BookingConfirmed.model_validate(
        {
            **sample.model_dump(),
            "booking_id": booking_id,
            "confirmed_at": datetime.now(UTC),
            "lines": [m.model_dump() for m in many],
        }
    )
    return Message(uuid7(), event.type, booking_id, event)


async def told(database: Database, *kinds: str) -> list[Message]:
    """What was told of `kinds`, as the next step's messages."""
    async with database.transaction() as work:
        rows = await work.fetch(
            "SELECT event_id, type, key, body FROM events WHERE type = ANY($1::text[]) ORDER BY id", list(kinds)
        )
    return [Message(row.event_id, row.type, row.key, decode(row.type, bytes(row.body))) for row in rows]


async def run(database: Database, handler: Any, messages: list[Message]) -> None:
    """One transaction of `handler`."""
    async with database.transaction() as work:
        await handler(work, messages)


async def fulfil(database: Database, bookings: list[Message]) -> None:
    """All three steps, each in one batch."""
    await run(database, record_many, bookings)
    await run(database, assign_many, await told(database, "purchase.recorded"))
    await run(database, issue_many, await told(database, "trainer.assigned", "allocation.pending"))


async def count(database: Database, sql: str) -> Any:
    """The first column of the first row."""
    async with database.transaction() as work:
        row = await work.fetch_one(sql)
    return None if row is None else row[0]


async def test_a_batch_of_bookings_is_fulfilled_once_each(database: Database) -> None:
    bookings = [confirmed() for _ in range(40)] + [confirmed(lines=2)]
    await fulfil(database, bookings)
    await run(database, record_many, bookings)
    assert await count(database, "SELECT count(*) FROM student_course_purchases") == 42
    assert await count(database, "SELECT count(*) FROM tutoring_sessions") == 420
    completed = await told(database, "fulfillment.completed")
    assert sorted(message.key for message in completed) == sorted(message.key for message in bookings)
    assert len(completed[-1].event.lines) == 2
    loads = await count(database, "SELECT sum(active_load) FROM trainers")
    assert loads == await count(database, "SELECT count(*) FROM trainer_allocations WHERE state = 'approved'") == 42


async def test_invoice_numbers_have_no_gap_under_concurrent_batches_and_rollbacks(database: Database) -> None:
    bookings = [confirmed() for _ in range(60)]
    await run(database, record_many, bookings)
    await run(database, assign_many, await told(database, "purchase.recorded"))
    messages = await told(database, "trainer.assigned")

    async def batch(part: list[Message], *, fails: bool) -> None:
        try:
            async with database.transaction() as work:
                await issue_many(work, part)
                if fails:
                    raise RuntimeError("rolled back")
        except RuntimeError:
            await run(database, issue_many, part)

    await asyncio.gather(*(batch(messages[n : n + 10], fails=n % 20 == 0) for n in range(0, 60, 10)))
    assert await count(database, "SELECT array_agg(number ORDER BY number) FROM invoices") == list(range(1, 61))
    assert len(await told(database, "fulfillment.completed")) == 60


async def test_without_a_trainer_the_purchase_stands_and_is_completed_when_one_is_found(database: Database) -> None:
    await fulfil(database, [confirmed("music", "07:00")])
    assert await count(database, "SELECT state FROM trainer_allocations") == "pending"
    assert await count(database, "SELECT count(*) FROM invoices") == 1
    assert not await told(database, "fulfillment.completed")
    assert await retry_pending(database) == 0
    async with database.transaction() as work:
        await work.execute("UPDATE trainer_allocations SET next_try_at = now()")
        await work.execute(
            "UPDATE trainer_slots SET time_slot = '07:00' WHERE trainer_id = 'trn-09' AND time_slot = '08:00'"
        )
    assert await retry_pending(database) == 1
    (assigned,) = await told(database, "trainer.assigned")
    assert assigned.event.trainer_id == "trn-09"
    await run(database, issue_many, [assigned])
    assert len(await told(database, "fulfillment.completed")) == 1
    assert await count(database, "SELECT count(*) FROM invoices") == 1


async def test_an_administrator_approves_by_hand_once_and_is_on_record(database: Database) -> None:
    await fulfil(database, [confirmed("music", "07:00")])
    purchase_id = await count(database, "SELECT purchase_id FROM trainer_allocations")

    async def approve(work: Work) -> dict[str, Any]:
        return await by_hand.approve(work, purchase_id, "trn-10", ACT)

    async with database.transaction() as work:
        answer = await approve(work)
    assert answer["status"] == "approved"
    assert len(answer["warnings"]) == 3
    with pytest.raises(Problem, match="assigned before"):
        async with database.transaction() as work:
            await approve(work)
    assert await count(database, "SELECT count(*) FROM tutoring_sessions") == 10
    assert await count(database, "SELECT active_load FROM trainers WHERE trainer_id = 'trn-10'") == 1
    assert await count(database, "SELECT reason FROM audit") == "asked by the buyer"
    await run(database, issue_many, await told(database, "trainer.assigned"))
    assert len(await told(database, "fulfillment.completed")) == 1


async def test_the_decision_says_who_was_considered_and_why_not(database: Database) -> None:
    await fulfil(database, [confirmed("music", "10:00") for _ in range(9)])
    decision = await count(
        database, "SELECT decision::text FROM trainer_allocations ORDER BY allocation_id DESC LIMIT 1"
    )
    assert '"considered": ["trn-09", "trn-10", "trn-11"]' in decision
    assert '"slot_full": ["trn-10"]' in decision


async def test_progress_is_kept_by_the_database_and_begins_with_the_first_session(database: Database) -> None:
    await fulfil(database, [confirmed()])
    allocation = await count(database, "SELECT allocation_id FROM trainer_allocations")
    trainer = await count(database, "SELECT trainer_id FROM trainer_allocations")
    assert await count(database, "SELECT count(*) FROM student_progress") == 0
    for number in (1, 1, 2):
        async with database.transaction() as work:
            await by_hand.complete_session(work, allocation, number, trainer)
    assert await count(database, "SELECT completed FROM student_progress") == 2
    with pytest.raises(Problem):
        async with database.transaction() as work:
            await by_hand.complete_session(work, allocation, 3, "somebody-else")
