"""What a notice says: its subject and the values that its templates show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.notification.domain.notices import BUYER, Kind
from services.notification.domain.wording import amount, moment, one_line

_SUBJECT_CHARACTERS = 150
_DECLINES = {
    "details": "The card's details are not right any more.",
    "funds": "There was not enough money, or the card's limit was reached.",
    "expired": "The card has expired.",
    "bank": "Your bank did not allow it.",
    "authentication": "Your bank wants you to confirm it yourself.",
    "technical": "Your bank had a technical problem.",
    "declined": "Your bank declined it.",
}
"""Why a saved card was declined, by the class that payment names; what is not here is simply declined."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One notice, ready to be written: who it is for, and the facts of the event that made it."""

    delivery_id: UUID
    booking_id: str
    kind: Kind
    recipient: str
    name: str
    reference: str
    time_zone: str
    titles: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Links:
    """Where notices point to; the patterns take `{invoice_id}` and `{booking_id}`."""

    invoice: str
    booking: str


def subject(letter: Letter) -> str:
    """The subject line: no token, no link, no line break (N-4)."""
    titles = letter.facts.get("title") or letter.titles
    text = {
        Kind.CONFIRMATION: f"Confirmed: {titles} ({letter.reference})",
        Kind.TRAINER_ASSIGNMENT: f"New student for {titles} ({letter.reference})",
        Kind.EXPERT_BOOKING: f"New session: {titles} ({letter.reference})",
        Kind.ALLOCATION_PENDING: f"We are looking for your trainer: {titles} ({letter.reference})",
        Kind.RESCHEDULE: f"Another time for {titles} ({letter.reference})",
        Kind.EXPERT_CANCELLATION: f"Cancelled: {titles} ({letter.reference})",
        Kind.CANCELLATION: f"Cancelled: {titles} ({letter.reference})",
        Kind.CARD_SAVED: f"Your card is saved, nothing is charged yet: {titles} ({letter.reference})",
        Kind.CHARGE_DECLINED: f"Your payment did not go through: {titles} ({letter.reference})",
        Kind.QUOTATION: f"Your quotation: {titles} ({letter.reference})",
        Kind.REFUND: f"Your money is on its way back: {titles} ({letter.reference})",
    }[letter.kind]
    return one_line(text)[:_SUBJECT_CHARACTERS]


def _when(letter: Letter, instant: str) -> str:
    return moment(datetime.fromisoformat(instant), letter.time_zone)


def _confirmation(letter: Letter, links: Links) -> dict[str, Any]:
    return {
        "lines": [
            {
                "title": line["title"],
                "trainer": line["trainer_name"],
                "sessions": line["sessions_total"],
                "first_session": _when(letter, line["first_session_at"]),
                "join_link": line.get("join_url"),
                "invoice_number": line["invoice_number"],
                "invoice_link": links.invoice.format(invoice_id=line["invoice_id"], booking_id=letter.booking_id),
            }
            for line in letter.facts["lines"]
        ]
    }


def _assignment(letter: Letter, links: Links) -> dict[str, Any]:
    facts = letter.facts
    return {
        "title": facts["title"],
        "sessions": facts["sessions_total"],
        "first_session": _when(letter, facts["first_session_at"]),
    }


def _session(letter: Letter, links: Links) -> dict[str, Any]:
    facts = letter.facts
    return {"title": facts["title"], "when": _when(letter, facts["starts_at"]), "join_link": facts.get("join_url")}


def _reschedule(letter: Letter, links: Links) -> dict[str, Any]:
    facts = letter.facts
    return {
        "title": facts["title"],
        "before": _when(letter, facts["previous_starts_at"]),
        "now": _when(letter, facts["starts_at"]),
        "to_buyer": letter.recipient == BUYER,
    }


def _cancellation(letter: Letter, links: Links) -> dict[str, Any]:
    minor, currency = letter.facts.get("refund_minor"), letter.facts.get("currency")
    if minor is None or currency is None:
        return {"goes_back": None}
    return {"goes_back": amount(minor, currency) if minor else "nothing"}


def _refund(letter: Letter, links: Links) -> dict[str, Any]:
    facts = letter.facts
    returned = amount(facts["amount_minor"], facts["currency"])
    return {"amount": returned, "refund_id": facts["refund_id"], "released": facts.get("released", False)}


def _card_saved(letter: Letter, links: Links) -> dict[str, Any]:
    facts = letter.facts
    return {
        "amount": amount(facts["amount_minor"], facts["currency"]),
        "charged": _when(letter, facts["charge_at"]),
    }


def _charge_declined(letter: Letter, links: Links) -> dict[str, Any]:
    facts = letter.facts
    retry_at = facts.get("retry_at")
    return {
        "amount": amount(facts["amount_minor"], facts["currency"]),
        "why": _DECLINES.get(facts.get("decline") or "", _DECLINES["declined"]),
        "pay_by": _when(letter, facts["pay_by"]),
        "retry": None if retry_at is None else _when(letter, retry_at),
    }


def _quotation(letter: Letter, links: Links) -> dict[str, Any]:
    facts = letter.facts
    return {
        "expert": facts["expert_name"],
        "when": _when(letter, facts["starts_at"]),
        "amount": amount(facts["amount_minor"], facts["currency"]),
        "pay_by": _when(letter, facts["pay_by"]),
    }


def _plain(letter: Letter, links: Links) -> dict[str, Any]:
    return {}


_CONTENT: dict[Kind, Callable[[Letter, Links], dict[str, Any]]] = {
    Kind.CONFIRMATION: _confirmation,
    Kind.TRAINER_ASSIGNMENT: _assignment,
    Kind.EXPERT_BOOKING: _session,
    Kind.ALLOCATION_PENDING: _plain,
    Kind.RESCHEDULE: _reschedule,
    Kind.CANCELLATION: _cancellation,
    Kind.EXPERT_CANCELLATION: _session,
    Kind.REFUND: _refund,
    Kind.CARD_SAVED: _card_saved,
    Kind.CHARGE_DECLINED: _charge_declined,
    Kind.QUOTATION: _quotation,
}


def content(letter: Letter, links: Links) -> dict[str, Any]:
    """The values of the letter's templates."""
    return {
        "subject": subject(letter),
        "name": letter.name,
        "reference": letter.reference,
        "titles": letter.titles,
        "booking_link": links.booking.format(booking_id=letter.booking_id),
        **_CONTENT[letter.kind](letter, links),
    }


def short(letter: Letter) -> tuple[str, str]:
    """(title, body) of a push notice; at most a few hundred bytes of the 4,096 that are allowed."""
    lines = letter.facts.get("lines") or []
    if not lines:
        return one_line(f"Confirmed: {letter.titles}")[:100], letter.reference
    what = "Session" if lines[0].get("join_url") else "First session"
    first = f"{what} {_when(letter, lines[0]['first_session_at'])}"
    return one_line(f"Confirmed: {letter.titles}")[:100], first[:200]
