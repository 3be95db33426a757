"""Sessions on a real database: recorded once with their meeting, invoiced, completed with courses, moved, held, removed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.outcomes import Dead
from chassis.steps import Message
from chassis.work import Database
from contracts.booking_events import ConfirmedLine
from contracts.event import Event
from services.fulfillment.handlers.assignments import assign_many, retry_pending
from services.fulfillment.handlers.invoices import issue_many
from services.fulfillment.handlers.purchases import take_many
from services.fulfillment.tests import sessions
from services.fulfillment.tests.sessions import AT, HOUR, SAID, cancelled, completed, confirmed, course, rescheduled
from services.fulfillment.tests.test_steps import count, run, told

pytestmark = pytest.mark.db
MEETINGS = """SELECT booking_id, line_id, state, starts_at, ends_at, rescheduled_at FROM consultations
              ORDER BY booking_id, line_id"""
TRAIL = """SELECT t.booking_id, c.line_id, moved_from, moved_to, trigger FROM fulfillment_transitions t
           JOIN consultations c ON c.meeting_id = t.noun_id WHERE noun = 'meeting'
           ORDER BY t.booking_id, c.line_id, t.id"""


async def rows(database: Database, sql: str) -> list[tuple[Any, ...]]:
    """What `sql` finds, as plain tuples."""
    return [tuple(row) for row in await database.alone(sql)]


async def fulfil(database: Database, bookings: list[Message]) -> None:
    """Every step, each in one batch."""
    await run(database, take_many, bookings)
    if recorded := await told(database, "purchase.recorded"):
        await run(database, assign_many, recorded)
    await run(database, issue_many, await told(database, "meeting.ready", "trainer.assigned", "allocation.pending"))


async def test_a_session_is_recorded_once_with_its_meeting_in_the_experts_room(database: Database) -> None:
    booking = confirmed()
    for batch in ([booking, booking], [booking]):
        await run(database, take_many, batch)
    assert await rows(database, "SELECT provider, join_url, state, amount_minor, currency FROM consultations") == [
        ("standing_room", "https://rooms.example.com/exp-maya", "live", 250000, "INR")
    ]
    assert await rows(database, TRAIL) == [(booking.key, "line-1", None, "live", "confirmed")]
    (ready,) = await told(database, "meeting.ready")
    meeting_id, purchase_id = (await rows(database, "SELECT meeting_id::text, purchase_id::text FROM consultations"))[0]
    assert ready.event.model_dump() == {
        "booking_id": booking.key,
        "meeting_id": meeting_id,
        "provider": "standing_room",
        "join_url": "https://rooms.example.com/exp-maya",
        "starts_at": AT,
        "ends_at": AT + HOUR,
        "purchase_id": purchase_id,
        "title": "Strategy session",
        "expert_id": "exp-maya",
        "expert_name": "Maya Iyer",
        "expert_email": "maya@experts.example.com",
        "expert_time_zone": "Asia/Kolkata",
    }


async def test_a_session_has_its_invoice_and_completes_its_booking_once(database: Database) -> None:
    booking = confirmed()
    await fulfil(database, [booking])
    await run(database, issue_many, await told(database, "meeting.ready"))
    (done,) = await told(database, "fulfillment.completed")
    (line,) = done.event.lines
    assert (line.trainer_id, line.trainer_name, line.sessions_total) == ("exp-maya", "Maya Iyer", 1)
    assert (line.first_session_at, line.join_url) == (AT, "https://rooms.example.com/exp-maya")
    (issued,) = await told(database, "invoice.issued")
    assert (issued.event.total_minor, issued.event.invoice_number) == (250000, line.invoice_number)
    assert await count(database, "SELECT lines->0->>'text' FROM invoices") == "Strategy session, with Maya Iyer"


async def test_sessions_and_courses_are_numbered_in_one_series_without_a_gap(database: Database) -> None:
    bookings = [confirmed(*lines) for lines in ([], [course()], [sessions.session(), course()]) for _ in range(5)]
    await fulfil(database, bookings)
    assert await count(database, "SELECT array_agg(number ORDER BY number) FROM invoices") == list(range(1, 21))
    done = await told(database, "fulfillment.completed")
    assert sorted(message.key for message in done) == sorted(message.key for message in bookings)
    assert {len(message.event.lines) for message in done} == {1, 2}


async def test_a_mixed_booking_is_complete_when_its_course_has_a_trainer_too(database: Database) -> None:
    await fulfil(database, [confirmed(sessions.session(), course(specialty="music", slot="07:00"))])
    assert await count(database, "SELECT count(*) FROM invoices") == 2
    assert not await told(database, "fulfillment.completed")
    async with database.transaction() as work:
        await work.execute("UPDATE trainer_allocations SET next_try_at = now()")
        await work.execute(
            "UPDATE trainer_slots SET time_slot = '07:00' WHERE trainer_id = 'trn-09' AND time_slot = '08:00'"
        )
    assert await retry_pending(database) == 1
    await run(database, issue_many, await told(database, "trainer.assigned"))
    (done,) = await told(database, "fulfillment.completed")
    assert [(line.sessions_total, line.join_url is None) for line in done.event.lines] == [(1, False), (10, True)]


async def test_a_booking_whose_meeting_was_removed_meanwhile_is_not_told_to_be_complete(database: Database) -> None:
    booking = confirmed()
    await run(database, take_many, [booking, cancelled(booking.key)])
    await run(database, issue_many, await told(database, "meeting.ready"))
    assert await count(database, "SELECT count(*) FROM invoices") == 1
    assert not await told(database, "fulfillment.completed")


async def test_a_line_that_is_neither_is_dead_and_leaves_nothing(database: Database) -> None:
    neither: ConfirmedLine = sessions.session("line-3").model_copy(update={"session": None, "kind": "rental"})
    with pytest.raises(Dead, match="rental"):
        await run(database, take_many, [confirmed(sessions.session(), neither)])
    assert await count(database, "SELECT count(*) FROM consultations") == 0
    assert await count(database, "SELECT count(*) FROM fulfillments") == 0


async def test_only_the_line_that_is_named_moves_and_all_are_removed_with_their_booking(database: Database) -> None:
    booking = confirmed(sessions.session("line-1"), sessions.session("line-2", AT + HOUR, "exp-omar"))
    await run(database, take_many, [booking, rescheduled(booking.key)])
    moved = await rows(database, MEETINGS)
    assert [row[2] for row in moved] == ["moved", "live"]
    assert (moved[0][3] - AT).days == 1
    assert moved[0][5] == SAID
    await run(database, take_many, [completed(booking.key, "line-2"), cancelled(booking.key)])
    assert [row[2] for row in await rows(database, MEETINGS)] == ["removed", "held"]


async def test_late_and_repeated_words_change_nothing(database: Database) -> None:
    booking = confirmed()
    newer, older = rescheduled(booking.key, 3, 10), rescheduled(booking.key, 1, 5)
    await run(database, take_many, [booking, newer, older])
    await run(database, take_many, [newer, older])
    assert [(row[2], (row[3] - AT).days) for row in await rows(database, MEETINGS)] == [("moved", 3)]
    await run(database, take_many, [completed(booking.key)])
    await run(database, take_many, [completed(booking.key), rescheduled(booking.key, 9, 60), cancelled(booking.key)])
    assert [(row[2], (row[3] - AT).days) for row in await rows(database, MEETINGS)] == [("held", 3)]
    assert [row[2:] for row in await rows(database, TRAIL)] == [
        (None, "live", "confirmed"),
        ("live", "moved", "moved"),
        ("moved", "held", "held"),
    ]


async def test_a_cancelled_course_is_nothing_to_do_and_an_unknown_session_that_was_held_is_dead(
    database: Database,
) -> None:
    booking = confirmed(course())
    await run(database, take_many, [booking, cancelled(booking.key), cancelled("nobody-knows")])
    with pytest.raises(Dead, match="no consultation"):
        await run(database, take_many, [completed("nobody-knows")])


async def test_a_move_from_before_the_payment_is_in_the_confirmation_and_not_done_again(database: Database) -> None:
    booking = confirmed(sessions.session(starts_at=AT + 2 * HOUR), booking_id="bk-1")
    move = rescheduled("bk-1", 1)
    for batches in ([[move, booking]], [[move], [booking]]):
        for batch in batches:
            await run(database, take_many, batch)
        assert [(row[2], row[3]) for row in await rows(database, MEETINGS)] == [("live", AT + 2 * HOUR)]
        async with database.transaction() as work:
            await work.execute("TRUNCATE consultations, fulfillments")


BOOKINGS = st.sampled_from(["bk-1", "bk-2"])
LINES = st.sampled_from(["line-1", "line-2"])
WORDS = st.lists(
    st.one_of(
        st.builds(rescheduled, BOOKINGS, st.integers(1, 4), st.integers(0, 3), LINES),
        st.builds(completed, BOOKINGS, LINES),
        st.builds(cancelled, BOOKINGS),
    ),
    max_size=12,
)


def _bought() -> list[Message]:
    return [
        confirmed(sessions.session("line-1"), sessions.session("line-2", AT + HOUR), course("line-3"), booking_id=key)
        for key in ("bk-1", "bk-2")
    ]


def _said(event: Event) -> dict[str, Any]:
    return event.model_dump(exclude={"meeting_id", "purchase_id", "recorded_at"})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=WORDS, data=st.data())
async def test_a_batch_writes_what_its_messages_one_by_one_would_write(
    database: Database, words: list[Message], data: st.DataObject
) -> None:
    """Whatever the order of what is said after the confirmations, and wherever the others' words stand between them."""
    first, second = _bought()
    own = [word for word in words if word.key == "bk-1"]
    place = data.draw(st.integers(0, len(own)))
    before = [rescheduled(key, days) for key in ("bk-2", "bk-1") for days in range(data.draw(st.integers(0, 2)))]
    messages = [*before, first, *own[:place], second, *(word for word in words if word not in own[:place])]
    written = []
    for batches in ([messages], [[message] for message in messages]):
        async with database.transaction() as work:
            await work.execute(
                """TRUNCATE consultations, fulfillments, student_course_purchases, fulfillment_transitions, events,
                   outbox, inbox RESTART IDENTITY CASCADE"""
            )
        for batch in batches:
            await run(database, take_many, batch)
        ready = [_said(message.event) for message in await told(database, "meeting.ready", "purchase.recorded")]
        written.append([await rows(database, sql) for sql in (MEETINGS, TRAIL)] + [sorted(ready, key=str)])
    assert written[0] == written[1]
