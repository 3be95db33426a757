"""PhonePe's error codes by class (gateways.md 3.5)."""

from __future__ import annotations

from services.payment.domain.declines import Decline

_CODES = {
    Decline.DETAILS: (
        "ZM",
        "INVALID_MPIN",
        "ZH",
        "INVALID_VPA",
        "INVALID_CVV_EXPIRY",
        "INVALID_CARD_NUMBER",
    ),
    Decline.EXPIRED: ("CARD_EXPIRED",),
    Decline.FUNDS: (
        "Z9",
        "IE",
        "INSUFFICIENT_BALANCE",
        "Z6",
        "Z7",
        "Z8",
        "U03",
        "ZU",
    ),
    Decline.BANK: (
        "K1",
        "XP",
        "XV",
        "FP",
        "SA",
        "TXN_BLOCKED",
        "YE",
        "ACCOUNT_BLOCKED",
        "XH",
        "ACCOUNT_DOES_NOT_EXIST",
        "CARD_BLOCKED",
        "INTERNATIONAL_TXN_NOT_ALLOWED",
    ),
    Decline.AUTHENTICATION: ("AUTHENTICATION_FAILED",),
    Decline.CANCELLED: (
        "ZA",
        "REQUEST_DECLINE_BY_REQUESTEE",
        "ORDER_CANCELLED_BY_USER",
        "TXN_CANCELLED",
    ),
    Decline.LATE: (
        "U69",
        "REQUEST_TIME_OUT",
        "ORDER_EXPIRED",
        "TXN_AUTO_FAILED",
    ),
    Decline.TECHNICAL: (
        "U90",
        "UT",
        "U28",
        "XB",
        "XY",
        "S96",
        "BANK_TECHNICAL_ISSUE",
        "PROCESSOR_ERROR",
        "CONNECTION_TIMEOUT",
    ),
}
_BY_CODE = {code: decline for decline, codes in _CODES.items() for code in codes}


def decline_of(reason: str) -> Decline:
    """The class of a code; a code that says nothing to the buyer, or must not be told, is simply declined."""
    return _BY_CODE.get(reason, Decline.DECLINED)
