"""Minor units as decimal text and back, with exponents from ISO 4217."""

from __future__ import annotations

from decimal import Decimal

import iso4217


def exponent(currency: str) -> int:
    """How many decimals `currency` has: 2 for INR, 0 for JPY. Raises `ValueError` for a code that ISO 4217 lacks."""
    digits = iso4217.raw_table.get(currency, {}).get("CcyMnrUnts")
    if not isinstance(digits, str) or not digits.isdigit():
        raise ValueError(f"{currency} is no currency with minor units")
    return int(digits)


def decimal_text(amount_minor: int, currency: str) -> str:
    """The amount as people write it: 99900 INR is "999.00"."""
    digits = exponent(currency)
    return f"{Decimal(amount_minor).scaleb(-digits):.{digits}f}"
