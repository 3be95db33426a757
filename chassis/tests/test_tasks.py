"""Tasks under real workers: queued calls, leases, holds, replay by hand and in bulk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from chassis import tasks
from chassis.ids import uuid7
from chassis.ops import letters, replays
from chassis.ops.letters import Act
from chassis.outcomes import Dead, Held
from chassis.problems import Problem
from chassis.testing import eventually
from chassis.tests.lab import Lab

ACT = Act("ada", "the cause is mended")


class Calls:
    """A queued handler that keeps a book of what it was asked to do outside."""

    def __init__(self) -> None:
        self.book: list[int] = []
        self.trouble: Exception | None = None

    async def intend(self, work: Any, message: Any) -> int:
        return int(message.event.n)

    async def call(self, message: Any, intent: int) -> int:
        if self.trouble is not None:
            raise self.trouble
        self.book.append(intent)
        return intent

    async def conclude(self, work: Any, message: Any, intent: int, result: int) -> None:
        await work.execute(
            "INSERT INTO effects (message_id, booking_id, n) VALUES ($1, $2, $3)", message.id, message.key, result
        )


class CallsTogether(Calls):
    """The same, whose transactions may be for many calls."""

    def __init__(self) -> None:
        super().__init__()
        self.together: list[int] = []
        self.under_way, self.most_under_way = 0, 0

    async def intend_many(self, work: Any, messages: Sequence[Any]) -> list[Any]:
        return [Dead("seven") if message.event.n == 7 else await self.intend(work, message) for message in messages]

    async def call(self, message: Any, intent: int) -> int:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0.001)
        self.under_way -= 1
        return await super().call(message, intent)

    async def conclude_many(self, work: Any, concluded: Sequence[tuple[Any, int, int]]) -> None:
        self.together.append(len(concluded))
        for message, intent, result in concluded:
            await self.conclude(work, message, intent, result)
            if intent == 8:
                raise Dead("eight can't be recorded")


def _always(message: Any) -> None:
    raise ValueError("broken")


async def _dead(lab: Lab, count: int) -> None:
    lab.trouble = lambda message: (_ for _ in ()).throw(Dead("no use"))
    await lab.start()
    await lab.tell(*[lab.happened(booking_id=str(uuid7()), n=n) for n in range(count)])
    # Each has a transaction of its own by then: the batch was split until it stood alone.
    await lab.until(f"SELECT count(*) = {count} FROM tasks WHERE state = 'dead'", seconds=25 + count / 20)
    lab.trouble = lambda message: None


async def test_a_queued_step_calls_outside_once_for_each_message(lab: Lab) -> None:
    calls = Calls()
    await lab.start(lab.queued(calls))
    await lab.tell(*[lab.happened(booking_id=str(uuid7()), n=n) for n in range(100)])
    await lab.until("SELECT count(*) = 100 FROM effects")
    assert sorted(calls.book) == list(range(100))
    await lab.until("SELECT count(*) = 0 FROM tasks")


async def test_calls_that_take_many_share_transactions_and_a_bad_one_fails_alone(lab: Lab) -> None:
    calls = CallsTogether()
    await lab.start(lab.queued(calls, concurrency=8))
    await lab.tell(*[lab.happened(booking_id=str(uuid7()), n=n) for n in range(100)])
    await lab.until("SELECT count(*) = 98 FROM effects")
    await lab.until("SELECT count(*) = 2 AND bool_and(state = 'dead') FROM tasks")
    assert sorted(calls.book) == [n for n in range(100) if n != 7]
    assert 1 < calls.most_under_way <= 8
    assert max(calls.together) > 1


async def test_queued_messages_of_one_key_run_in_order(lab: Lab) -> None:
    calls = Calls()
    await lab.start(lab.queued(calls, concurrency=8))
    key = str(uuid7())
    await lab.tell(*[lab.happened(booking_id=key, n=n) for n in range(30)])
    await lab.until("SELECT count(*) = 30 FROM effects")
    assert calls.book == list(range(30))


async def test_a_held_task_spends_no_attempts_and_goes_on_when_the_outside_is_back(lab: Lab) -> None:
    calls = Calls()
    calls.trouble = Held("gateway", seconds=0.2)
    await lab.start(lab.queued(calls))
    await lab.tell(lab.happened(booking_id=str(uuid7()), n=1))
    await lab.until("SELECT count(*) = 1 FROM tasks WHERE state = 'held' AND held_by = 'gateway'")
    calls.trouble = None
    await lab.until("SELECT count(*) = 1 FROM effects")
    assert not await lab.rows("SELECT 1 FROM attempts")


async def test_a_task_of_a_dead_worker_is_run_by_another_and_the_zombie_changes_nothing(lab: Lab) -> None:
    token = uuid7()
    async with lab.database.transaction() as work:
        work.schedule(lab.step, lab.happened(booking_id="b-1", n=5), key="b-1")
    (row,) = await tasks.claim(lab.database, {lab.step.name: 10}, token, 0.3)
    await lab.start()
    await lab.until("SELECT count(*) = 1 FROM effects", seconds=8)
    async with lab.database.transaction() as work:
        assert await tasks.finish(work, [row.id], [token]) == set()
    assert await tasks.renew(lab.database, [token], 5) == 0


async def test_replaying_twice_at_the_same_time_has_one_effect_and_is_on_record(lab: Lab) -> None:
    await _dead(lab, 1)
    (row,) = await lab.rows("SELECT id, episode FROM tasks")

    async def click() -> str:
        try:
            async with lab.database.transaction() as work:
                await letters.replay(work, row.id, ACT, row.episode)
            return "accepted"
        except Problem as problem:
            return problem.kind

    answers = await asyncio.gather(*(click() for _ in range(10)))
    assert sorted(set(answers)) in (["accepted", "not-found", "state-conflict"], ["accepted", "state-conflict"])
    assert answers.count("accepted") == 1
    await lab.until("SELECT count(*) = 1 FROM effects")
    acts = await lab.rows("SELECT action, actor, reason FROM audit ORDER BY id")
    assert [(a.action, a.actor) for a in acts] == [("replay", "ada"), ("replay-succeeded", "system")]


async def test_a_discarded_letter_lets_those_behind_it_go_on(lab: Lab) -> None:
    lab.trouble = lambda message: (_ for _ in ()).throw(Dead("no use")) if message.event.trouble else None
    await lab.start()
    key = str(uuid7())
    await lab.tell(lab.happened(booking_id=key, n=1, trouble="x"))
    await lab.until("SELECT count(*) = 1 FROM tasks WHERE state = 'dead'")
    await lab.tell(lab.happened(booking_id=key, n=2))
    await lab.until("SELECT count(*) = 1 FROM tasks WHERE state = 'blocked'")
    (row,) = await lab.rows("SELECT id FROM tasks WHERE state = 'dead'")
    async with lab.database.transaction() as work:
        await letters.discard(work, row.id, ACT)
    await lab.until("SELECT count(*) = 1 FROM effects WHERE n = 2")


async def test_a_thousand_dead_letters_replayed_in_bulk_twice_have_one_effect_each(lab: Lab) -> None:
    await _dead(lab, 1000)
    async with lab.database.transaction() as work:
        first = await replays.begin(work, ACT, {"step": lab.step.name}, None)
        second = await replays.begin(work, ACT, {"step": lab.step.name}, None)
    assert first["count"] == second["count"] == 1000
    await lab.until("SELECT count(*) = 2 FROM replays WHERE state = 'done'", seconds=120)
    assert (await lab.rows("SELECT count(*) FROM effects"))[0][0] == 1000
    outcomes = await lab.rows("SELECT outcome, count(*) AS n FROM replay_items GROUP BY 1 ORDER BY 1")
    assert {row.outcome: row.n for row in outcomes} == {"succeeded": 1000, "stale": 1000}


async def test_a_bulk_replay_stops_itself_when_letters_come_back_dead(lab: Lab) -> None:
    await _dead(lab, 100)
    lab.trouble = lambda message: (_ for _ in ()).throw(Dead("still no use"))
    async with lab.database.transaction() as work:
        await replays.begin(work, ACT, {"step": lab.step.name}, None)
    await lab.until("SELECT count(*) = 1 FROM replays WHERE state = 'stopped'")
    waiting = await lab.rows("SELECT count(*) FROM replay_items WHERE outcome IS NULL")
    assert waiting[0][0] == 99


async def test_a_dry_run_says_how_it_would_end_and_changes_nothing(lab: Lab) -> None:
    await _dead(lab, 1)
    (row,) = await lab.rows("SELECT id FROM tasks")
    assert (await letters.rehearse(lab.database, lab.inline(), row.id))["would"] == "succeed"
    lab.trouble = _always
    would = await letters.rehearse(lab.database, lab.inline(), row.id)
    assert (would["would"], would["error"]) == ("fail", "ValueError")
    assert not await lab.rows("SELECT 1 FROM effects")
    assert (await lab.rows("SELECT state FROM tasks"))[0].state == "dead"


async def test_an_edit_may_mend_a_body_but_never_its_identity(lab: Lab) -> None:
    await _dead(lab, 1)
    (row,) = await lab.rows("SELECT id, key FROM tasks")
    async with lab.database.transaction() as work:
        with pytest.raises(Problem, match="identity"):
            await letters.edit(work, lab.inline(), row.id, {"booking_id": "another", "n": 0}, ACT)
    async with lab.database.transaction() as work:
        await letters.edit(work, lab.inline(), row.id, {"booking_id": row.key, "n": 99}, ACT)
    await lab.until("SELECT count(*) = 1 FROM effects WHERE n = 99")


async def test_a_timer_is_due_by_the_databases_clock(lab: Lab) -> None:
    await lab.start()
    async with lab.database.transaction() as work:
        work.schedule(lab.step, lab.happened(booking_id="b-2", n=1), key="b-2", due_in_seconds=1.0)
    (row,) = await lab.rows("SELECT due_at, created_at FROM tasks")
    assert 0.99 < (row.due_at - row.created_at).total_seconds() < 1.01

    async def done() -> Any:
        return await lab.rows("SELECT now() AS at FROM effects")

    (seen,) = await eventually(done, 5)
    assert seen.at >= row.due_at
