"""Amounts as Stripe counts them: ISO minor units but for a few currencies (gateways.md 1.3)."""

from __future__ import annotations

from services.payment.adapters.gateways.port import Rejected
from services.payment.domain.money import exponent

_EXPONENTS = {"ISK": 2, "UGX": 2, "MGA": 0}
"""Where Stripe's minor unit is not ISO 4217's (gateways.md 1.3)."""


def to_stripe(amount_minor: int, currency: str) -> int:
    """Our minor units as Stripe counts them. Raises `Rejected` for an amount that Stripe's unit can't hold."""
    digits, theirs = exponent(currency), _EXPONENTS.get(currency, exponent(currency))
    if theirs >= digits:
        amount = amount_minor * _power(theirs - digits)
    else:
        amount, rest = divmod(amount_minor, _power(digits - theirs))
        if rest:
            raise Rejected("amount_not_whole", f"{currency} is taken in whole units only")
    if digits == 3 and amount % 10:
        raise Rejected("amount_not_divisible", f"the last digit of an amount in {currency} must be 0")
    return amount


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's count as our minor units; what our unit can't hold is kept as it came and will differ from our row."""
    digits, theirs = exponent(currency), _EXPONENTS.get(currency, exponent(currency))
    if theirs >= digits:
        whole, rest = divmod(amount, _power(theirs - digits))
        return amount if rest else whole
    return amount * _power(digits - theirs)


def _power(digits: int) -> int:
    return int(10**digits)
