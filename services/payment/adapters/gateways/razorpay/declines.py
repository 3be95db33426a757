"""Razorpay's reasons by class (gateways.md 2.4)."""

from __future__ import annotations

from services.payment.domain.declines import Decline

_CODES = {
    Decline.DETAILS: (
        "card_number_invalid",
        "incorrect_cvv",
        "incorrect_otp",
        "incorrect_pin",
        "invalid_vpa",
    ),
    Decline.EXPIRED: ("card_expired",),
    Decline.FUNDS: (
        "insufficient_fund",
        "insufficient_funds",
        "transaction_limit_exceeded",
    ),
    Decline.BANK: (
        "card_declined",
        "payment_declined",
        "card_disabled_for_online_payments",
        "debit_instrument_blocked",
        "international_transaction_not_allowed",
    ),
    Decline.AUTHENTICATION: ("authentication_failed",),
    Decline.CANCELLED: ("payment_cancelled",),
    Decline.LATE: ("payment_timed_out",),
    Decline.TECHNICAL: (
        "gateway_technical_error",
        "bank_technical_error",
        "issuer_technical_error",
        "server_error",
    ),
}
_BY_CODE = {code: decline for decline, codes in _CODES.items() for code in codes}


def decline_of(reason: str) -> Decline:
    """The class of a code; a code that says nothing to the buyer, or must not be told, is simply declined."""
    return _BY_CODE.get(reason, Decline.DECLINED)
