"""The promises of the core on a real broker and a real database: nothing lost, nothing twice, order kept for each key."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

from chassis.ids import uuid7
from chassis.tests.lab import Lab

KEYS = [str(uuid7()) for _ in range(40)]


def _events(lab: Lab, count: int, first: int = 0) -> list[Any]:
    return [lab.happened(booking_id=KEYS[n % len(KEYS)], n=n) for n in range(first, first + count)]


async def test_every_event_told_takes_effect_once_and_in_order_for_each_key(lab: Lab) -> None:
    await lab.start()
    for start in range(0, 2000, 250):
        await lab.tell(*_events(lab, 250, start))
    await lab.until("SELECT count(*) = 2000 FROM effects")
    out_of_order = await lab.rows(
        """SELECT 1 FROM (SELECT n, lag(n) OVER (PARTITION BY booking_id ORDER BY seq) AS before FROM effects) t
           WHERE before > n"""
    )
    assert not out_of_order
    await lab.until("SELECT count(*) = 0 FROM outbox")
    assert (await lab.rows("SELECT count(*) FROM publications"))[0][0] == 2000


async def test_a_rolled_back_transaction_tells_nothing(lab: Lab) -> None:
    await lab.start()
    try:
        async with lab.database.transaction() as work:
            work.tell(lab.happened(booking_id=KEYS[0], n=1))
            await work.execute("INSERT INTO effects (message_id, booking_id, n) VALUES ($1, 'x', 0)", uuid7())
            raise RuntimeError("no")
    except RuntimeError:
        pass
    await lab.tell(lab.happened(booking_id=KEYS[0], n=2))
    await lab.until("SELECT count(*) = 1 FROM effects")
    assert [row.n for row in await lab.rows("SELECT n FROM effects")] == [2]
    assert (await lab.rows("SELECT count(*) FROM events"))[0][0] == 1


async def test_the_same_record_many_times_has_one_effect(lab: Lab) -> None:
    await lab.start()
    event, message_id = lab.happened(booking_id=KEYS[0], n=7), uuid7()
    await lab.produce(*[lab.record(event, message_id)] * 50, lab.record(lab.happened(booking_id=KEYS[0], n=8)))
    await lab.until("SELECT count(*) = 1 FROM effects WHERE n = 8")
    assert (await lab.rows("SELECT count(*) FROM effects WHERE n = 7"))[0][0] == 1


async def test_the_same_id_with_another_body_is_a_dead_letter(lab: Lab) -> None:
    await lab.start()
    message_id = uuid7()
    await lab.produce(lab.record(lab.happened(booking_id=KEYS[0], n=1), message_id))
    await lab.until("SELECT count(*) = 1 FROM effects")
    await lab.produce(lab.record(lab.happened(booking_id=KEYS[0], n=2), message_id))
    await lab.until("SELECT count(*) = 1 FROM tasks WHERE state = 'dead' AND disposition = 'ID_REUSED'")
    assert [row.n for row in await lab.rows("SELECT n FROM effects")] == [1]


async def test_one_bad_message_in_a_full_batch_stops_nobody_else(lab: Lab) -> None:
    def trouble(message: Any) -> None:
        if message.event.trouble:
            raise ValueError("this one is bad")

    lab.trouble = trouble
    events = _events(lab, 499)
    bad = lab.happened(booking_id=str(uuid7()), n=-1, trouble="always")
    await lab.tell(*events[:250], bad, *events[250:])
    started = time.monotonic()
    await lab.start()
    await lab.until("SELECT count(*) = 499 FROM effects")
    assert time.monotonic() - started < 10
    waiting = await lab.rows("SELECT state, attempts, error_class FROM tasks")
    assert [(row.attempts, row.error_class) for row in waiting] == [(1, "ValueError")]


async def test_attempts_come_after_2_4_and_8_seconds_and_then_a_dead_letter_tells_the_story(lab: Lab) -> None:
    def trouble(message: Any) -> None:
        if message.event.trouble:
            raise ValueError("mail a.person@example.com about card 4242424242424242")

    lab.trouble = trouble
    await lab.start()
    key = KEYS[0]
    await lab.tell(lab.happened(booking_id=key, n=1, trouble="always"))
    await lab.until("SELECT count(*) = 1 FROM tasks")
    await lab.tell(
        lab.happened(booking_id=key, n=2), lab.happened(booking_id=key, n=3), lab.happened(booking_id=KEYS[1], n=4)
    )
    await lab.until("SELECT count(*) = 1 FROM effects WHERE n = 4", seconds=3)
    await lab.until("SELECT count(*) = 1 FROM tasks WHERE state = 'dead'")
    failed = [row.failed_at for row in await lab.rows("SELECT failed_at FROM attempts ORDER BY id")]
    gaps = [(b - a).total_seconds() for a, b in itertools.pairwise(failed)]
    assert [round(gap) for gap in gaps] == [2, 4, 8], gaps
    states = await lab.rows("SELECT state FROM tasks ORDER BY id")
    assert [row.state for row in states] == ["dead", "blocked", "blocked"]
    assert (await lab.rows("SELECT count(*) FROM effects"))[0][0] == 1
    (record,) = await lab.dead_letter_records(1)
    headers = {name: value.decode() for name, value in record.headers}
    assert record.key.decode() == key
    assert record.value == lab.happened(booking_id=key, n=1, trouble="always").encode()
    assert headers["dlq.attempts"] == "4"
    assert headers["dlq.schedule"] == "2s,4s,8s"
    assert headers["dlq.disposition"] == "RETRIES_EXHAUSTED"
    assert headers["dlq.source.topic"] == lab.topic.name
    assert headers["dlq.error.class"] == "ValueError"
    assert "example.com" not in str(headers)
    assert "4242" not in headers["dlq.error.message"]


async def test_what_waits_behind_a_healed_message_runs_in_order(lab: Lab) -> None:
    broken = True

    def trouble(message: Any) -> None:
        if message.event.trouble and broken:
            raise ValueError("not yet")

    lab.trouble = trouble
    await lab.start()
    await lab.tell(lab.happened(booking_id=KEYS[0], n=0, trouble="once"))
    await lab.until("SELECT count(*) = 1 FROM tasks")
    await lab.tell(*[lab.happened(booking_id=KEYS[0], n=n) for n in range(1, 20)])
    await lab.until("SELECT count(*) = 20 FROM tasks")
    broken = False
    await lab.until("SELECT count(*) = 20 FROM effects")
    assert [row.n for row in await lab.rows("SELECT n FROM effects ORDER BY seq")] == list(range(20))
    await lab.until("SELECT count(*) = 0 FROM tasks")


async def test_unreadable_records_become_dead_letters_and_nobody_behind_them_waits(lab: Lab) -> None:
    await lab.start()
    good = lab.record(lab.happened(booking_id=KEYS[0], n=1))
    records = [
        {**good, "value": b"this is not JSON"},
        {**good, "value": None},
        {**good, "value": b'{"booking_id": 3}'},
        {**good, "headers": [("ce_type", b"\xff\xfe"), ("ce_id", b"1")]},
        {**good, "headers": [("ce_type", b"nobody.knows"), ("ce_id", b"1")]},
        {**good, "headers": [*good["headers"][:1]]},
        {**good, "headers": [("ce_id", b"no uuid"), good["headers"][1]]},
        {**good, "key": b"another-booking"},
        {**good, "key": None},
        {**good, "key": b"\xff\x00\xfe"},
        {**good, "value": b"x" * 950_000},
        {**good, "headers": [*good["headers"], ("ce_dataschema", b"lab.happened.v99")]},
        {**good, "headers": [*good["headers"], ("noise", b"\x00" * 5000)], "value": b"\x00"},
    ]
    await lab.produce(*records, lab.record(lab.happened(booking_id=KEYS[1], n=2)))
    await lab.until("SELECT count(*) = 1 FROM effects WHERE n = 2")
    await lab.until(f"SELECT count(*) = {len(records)} FROM tasks WHERE state = 'dead'")
    letters = await lab.dead_letter_records(len(records))
    assert sorted(r["value"] or b"" for r in records) == sorted(letter.value or b"" for letter in letters)
    again = await lab.rows("SELECT count(*) FROM effects")
    assert again[0][0] == 1


async def test_two_workers_share_the_work_and_take_over_when_one_leaves(lab: Lab) -> None:
    first = await lab.start()
    await lab.start(name="lab")
    await lab.tell(*_events(lab, 500))
    await lab.until("SELECT count(*) = 500 FROM effects")
    worker, task = lab.workers.pop(0)
    assert worker is first
    await worker.stop()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await lab.tell(*_events(lab, 500, 500))
    await lab.until("SELECT count(*) = 1000 FROM effects")
    assert (await lab.rows("SELECT count(DISTINCT message_id) FROM effects"))[0][0] == 1000


async def test_offsets_are_committed_only_for_what_the_database_has(lab: Lab) -> None:
    blocked = asyncio.Event()
    worker = await lab.start()
    await lab.tell(*_events(lab, 30))
    await lab.until("SELECT count(*) = 30 FROM effects")
    (offsets,) = worker.offsets
    await offsets.flush()
    committed = 0
    for partition in offsets.subscriber.consumer.assignment():
        committed += await offsets.subscriber.consumer.committed(partition) or 0
    assert committed == 30
    blocked.set()
