"""How amounts, instants and addresses are written in a notice."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import iso4217


@lru_cache(maxsize=64)
def _exponent(currency: str) -> int:
    # ISO 4217, not Babel: Babel's digits differ from the standard for 13 currencies.
    try:
        return int(iso4217.Currency(currency).exponent or 0)
    except ValueError:
        return 2


def amount(amount_minor: int, currency: str) -> str:
    """`amount_minor` of `currency` for people: 199900 INR is "INR 1,999.00", 500 JPY is "JPY 500"."""
    digits = _exponent(currency)
    whole, rest = divmod(amount_minor, 10**digits)
    return f"{currency} {whole:,}" + (f".{rest:0{digits}d}" if digits else "")


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def moment(at: datetime, time_zone: str) -> str:
    """`at` in the reader's zone and in UTC: "Tuesday 24 November 2026, 18:30 (Asia/Kolkata), 13:00 UTC".

    The UTC part names its date when that differs; an unknown zone gives UTC alone.
    """
    utc = at.astimezone(UTC)
    zone = _zone(time_zone)
    if zone is None or time_zone == "UTC":
        return f"{utc:%A} {utc.day} {utc:%B %Y, %H:%M} UTC"
    local = at.astimezone(zone)
    other_day = f"{utc.day} {utc:%B}, " if utc.date() != local.date() else ""
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M} ({time_zone}), {other_day}{utc:%H:%M} UTC"


def one_line(text: str) -> str:
    """`text` without line breaks and doubled spaces: fit for a mail header."""
    return " ".join(text.split())


def masked(address: str) -> str:
    """`address` for operators' eyes: "asha.rao@example.com" is "a***@example.com"."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}" if local else "***"
