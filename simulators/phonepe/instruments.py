"""What a payer can pay with at PhonePe: the documented test cards, UPI IDs, banks, and how each shows in a status."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any

MODES = ("UPI_INTENT", "UPI_COLLECT", "UPI_QR", "CARD", "NET_BANKING")
CARD_TYPES = ("DEBIT_CARD", "CREDIT_CARD")
BANKS = {
    "SBIN": "State Bank of India",
    "HDFC": "HDFC Bank",
    "ICIC": "ICICI Bank",
    "UTIB": "Axis Bank",
}
OTP = "123456"
BANK_LOGIN = ("test", "test")
"""The documented user and password on the bank's page (gateways.md 3.6, its test page for net banking)."""
VPAS = {"success@ybl": "success", "failed@ybl": "ZA", "pending@ybl": "pending"}
"""UPI IDs that need no approval. From third parties, not from the vendor (gateways.md 3.6)."""
_VPA = re.compile(r"[A-Za-z0-9._-]{2,50}@[A-Za-z]{2,20}")


@dataclass(frozen=True)
class Card:
    """A documented test card; `expiry` is (month, year)."""

    kind: str
    expiry: tuple[int, int]
    cvv: str


CARDS = {
    "4208585190116667": Card("CREDIT_CARD", (6, 2027), "508"),
    "4242424242424242": Card("DEBIT_CARD", (12, 2027), "936"),
}


@dataclass(frozen=True)
class Chosen:
    """What the payer chose: the mode, and for it the UPI ID, the card's number and type, or the bank."""

    mode: str
    vpa: str = "payer@ybl"
    number: str = "4242424242424242"
    card_type: str = "DEBIT_CARD"
    bank: str = "SBIN"


def is_vpa(text: str) -> bool:
    """Whether `text` has the form of a UPI ID."""
    return _VPA.fullmatch(text) is not None


def is_card_number(digits: str) -> bool:
    """Whether `digits` are 12 to 19 with a right check digit."""
    if not digits.isascii() or not digits.isdigit() or not 12 <= len(digits) <= 19:
        return False
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def card_failure(digits: str, month: int, year: int, cvv: str, today: tuple[int, int]) -> str | None:
    """Why the card is refused before the bank is asked, or None. `today` is (month, year)."""
    if not is_card_number(digits):
        return "INVALID_CARD_NUMBER"
    if digits not in CARDS:
        return "TRANSACTION_DECLINED_PG"
    if (month, year) == CARDS[digits].expiry and cvv == CARDS[digits].cvv:
        return None
    return "CARD_EXPIRED" if (year, month) < (today[1], today[0]) else "INVALID_CVV_EXPIRY"


def rail_and_instrument(chosen: Chosen) -> dict[str, Any]:
    """The `rail` and the `instrument` of an attempt, as a status shows them."""
    if chosen.mode == "CARD":
        return {
            "rail": {"type": "PG", "authorizationCode": _digits(6)},
            "instrument": {
                "type": chosen.card_type,
                "bankId": "HDFC",
                "brn": _digits(12),
                "geoScope": "DOMESTIC",
                "cardNetwork": "VISA",
                "maskedCardNumber": f"******{chosen.number[-4:]}",
            },
        }
    if chosen.mode == "NET_BANKING":
        return {
            "rail": {"type": "PG", "serviceTransactionId": f"PG{_digits(20)}"},
            "instrument": {"type": "NET_BANKING", "bankTransactionId": _digits(12), "bankId": chosen.bank},
        }
    return {
        "rail": {
            "type": "UPI",
            "utr": _digits(12),
            "upiTransactionId": f"YBL{secrets.token_hex(16)}",
            "vpa": _masked(chosen.vpa),
        },
        "instrument": {"type": "ACCOUNT", "maskedAccountNumber": f"******{_digits(4)}", "accountType": "SAVINGS"},
    }


def _digits(count: int) -> str:
    return f"{secrets.randbelow(10**count):0{count}d}"


def _masked(vpa: str) -> str:
    name, _, handle = vpa.partition("@")
    return f"{name[:2]}****{name[-2:]}@{handle}"
