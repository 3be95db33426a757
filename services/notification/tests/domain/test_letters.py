"""Every kind has its templates, and hostile facts stay text."""

from __future__ import annotations

import time
from uuid import UUID

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


def test_writing_a_mail_takes_less_than_a_millisecond() -> None:
    spent = []
    for _ in range(50):
        begun = time.process_time()
        envelope(
            letter(Kind.CONFIRMATION), "a@example.com", "b@payfirst.example", PAPER.write(letter(Kind.CONFIRMATION))
        )
        spent.append(time.process_time() - begun)
    # The quickest of many: what the work costs by itself, whoever else keeps the processor busy.
    assert min(spent) < 0.001


def test_every_event_that_is_taken_makes_a_notice() -> None:
    make = (samples.completed, samples.assigned, samples.pending, samples.cancelled, samples.refunded)
    assert {type(each("bk-1")) for each in make} == set(EVENTS)
    assert {notice_of(each("bk-1")).kind for each in make} == set(Kind)


@pytest.mark.parametrize(
    "address", ["nobody", "a@", "@b.example", "a b@c.example", "a@b@c.example", "ü@b.example", "a@b..example"]
)
def test_an_address_that_no_header_carries_is_refused(address: str) -> None:
    with pytest.raises(Undeliverable):
        ascii_address(address)


def test_a_domain_with_umlauts_is_written_in_ascii() -> None:
    assert ascii_address("a@bücher.example") == "a@xn--bcher-kva.example"
