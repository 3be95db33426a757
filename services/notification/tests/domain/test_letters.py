"""Every kind has its templates, and hostile facts stay text."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from email.message import EmailMessage
from uuid import UUID

import orjson
import pytest

from services.notification.adapters.mail import Paper, Undeliverable, ascii_address, envelope
from services.notification.domain.letters import Letter, Links, subject
from services.notification.domain.notices import EVENTS, Kind, notice_of
from services.notification.tests import samples

PAPER = Paper(Links("https://x.example/i/{invoice_id}", "https://x.example/b/{booking_id}"))
ID = UUID("01a1fb2e-817a-7217-a12e-26c4ef47c97d")
HOSTILE = "<script>alert(1)</script>{{ 7 * 7 }}</mj-text>&\r\nBcc: all@example.com"


def letter(kind: Kind, text: str = "Yoga") -> Letter:
    """A letter of `kind` in which every text of a person is `text`."""
    line = {
        "title": text,
        "trainer_name": text,
        "sessions_total": 10,
        "first_session_at": "2026-11-24T13:00:00Z",
        "invoice_number": "PF-1",
        "invoice_id": "i-1",
    }
    facts = {**line, "lines": [line], "amount_minor": 1, "currency": "INR", "refund_id": "r-1"}
    facts |= {"starts_at": "2026-11-24T13:00:00Z", "previous_starts_at": "2026-11-23T13:00:00Z", "join_url": text}
    facts |= {
        "charge_at": "2026-11-24T13:00:00Z",
        "pay_by": "2026-11-26T13:00:00Z",
        "decline": "funds",
        "expert_name": text,
    }
    return Letter(ID, "bk-1", kind, "buyer", text, "BK-449034CB", "Asia/Kolkata", text, facts)


@pytest.mark.parametrize("kind", Kind)
def test_what_people_typed_is_escaped_and_reaches_no_header(kind: Kind) -> None:
    hostile = letter(kind, HOSTILE)
    written = PAPER.write(hostile)
    assert "<script>" not in written[2]
    assert "49" not in written[2].split("<body")[1].replace("BK-449034CB", "")
    head, _, _ = envelope(hostile, "a@example.com", "Payfirst <b@payfirst.example>", written).partition(b"\n\n")
    assert not [line for line in head.splitlines() if line.lower().startswith(b"bcc")]


@pytest.mark.parametrize("kind", Kind)
def test_a_subject_is_one_short_line_with_the_reference_and_no_link(kind: Kind) -> None:
    line = subject(letter(kind))
    assert "BK-449034CB" in line
    assert "http" not in line
    assert len(subject(letter(kind, HOSTILE * 20)).splitlines()) == 1


def quickest(work: Callable[[], object]) -> float:
    """Seconds of processor time that `work` costs by itself, whoever else keeps the processor busy."""
    spent = []
    for _ in range(50):
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)
    return min(spent)


def test_a_mail_costs_much_less_than_the_library_way_of_putting_it_together() -> None:
    mail = letter(Kind.CONFIRMATION)
    _, text, html = PAPER.write(mail)

    def library_way() -> bytes:
        message = EmailMessage()
        message["To"], message["From"], message["Subject"] = "a@example.com", "b@payfirst.example", "Yoga"
        message.set_content(text)
        message.add_alternative(html, subtype="html")
        return message.as_bytes()

    ours = quickest(lambda: envelope(mail, "a@example.com", "b@payfirst.example", PAPER.write(mail)))
    assert ours < 0.8 * quickest(library_way)


def test_every_event_that_is_taken_makes_a_notice() -> None:
    make = (
        *(samples.completed, samples.assigned, samples.pending, samples.cancelled, samples.refunded),
        *(samples.extended, samples.declined, samples.ready, samples.rescheduled, samples.quoted),
    )
    assert {type(each("bk-1")) for each in make} == set(EVENTS)
    notices = [notice_of(each("bk-1")) for each in make]
    assert {notice.kind for notice in notices if notice is not None} == set(Kind) - {Kind.EXPERT_CANCELLATION}


def test_a_saved_card_is_told_with_the_day_before_which_nothing_is_charged() -> None:
    _, text, html = PAPER.write(letter(Kind.CARD_SAVED))
    for written in (text, html):
        assert "charged before Tuesday 24 November 2026, 18:30 (Asia/Kolkata)" in " ".join(written.split())


def test_a_declined_charge_is_told_with_why_and_until_when_to_pay() -> None:
    _, text, html = PAPER.write(letter(Kind.CHARGE_DECLINED))
    for written in (text, html):
        words = " ".join(written.split())
        assert "There was not enough money" in words
        assert "Thursday 26 November 2026, 18:30 (Asia/Kolkata)" in words
        assert "https://x.example/b/bk-1" in words


def test_a_quotation_is_told_with_expert_title_time_amount_and_until_when_to_pay() -> None:
    notice = notice_of(samples.quoted("bk-1"))
    assert notice is not None
    facts = orjson.loads(notice.facts)
    mail = replace(letter(Kind.QUOTATION), facts=facts, titles="Market entry & pricing", time_zone="Europe/Berlin")
    said, text, html = PAPER.write(mail)
    assert said == "Your quotation: Market entry & pricing (BK-449034CB)"
    for written, title in ((text, "Market entry & pricing"), (html, "Market entry &amp; pricing")):
        words = " ".join(re.sub(r"</?strong>", "", written).split())
        assert f"Maya Iyer offers you {title} on Tuesday 24 November 2026, 14:00 (Europe/Berlin)" in words
        assert "for USD 2,500.00." in words
        assert "Pay until Monday 23 November 2026, 18:00 (Europe/Berlin), 17:00 UTC" in words
        assert "https://x.example/b/bk-1" in words


def test_who_was_at_the_checkout_when_it_failed_gets_no_mail() -> None:
    assert notice_of(samples.declined("bk-1", in_absence=False)) is None


def test_a_session_is_confirmed_with_its_expert_its_time_and_its_link_and_a_course_as_ever() -> None:
    session, course = samples.session_completed("bk-1").lines[0], samples.completed("bk-1").lines[0]
    lines = [line.model_dump(mode="json", exclude_none=True) for line in (session, course)]
    mail = replace(letter(Kind.CONFIRMATION), facts={"lines": lines}, time_zone="Europe/Berlin")
    _, text, html = PAPER.write(mail)
    for written in (text, html):
        words = " ".join(written.split())
        assert "Maya Iyer" in words
        assert "Tuesday 24 November 2026, 14:00 (Europe/Berlin), 13:00 UTC" in words
        assert "https://rooms.example/maya" in words
        assert "Trainer: Meera" in words
        assert words.count("Sessions:") == 1


@pytest.mark.parametrize(
    ("refund", "said"),
    [
        ({"refund_minor": 49950, "currency": "INR"}, "INR 499.50 goes back the way you paid"),
        ({"refund_minor": 0, "currency": "INR"}, "nothing goes back"),
        ({}, "What is owed to you goes back the way you paid"),
    ],
)
def test_a_cancellation_says_what_goes_back_where_that_is_decided(refund: dict[str, object], said: str) -> None:
    _, text, html = PAPER.write(replace(letter(Kind.CANCELLATION), facts=refund))
    assert said in " ".join(text.split())
    assert said in re.sub(r"</?strong>", "", html)


@pytest.mark.parametrize(("released", "said"), [(True, "It was never taken"), (False, "the way you paid")])
def test_a_reservation_that_was_let_go_is_not_called_money_on_its_way(released: bool, said: str) -> None:
    facts = {**letter(Kind.REFUND).facts, "released": released}
    _, text, html = PAPER.write(replace(letter(Kind.REFUND), facts=facts))
    assert said in " ".join(text.split())
    assert said in html


@pytest.mark.parametrize(("recipient", "linked"), [("buyer", True), ("expert:exp-maya", False)])
def test_a_move_is_told_with_both_times_and_the_booking_is_linked_for_its_buyer_alone(
    recipient: str, linked: bool
) -> None:
    _, text, html = PAPER.write(replace(letter(Kind.RESCHEDULE), recipient=recipient))
    for written in (text, html):
        assert "Monday 23 November 2026, 18:30 (Asia/Kolkata)" in written
        assert "Tuesday 24 November 2026, 18:30 (Asia/Kolkata)" in written
        assert ("https://x.example/b/bk-1" in written) is linked


def test_a_meeting_without_an_expert_tells_nobody() -> None:
    assert notice_of(samples.ready("bk-1").model_copy(update={"expert_id": None})) is None


@pytest.mark.parametrize(
    "address", ["nobody", "a@", "@b.example", "a b@c.example", "a@b@c.example", "ü@b.example", "a@b..example"]
)
def test_an_address_that_no_header_carries_is_refused(address: str) -> None:
    with pytest.raises(Undeliverable):
        ascii_address(address)


def test_a_domain_with_umlauts_is_written_in_ascii() -> None:
    assert ascii_address("a@bücher.example") == "a@xn--bcher-kva.example"
