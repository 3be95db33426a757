"""Buyers and experts are told of sessions, each in their own zone, whatever is read first, and nothing that is over."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.work import Database
from contracts.event import Event
from services.notification.adapters.smtp import MailServer
from services.notification.tests import samples
from services.notification.tests.conftest import Post, Sink
from services.notification.tests.handlers.test_sending import parts, read

pytestmark = pytest.mark.db
OWED = "SELECT kind, recipient, about FROM deliveries ORDER BY 1, 2, 3"
STATES = "SELECT kind, recipient, state, reason FROM deliveries ORDER BY 1, 2"
ALL_SENT = "SELECT count(*) FROM deliveries WHERE state <> 'sent'"
EXPERT, BUYER = "maya@experts.example", "asha.rao@example.com"
NEW_YORK, BERLIN = (
    "Tuesday 24 November 2026, 08:00 (America/New_York)",
    "Tuesday 24 November 2026, 14:00 (Europe/Berlin)",
)
NEXT_DAY = "Wednesday 25 November 2026, 08:00 (America/New_York)"


async def both(database: Database, event: Event) -> None:
    """`event` is read by both steps that take it."""
    await samples.know_buyers(database, [event])
    await samples.owe(database, [event])


def letters(sink: Sink) -> dict[tuple[str, str], str]:
    """The text of each mail by its reader and its subject."""
    return {(to, str(read(raw)["Subject"]).strip()): " ".join(parts(read(raw))[0].split()) for to, raw in sink.taken}


async def test_the_expert_is_told_what_when_and_where_and_nothing_of_the_buyer(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    await samples.know_buyers(database, [samples.sold("bk-1")])
    await samples.owe(database, [samples.ready("bk-1"), samples.ready("bk-1"), samples.session_completed("bk-1")])
    async with post(mail_server) as until:
        await until(ALL_SENT, [(0,)])
    told = letters(sink)
    assert set(told) == {
        (EXPERT, "New session: Strategy session (BK-449034CB)"),
        (BUYER, "Confirmed: Strategy session (BK-449034CB)"),
    }
    mail = told[EXPERT, "New session: Strategy session (BK-449034CB)"]
    for words in ("Hello Maya Iyer", NEW_YORK, "https://rooms.example/maya", "BK-449034CB"):
        assert words in mail
    [(whole,)] = [(raw.decode(),) for to, raw in sink.taken if to == EXPERT]
    html = parts(read(whole.encode()))[1]
    assert not [word for word in ("Asha", "asha.rao", "Berlin", "bookings/bk-1") if word in mail + html + whole]
    buyer = told[BUYER, "Confirmed: Strategy session (BK-449034CB)"]
    for words in ("With: Maya Iyer", BERLIN, "Join at: https://rooms.example/maya"):
        assert words in buyer


async def test_no_address_of_an_expert_is_kept_with_a_delivery_and_the_latest_one_counts(database: Database) -> None:
    await samples.know_buyers(database, [samples.sold("bk-1", samples.session(email="old@experts.example"))])
    await samples.know_buyers(database, [samples.sold("bk-2"), samples.sold("bk-2")])
    await both(database, samples.rescheduled("bk-1"))
    await both(database, samples.cancelled("bk-1"))
    await samples.owe(database, [samples.ready("bk-1")])
    for (text,) in await samples.rows(database, "SELECT d::text FROM deliveries d"):
        assert EXPERT not in text
    assert await samples.rows(database, "SELECT * FROM experts") == [
        ("exp-maya", "Maya Iyer", EXPERT, "America/New_York")
    ]


async def test_a_move_is_told_to_both_once_with_the_old_and_the_new_time_of_each_ones_zone(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    await samples.know_buyers(database, [samples.sold("bk-1")])
    for _ in range(2):
        await both(database, samples.rescheduled("bk-1"))
    async with post(mail_server) as until:
        await until("SELECT count(*) FROM deliveries WHERE state = 'sent'", [(2,)])
    told = letters(sink)
    subject = "Another time for Strategy session (BK-449034CB)"
    assert f"Before: {NEW_YORK}, 13:00 UTC Now: {NEXT_DAY}" in told[EXPERT, subject]
    assert f"Before: {BERLIN}, 13:00 UTC Now: Wednesday 25 November 2026, 14:00" in told[BUYER, subject]


async def test_every_move_is_owed_once_also_one_back_to_an_earlier_time(database: Database) -> None:
    await samples.know_buyers(
        database, [samples.sold("bk-1", samples.session(), samples.session("line-2", "exp-omar"))]
    )
    for days, said in ((1, 0), (2, 10), (1, 20), (1, 20)):
        await both(database, samples.rescheduled("bk-1", days, said))
    await both(database, samples.rescheduled("bk-1", 1, 0, "line-2"))
    counted = "SELECT recipient, count(*) FROM deliveries GROUP BY 1 ORDER BY 1"
    assert await samples.rows(database, counted) == [("buyer", 4), ("expert:exp-maya", 3), ("expert:exp-omar", 1)]


async def test_a_cancelled_booking_is_told_to_its_buyer_and_to_each_expert_with_the_time_that_stood(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    lines = (samples.session(), samples.session("line-2", "exp-omar", "omar@experts.example"))
    await samples.know_buyers(database, [samples.sold("bk-1", *lines), samples.rescheduled("bk-1")])
    cancelled = samples.cancelled("bk-1").model_copy(update={"refund_minor": 125000, "currency": "INR"})
    for _ in range(2):
        await both(database, cancelled)
    async with post(mail_server) as until:
        await until(ALL_SENT, [(0,)])
    subject = "Cancelled: Strategy session (BK-449034CB)"
    told = letters(sink)
    assert f"It was to be: {NEXT_DAY}" in told[EXPERT, subject]
    assert f"It was to be: {NEW_YORK}" in told["omar@experts.example", subject]
    assert not [word for word in ("INR", "no place", "Asha") if word in told[EXPERT, subject]]
    assert "INR 1,250.00 goes back" in told[BUYER, "Cancelled: Strategy session · Strategy session (BK-449034CB)"]


async def test_a_session_that_was_held_is_not_told_to_be_cancelled_or_moved(database: Database) -> None:
    lines = (samples.session(), samples.session("line-2", "exp-omar"))
    await samples.know_buyers(
        database,
        [samples.sold("bk-1", *lines), samples.held("bk-1"), samples.cancelled("bk-1"), samples.rescheduled("bk-1")],
    )
    assert await samples.rows(database, OWED) == [("expert-cancellation", "expert:exp-omar", "line-2")]


async def test_a_move_from_before_the_payment_is_told_to_its_buyer_alone(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    """The card was saved, nothing is paid: the expert hears of the session when it is, with the time that stands."""
    moved = samples.rescheduled("bk-1")
    await samples.know_buyers(database, [samples.extended("bk-1"), moved, samples.sold("bk-1")])
    await samples.owe(database, [moved])
    assert await samples.rows(database, "SELECT recipient FROM deliveries") == [("buyer",)]
    assert await samples.rows(database, "SELECT rescheduled_at FROM consultations") == [(None,)]
    async with post(mail_server) as until:
        await until(ALL_SENT, [(0,)])
    assert [to for to, _ in sink.taken] == [BUYER]


async def test_an_older_move_that_comes_late_is_not_told_to_the_expert(database: Database) -> None:
    await samples.know_buyers(database, [samples.sold("bk-1")])
    await samples.know_buyers(database, [samples.rescheduled("bk-1", 3, 10), samples.rescheduled("bk-1", 1, 5)])
    assert len(await samples.rows(database, OWED)) == 1
    [(days,)] = await samples.rows(database, "SELECT (starts_at - bought_for)::text FROM consultations")
    assert days == "3 days"


async def test_the_expert_of_a_booking_that_is_not_known_yet_is_waited_for(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    """The buyer of a saved card is known before the session is, and the expert by another booking."""
    await samples.know_buyers(database, [samples.sold("bk-2"), samples.extended("bk-1")])
    await samples.owe(database, [samples.ready("bk-1")])
    async with post(mail_server) as until:
        await until("SELECT error_class, attempts FROM tasks", [("RetryAfter", 1)])
        assert sink.taken == []
        await samples.know_buyers(database, [samples.sold("bk-1")])
        await until(ALL_SENT, [(0,)], hurry=True)
    assert [to for to, _ in sink.taken] == [EXPERT]


async def test_a_session_that_was_moved_before_its_expert_heard_of_it_is_told_with_the_time_that_stands(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    await samples.know_buyers(database, [samples.sold("bk-1"), samples.rescheduled("bk-1")])
    await samples.owe(database, [samples.ready("bk-1")])
    async with post(mail_server) as until:
        await until(ALL_SENT, [(0,)])
    assert NEXT_DAY in letters(sink)[EXPERT, "New session: Strategy session (BK-449034CB)"]


async def test_a_session_that_was_cancelled_before_its_expert_heard_of_it_is_not_told_as_new(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    await samples.know_buyers(database, [samples.sold("bk-1"), samples.cancelled("bk-1")])
    await samples.owe(database, [samples.ready("bk-1")])
    async with post(mail_server) as until:
        await until(
            STATES,
            [
                ("expert-booking", "expert:exp-maya", "suppressed", "session-ended-before"),
                ("expert-cancellation", "expert:exp-maya", "sent", "accepted-250"),
            ],
        )
    assert len(sink.taken) == 1


LINES = st.sampled_from(["line-1", "line-2"])
BOOKINGS = st.sampled_from(["bk-1", "bk-2"])
NEWS = st.one_of(
    st.builds(samples.rescheduled, BOOKINGS, st.integers(1, 3), st.integers(0, 3), LINES),
    st.builds(samples.held, BOOKINGS, LINES),
    st.builds(samples.cancelled, BOOKINGS),
)
KEPT = (
    "SELECT booking_id, kind, recipient, about, facts::text FROM deliveries ORDER BY 1, 2, 3, 4",
    "SELECT * FROM consultations ORDER BY 1, 2",
    "SELECT * FROM experts",
    "SELECT booking_id, email, time_zone FROM contacts ORDER BY 1",
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(news=st.lists(NEWS, max_size=10), early=st.integers(0, 10), before=st.integers(0, 2))
async def test_a_batch_of_what_booking_says_writes_what_its_messages_one_by_one_would_write(
    database: Database, news: list[Event], early: int, before: int
) -> None:
    first = [event for event in news if event.booking_id == "bk-1"][:early]
    lines = (samples.session(), samples.session("line-2", "exp-omar"))
    rest = [event for event in news if not any(event is one for one in first)]
    unpaid = [samples.rescheduled(key, 1) for key in ("bk-1", "bk-2")] * before
    events: list[Any] = [*unpaid, samples.sold("bk-1", *lines), *first, samples.sold("bk-2", *lines), *rest]
    written = []
    for batches in ([events], [[event] for event in events]):
        async with database.transaction() as work:
            await work.execute("TRUNCATE deliveries, tasks, experts, consultations, contacts RESTART IDENTITY CASCADE")
        for batch in batches:
            await samples.know_buyers(database, batch)
        written.append([await samples.rows(database, sql) for sql in KEPT])
    assert written[0] == written[1]
