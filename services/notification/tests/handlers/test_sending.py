"""A notice is handed over, once, under one Message-ID, and every answer of the mail server has its consequence."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from chassis.testing import free_port
from chassis.work import Database
from services.notification.adapters.smtp import MailServer
from services.notification.tests import samples
from services.notification.tests.conftest import Post, Sink

pytestmark = pytest.mark.db
STATE = "SELECT kind, state, reason FROM deliveries ORDER BY kind"
TASKS = "SELECT state, attempts, held_by, disposition FROM tasks"
SENT = [("confirmation", "sent", "accepted-250")]


def read(mail: bytes) -> EmailMessage:
    """The mail as its reader's program sees it."""
    parsed = message_from_bytes(mail, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def parts(mail: EmailMessage) -> tuple[str, str]:
    """(text, HTML)."""
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()


async def purchase(database: Database, email: str = "asha.rao@example.com") -> None:
    """A paid and fulfilled course whose buyer is owed a confirmation."""
    await samples.know_buyers(database, [samples.confirmed("bk-1", email)])
    await samples.owe(database, [samples.completed("bk-1")])


async def test_the_confirmation_says_what_was_bought_when_it_begins_and_where_the_invoice_is(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    await purchase(database)
    async with post(mail_server) as until:
        await until(STATE, SENT)
    [(to, raw)] = sink.taken
    [(delivery_id,)] = await samples.rows(database, "SELECT delivery_id FROM deliveries")
    mail = read(raw)
    assert to == "asha.rao@example.com"
    assert mail["Message-ID"] == f"<{delivery_id}@payfirst.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Subject"] == "Confirmed: Yoga & breath (BK-449034CB)"
    text, html = parts(mail)
    for said in (
        "Meera",
        "Tuesday 24 November 2026, 18:30 (Asia/Kolkata), 13:00 UTC",
        "PF-2026-000001",
        "https://payfirst.example/invoices/invoice-1.pdf",
        "BK-449034CB",
    ):
        assert said in text
        assert said in html
    assert "Yoga & breath" in text
    assert "Yoga &amp; breath" in html


async def test_a_quotation_goes_to_the_client_before_there_is_any_booking(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    await samples.owe(database, [samples.quoted("bk-1")])
    await samples.know_buyers(database, [samples.quoted("bk-1")])
    async with post(mail_server) as until:
        await until(STATE, [("quotation", "sent", "accepted-250")])
    [(to, raw)] = sink.taken
    assert to == "asha.rao@example.com"
    mail = read(raw)
    assert mail["Subject"] == "Your quotation: Market entry & pricing (BK-449034CB)"
    for written in parts(mail):
        assert "Maya Iyer" in written
        assert "Tuesday 24 November 2026, 18:30 (Asia/Kolkata), 13:00 UTC" in " ".join(written.split())
        assert "/bookings/bk-1" in written


async def test_sending_keeps_a_masked_address_the_transition_and_no_task(
    database: Database, post: Post, mail_server: MailServer
) -> None:
    await purchase(database)
    async with post(mail_server) as until:
        await until(STATE, SENT)
    assert await samples.rows(database, "SELECT address_masked FROM deliveries") == [("a***@example.com",)]
    moves = "SELECT from_state, trigger, to_state FROM delivery_transitions"
    assert await samples.rows(database, moves) == [("queued", "accepted", "sent")]
    assert await samples.rows(database, TASKS) == []


async def test_every_kind_of_notice_reaches_its_reader(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    await samples.know_buyers(database, [samples.confirmed("bk-1")])
    make = (samples.assigned, samples.pending, samples.cancelled, samples.refunded)
    await samples.owe(database, [each("bk-1") for each in make])
    async with post(mail_server) as until:
        await until("SELECT count(*) FROM deliveries WHERE state = 'sent'", [(4,)])
    subjects = {str(read(raw)["Subject"]): to for to, raw in sink.taken}
    assert subjects == {
        "New student for Yoga & breath (BK-449034CB)": "meera@trainers.example",
        "We are looking for your trainer: Yoga & breath (BK-449034CB)": "asha.rao@example.com",
        "Cancelled: Yoga & breath (BK-449034CB)": "asha.rao@example.com",
        "Your money is on its way back: Yoga & breath (BK-449034CB)": "asha.rao@example.com",
    }
    assert any("INR 1,999.00" in parts(read(raw))[0] for _, raw in sink.taken)


async def test_the_refund_of_a_booking_that_was_never_made_reaches_its_buyer(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    await samples.know_buyers(database, [samples.due("bk-1"), samples.due("bk-2", unmade=False)])
    await samples.owe(database, [samples.refunded("bk-1")])
    async with post(mail_server) as until:
        await until(STATE, [("refund", "sent", "accepted-250")])
    [(to, raw)] = sink.taken
    assert to == "asha.rao@example.com"
    assert read(raw)["Subject"] == "Your money is on its way back: Yoga & breath (BK-449034CB)"
    assert await samples.rows(database, "SELECT booking_id, student_id, time_zone FROM contacts") == [
        ("bk-1", "student-1", "Asia/Kolkata")
    ]


async def test_a_notice_waits_for_a_buyer_who_is_not_known_yet(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    await samples.owe(database, [samples.completed("bk-1")])
    async with post(mail_server) as until:
        await until("SELECT error_class, attempts FROM tasks", [("RetryAfter", 1)])
        assert sink.taken == []
        await samples.know_buyers(database, [samples.confirmed("bk-1")])
        await until(STATE, SENT, hurry=True)


@pytest.mark.parametrize("script", [{"rcpt": ["451 greylisted"]}, {"data": ["452 disk full"]}])
async def test_a_deferral_is_tried_again_and_does_not_count_as_a_copy(
    database: Database, post: Post, mail_server: MailServer, sink: Sink, script: dict[str, list[str]]
) -> None:
    for name, replies in script.items():
        setattr(sink, name, replies * 4)
    await purchase(database)
    async with post(mail_server) as until:
        await until("SELECT error_class, attempts FROM tasks", [("Deferred", 1)])
        assert await samples.rows(database, "SELECT tries_unsettled FROM deliveries") == [(0,)]
        await until(STATE, SENT, hurry=True)
    assert len(sink.taken) == 1


@pytest.mark.parametrize("script", [{"rcpt": ["550 no such user"]}, {"data": ["554 rejected"]}])
async def test_a_refused_address_fails_the_delivery_and_leaves_the_connection_usable(
    database: Database, post: Post, mail_server: MailServer, sink: Sink, script: dict[str, list[str]]
) -> None:
    for name, replies in script.items():
        setattr(sink, name, list(replies))
    await purchase(database)
    async with post(mail_server) as until:
        await until("SELECT state FROM deliveries", [("failed",)])
        await samples.owe(database, [samples.refunded("bk-1")])
        await until("SELECT state FROM deliveries ORDER BY kind", [("failed",), ("sent",)])
    assert await samples.rows(database, TASKS) == []
    assert sink.connections == 1


async def test_an_address_that_is_none_fails_without_asking_a_server(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    await purchase(database, email="nobody\r\nBcc: all@example.com")
    async with post(mail_server) as until:
        await until(STATE, [("confirmation", "failed", "address-invalid")])
    assert sink.connections == 0


async def test_silence_after_data_sends_again_under_the_same_message_id(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    sink.data = ["hang"]
    await purchase(database)
    async with post(mail_server) as until:
        await until("SELECT error_class, attempts FROM tasks", [("OutcomeUnknown", 1)])
        await until(STATE, SENT, hurry=True)
    first, second = (read(raw)["Message-ID"] for _, raw in sink.taken)
    assert first == second


async def test_no_more_than_three_copies_leave_however_often_nobody_answers(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    sink.data = ["drop"] * 20
    await purchase(database)
    async with post(mail_server) as until:
        await until("SELECT state, disposition FROM tasks", [("dead", "OUTCOME_UNKNOWN")], hurry=True)
    assert len(sink.taken) == 3
    assert await samples.rows(database, "SELECT state FROM deliveries") == [("queued",)]


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
async def test_a_refused_login_holds_the_mail_and_spends_no_attempt(
    database: Database, post: Post, strict_mail_server: MailServer
) -> None:
    await purchase(database)
    async with post(strict_mail_server) as until:
        await until(TASKS, [("held", 0, "smtp-credentials", None)])
    assert await samples.rows(database, "SELECT state, tries_unsettled FROM deliveries") == [("queued", 0)]


async def test_a_mail_server_that_is_away_holds_the_mail_and_spends_no_attempt(database: Database, post: Post) -> None:
    await purchase(database)
    async with post(MailServer("127.0.0.1", free_port(), "none", timeout_seconds=0.5)) as until:
        await until(TASKS, [("held", 0, "smtp", None)])
    assert await samples.rows(database, "SELECT state, tries_unsettled FROM deliveries") == [("queued", 0)]


async def test_an_idle_connection_that_the_server_closed_is_replaced(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    sink.data = ["250 taken", "421 going away"]
    await purchase(database)
    async with post(mail_server) as until:
        await until(STATE, SENT)
        await samples.owe(database, [samples.refunded("bk-1")])
        await until("SELECT state FROM deliveries ORDER BY kind", [("sent",), ("sent",)], hurry=True)
    assert sink.connections == 2


async def test_an_optional_mail_that_was_declined_is_suppressed_and_an_owed_one_is_sent(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    await samples.know_buyers(database, [samples.confirmed("bk-1")])
    async with database.transaction() as work:
        await work.execute("INSERT INTO preferences (owner, push, optional_mail) VALUES ('student-1', true, false)")
    await samples.owe(database, [samples.pending("bk-1"), samples.completed("bk-1")])
    expected = [("allocation-pending", "suppressed", "mail-declined"), *SENT]
    async with post(mail_server) as until:
        await until(STATE, expected)
    assert len(sink.taken) == 1


async def test_many_notices_go_over_a_few_connections(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    await samples.know_buyers(database, [samples.confirmed(f"bk-{n}") for n in range(40)])
    await samples.owe(database, [samples.completed(f"bk-{n}") for n in range(40)])
    async with post(mail_server) as until:
        await until("SELECT count(*) FROM deliveries WHERE state = 'sent'", [(40,)])
    assert len(sink.taken) == 40
    assert sink.connections <= 4


async def test_mail_leaves_no_faster_than_it_may(
    database: Database, post: Post, mail_server: MailServer, sink: Sink
) -> None:
    await samples.know_buyers(database, [samples.confirmed(f"bk-{n}") for n in range(6)])
    await samples.owe(database, [samples.completed(f"bk-{n}") for n in range(6)])
    begun = time.monotonic()
    async with post(replace(mail_server, mails_per_second=10.0)) as until:
        await until("SELECT count(*) FROM deliveries WHERE state = 'sent'", [(6,)])
    assert time.monotonic() - begun >= 0.5


async def test_nothing_that_is_logged_names_a_person(
    database: Database, post: Post, mail_server: MailServer, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    sink.rcpt = ["451 asha.rao@example.com is greylisted"]
    await purchase(database)
    async with post(mail_server) as until:
        await until(STATE, SENT, hurry=True)
    await asyncio.sleep(0)
    said: list[Any] = [
        record.getMessage() for record in caplog.records if record.name.startswith(("chassis", "services"))
    ]
    assert said
    assert not [line for line in said if "asha" in line.lower()]
