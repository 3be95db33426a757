"""Stripe's rules of amounts: currencies, their smallest units, minimums, maximum, and the fee it takes."""

from __future__ import annotations

from simulators.stripe.errors import invalid
from simulators.stripe.parameters import CURRENCIES, words

ZERO_DECIMAL = words("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
"""Amounts count whole units (gateways.md 1.3); ISK and UGX are sent with two decimals that must be 00."""
_WHOLE_ONLY = words("isk ugx")
THREE_DECIMAL = words("bhd jod kwd omr tnd")
"""Amounts count thousandths, the last digit 0 (gateways.md 1.3)."""
_MINIMUMS = {
    **dict.fromkeys(words("usd eur inr aud brl cad chf nzd sgd jpy"), 50),
    **dict.fromkeys(words("aed myr pln ron"), 200),
    **dict.fromkeys(words("nok sek"), 300),
    **dict.fromkeys(words("mxn thb"), 1000),
    "gbp": 30,
    "bgn": 100,
    "dkk": 250,
    "hkd": 400,
    "czk": 1500,
    "huf": 17500,
}
_MAXIMUM = 999_999_999_999


def exponent(currency: str) -> int:
    """How many decimals an amount in `currency` is sent with."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def checked_currency(value: str) -> str:
    """The lower-case currency. Raises `Refused` for one that the vendor does not take."""
    currency = value.lower()
    if currency not in CURRENCIES:
        raise invalid(f"Invalid currency: {value}.", param="currency")
    return currency


def check_amount(amount_minor: int, currency: str, param: str = "amount") -> None:
    """Raises `Refused` for an amount below the minimum, over the maximum, or not whole in its currency."""
    if amount_minor < _MINIMUMS.get(currency, 1):
        least = shown(_MINIMUMS.get(currency, 1), currency)
        raise invalid(f"Amount must be at least {least}.", code="amount_too_small", param=param)
    if amount_minor > _MAXIMUM:
        most = shown(_MAXIMUM, currency)
        raise invalid(f"Amount must be no more than {most}.", code="amount_too_large", param=param)
    check_digits(amount_minor, currency, param)


def check_digits(amount_minor: int, currency: str, param: str = "amount") -> None:
    """Raises `Refused` where the last digits must be zero and are not."""
    step = 100 if currency in _WHOLE_ONLY else 10 if currency in THREE_DECIMAL else 1
    if amount_minor % step:
        raise invalid(f"Invalid amount: an amount in {currency.upper()} must be divisible by {step}.", param=param)


def shown(amount_minor: int, currency: str) -> str:
    """An amount for people: `12.50 usd`."""
    digits = exponent(currency)
    if digits == 0:
        return f"{amount_minor} {currency}"
    whole, rest = divmod(amount_minor, 10**digits)
    return f"{whole}.{rest:0{digits}d} {currency}"


def fee_minor(amount_minor: int) -> int:
    """What the vendor takes on a capture: 2.9 % + 30 minor units, rounded half up."""
    return (amount_minor * 29 + 500) // 1000 + 30
