"""What is owed is written once, whatever the batches."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.work import Database
from contracts.booking_events import BookingConfirmed
from contracts.event import Event
from services.notification.tests import samples

pytestmark = pytest.mark.db
OWED = "SELECT booking_id, kind, recipient, about, state, facts::text FROM deliveries ORDER BY 1, 2, 3, 4"
TASKS = """SELECT d.booking_id, d.kind, d.recipient, d.about, t.key, t.step, t.state
           FROM tasks t JOIN deliveries d ON d.delivery_id = t.message_id ORDER BY 1, 2, 3, 4"""
BUYERS = "SELECT booking_id, student_id, name, email, reference, time_zone, titles FROM contacts ORDER BY 1"
TRAINERS = "SELECT trainer_id, name, email FROM trainers ORDER BY 1"


async def test_a_completed_purchase_owes_the_buyer_one_confirmation_and_the_trainer_one_notice(
    database: Database,
) -> None:
    await samples.owe(database, [samples.assigned("bk-1"), samples.completed("bk-1")])
    assert await samples.rows(database, "SELECT kind, recipient, about, state FROM deliveries ORDER BY 1") == [
        ("confirmation", "buyer", "bk-1", "queued"),
        ("trainer-assignment", "trainer:trainer-1", "purchase-1", "queued"),
    ]
    tasks = await samples.rows(database, "SELECT step, key, state FROM tasks")
    assert tasks == [("notification.sending", "bk-1", "ready")] * 2


async def test_an_event_told_twice_owes_nothing_more(database: Database) -> None:
    for _ in range(2):
        await samples.owe(database, [samples.completed("bk-1"), samples.completed("bk-1")])
    assert await samples.rows(database, "SELECT count(*) FROM deliveries") == [(1,)]
    assert await samples.rows(database, "SELECT count(*) FROM tasks") == [(1,)]


async def test_two_courses_with_one_trainer_and_two_refunds_are_told_one_by_one(database: Database) -> None:
    events = [samples.assigned("bk-1", "p-1"), samples.assigned("bk-1", "p-2")]
    await samples.owe(database, [*events, samples.refunded("bk-1", "r-1"), samples.refunded("bk-1", "r-2")])
    assert await samples.rows(database, "SELECT about FROM deliveries ORDER BY 1") == [
        ("p-1",),
        ("p-2",),
        ("r-1",),
        ("r-2",),
    ]


async def test_no_address_is_kept_with_the_delivery(database: Database) -> None:
    await samples.owe(database, [samples.assigned("bk-1")])
    [(text,)] = await samples.rows(database, "SELECT d::text FROM deliveries d")
    assert "@" not in text
    assert await samples.rows(database, TRAINERS) == [("trainer-1", "Meera", "meera@trainers.example")]


async def test_the_latest_address_of_a_trainer_counts(database: Database) -> None:
    await samples.owe(database, [samples.assigned("bk-1", email="old@trainers.example")])
    await samples.owe(
        database, [samples.assigned("bk-2", email="x@y.example"), samples.assigned("bk-3", email="new@y.example")]
    )
    assert await samples.rows(database, TRAINERS) == [("trainer-1", "Meera", "new@y.example")]


async def test_a_buyer_is_kept_once_and_the_first_word_stands(database: Database) -> None:
    first = samples.confirmed("bk-1")
    await samples.know_buyers(database, [first, first, samples.confirmed("bk-2", "b@example.com")])
    await samples.know_buyers(database, [samples.confirmed("bk-1", "other@example.com")])
    assert await samples.rows(database, "SELECT booking_id, email, time_zone, titles FROM contacts ORDER BY 1") == [
        ("bk-1", "asha.rao@example.com", "Asia/Kolkata", "Yoga & breath"),
        ("bk-2", "b@example.com", "Asia/Kolkata", "Yoga & breath"),
    ]


async def test_a_saved_card_and_its_first_decline_are_told_once_and_no_address_is_kept_with_them(
    database: Database,
) -> None:
    await samples.know_buyers(database, [samples.extended("bk-1")])
    await samples.owe(database, [samples.extended("bk-1"), samples.declined("bk-1"), samples.declined("bk-1")])
    await samples.owe(database, [samples.declined("bk-1", in_absence=False), samples.declined("bk-1")])
    assert await samples.rows(database, "SELECT kind, recipient, about FROM deliveries ORDER BY 1") == [
        ("card-saved", "buyer", "pay-1"),
        ("charge-declined", "buyer", "pay-1"),
    ]
    for (text,) in await samples.rows(database, "SELECT d::text FROM deliveries d"):
        assert "@" not in text
    assert await samples.rows(database, "SELECT booking_id, email FROM contacts") == [("bk-1", "asha.rao@example.com")]


async def test_a_quotation_is_told_once_to_the_client_it_names_and_again_when_it_is_sent_anew(
    database: Database,
) -> None:
    for booking_id in ("bk-1", "bk-1", "bk-2"):
        await samples.know_buyers(database, [samples.quoted(booking_id)])
        await samples.owe(database, [samples.quoted(booking_id)])
    owed = "SELECT booking_id, kind, recipient, about, state FROM deliveries ORDER BY 1"
    assert await samples.rows(database, owed) == [
        ("bk-1", "quotation", "buyer", "quotation-1", "queued"),
        ("bk-2", "quotation", "buyer", "quotation-1", "queued"),
    ]
    known = "SELECT booking_id, name, email, reference, time_zone, titles FROM contacts ORDER BY 1"
    client = ("Asha Rao", "asha.rao@example.com", "BK-449034CB", "Asia/Kolkata", "Market entry & pricing")
    assert await samples.rows(database, known) == [("bk-1", *client), ("bk-2", *client)]
    for (text,) in await samples.rows(database, "SELECT d::text FROM deliveries d"):
        assert "@" not in text


MAKERS = (
    *(samples.completed, samples.pending, samples.cancelled, samples.refunded),
    *(samples.extended, samples.declined, samples.quoted),
)
ADDRESSES = st.sampled_from(["a@example.com", "b@example.com"])
BOOKINGS = st.integers(1, 4).map(lambda n: f"bk-{n}")
EVENTS = st.one_of(
    st.builds(lambda make, booking_id: make(booking_id), st.sampled_from(MAKERS), BOOKINGS),
    st.builds(samples.assigned, BOOKINGS, st.sampled_from(["p-1", "p-2"]), ADDRESSES),
    st.builds(samples.confirmed, BOOKINGS, ADDRESSES),
    st.builds(samples.ready, BOOKINGS, st.sampled_from(["p-1", "p-2"])),
    st.builds(samples.rescheduled, BOOKINGS, st.integers(1, 2), st.integers(0, 2)),
)


async def take(database: Database, events: list[Event]) -> None:
    """`events` as one batch of each step that takes them."""
    buyers = [event for event in events if isinstance(event, BookingConfirmed)]
    others = [event for event in events if not isinstance(event, BookingConfirmed)]
    if buyers:
        await samples.know_buyers(database, buyers)
    if others:
        await samples.owe(database, others)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(EVENTS, min_size=1))
async def test_a_batch_writes_what_its_messages_one_by_one_would_write(database: Database, events: list[Event]) -> None:
    written = []
    for batches in ([events], [[event] for event in events]):
        async with database.transaction() as work:
            await work.execute("TRUNCATE deliveries, tasks, trainers, contacts RESTART IDENTITY CASCADE")
        for batch in batches:
            await take(database, batch)
        written.append([await samples.rows(database, sql) for sql in (OWED, TASKS, TRAINERS, BUYERS)])
    assert written[0] == written[1]
