"""Trainer loads equal allocations, whoever assigns first: by hand, by a message that comes again, by the clock."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chassis.problems import Problem
from chassis.work import Database, Work
from services.fulfillment.handlers import by_hand
from services.fulfillment.handlers.assignments import assign_many, retry_pending
from services.fulfillment.handlers.purchases import record_many
from services.fulfillment.tests.test_steps import ACT, confirmed, count, fulfil, run, told

LOADS = "SELECT coalesce(sum(active_load), 0)::int FROM trainers"
APPROVED = "SELECT count(*)::int FROM trainer_allocations WHERE state = 'approved'"
TAKEN = "SELECT coalesce(sum(taken), 0)::int FROM trainer_slots"


async def approved(database: Database, purchase_id: Any, trainer_id: str) -> None:
    """An administrator approves."""
    async with database.transaction() as work:
        await by_hand.approve(work, purchase_id, trainer_id, ACT)


async def test_a_message_after_an_approval_by_hand_changes_nothing(database: Database) -> None:
    await run(database, record_many, [confirmed() for _ in range(3)])
    purchase_id = await count(database, "SELECT purchase_id FROM student_course_purchases ORDER BY purchase_id")
    await approved(database, purchase_id, "trn-10")
    recorded = await told(database, "purchase.recorded")
    await run(database, assign_many, recorded)
    await run(database, assign_many, recorded)
    assert await count(database, LOADS) == await count(database, APPROVED) == 3
    assert await count(database, "SELECT count(*)::int FROM tutoring_sessions") == 30
    chosen = "SELECT trainer_id FROM trainer_allocations ORDER BY purchase_id"
    assert await count(database, chosen) == "trn-10"
    assert len(await told(database, "trainer.assigned")) == 3


async def test_two_approvals_at_once_assign_one_trainer(database: Database) -> None:
    await run(database, record_many, [confirmed()])
    purchase_id = await count(database, "SELECT purchase_id FROM student_course_purchases")
    ends = await asyncio.gather(
        *(approved(database, purchase_id, f"trn-{n:02d}") for n in (9, 10, 11)), return_exceptions=True
    )
    refused = [end for end in ends if isinstance(end, Problem)]
    assert len(refused) == 2, ends
    assert await count(database, LOADS) == await count(database, APPROVED) == 1
    assert len(await told(database, "trainer.assigned")) == 1


async def test_assigning_approving_and_retrying_at_once_never_deadlock(database: Database) -> None:
    await run(database, record_many, [confirmed("music", "07:00") for _ in range(6)])
    recorded = await told(database, "purchase.recorded")
    await run(database, assign_many, recorded[:3])
    async with database.transaction() as work:
        await work.execute("UPDATE trainer_allocations SET next_try_at = now()")
        ids = [row[0] for row in await work.fetch("SELECT purchase_id FROM student_course_purchases")]

    async def again(work: Work) -> None:
        await assign_many(work, recorded)

    async def one(step: int) -> None:
        match step % 3:
            case 0:
                await approved(database, ids[step % len(ids)], "trn-10")
            case 1:
                await retry_pending(database)
            case _:
                async with database.transaction() as work:
                    await again(work)

    ends = await asyncio.gather(*(one(step) for step in range(18)), return_exceptions=True)
    assert [end for end in ends if isinstance(end, BaseException) and not isinstance(end, Problem)] == []
    assert await count(database, LOADS) == await count(database, APPROVED)


async def test_a_silent_retry_leaves_no_trail(database: Database) -> None:
    await fulfil(database, [confirmed("music", "07:00")])
    trail = "SELECT count(*)::int FROM fulfillment_transitions WHERE noun = 'allocation'"
    assert await count(database, trail) == 1
    for _ in range(3):
        async with database.transaction() as work:
            await work.execute("UPDATE trainer_allocations SET next_try_at = now()")
        assert await retry_pending(database) == 1
    assert await count(database, trail) == 1
    assert await count(database, "SELECT tries FROM trainer_allocations") == 4
    with pytest.raises(Problem, match="no such purchase"):
        await approved(database, await count(database, "SELECT gen_random_uuid()"), "trn-10")
