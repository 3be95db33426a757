"""Why a payment or refund fails: the vendor's detailed codes, what each is filed under, and its sentence (gateways.md 3.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_CODE = re.compile(r"^[A-Z0-9_]{1,40}$")
_BLOCKED = "The bank has blocked the payment: the payer has to ask the bank."
_LIMIT = "A limit of the account has been reached."
_BANK = "The bank has a technical problem: try again."


@dataclass(frozen=True)
class Failure:
    """What stands beside a detailed code: the error code, who caused it, at which stage, and a sentence for people."""

    error_code: str
    source: str
    stage: str
    words: str


def _of(error_code: str, words: str, source: str = "CUSTOMER", stage: str = "AUTHORIZATION") -> Failure:
    return Failure(error_code, source, stage, words)


_KNOWN: dict[str, Failure] = {
    **dict.fromkeys(
        ("Z9", "IE", "INSUFFICIENT_BALANCE"),
        _of("INSUFFICIENT_BALANCE", "There is not enough money in the account."),
    ),
    "ZM": _of("INVALID_MPIN", "The UPI PIN was wrong.", stage="AUTHENTICATION"),
    "ZH": _of("INVALID_VPA", "This UPI ID does not exist.", stage="PRE_AUTHENTICATION"),
    "CARD_EXPIRED": _of("CARD_EXPIRED", "The card has expired.", stage="PRE_AUTHENTICATION"),
    "INVALID_CVV_EXPIRY": _of("INVALID_CVV_EXPIRY", "CVV or expiry is wrong.", stage="PRE_AUTHENTICATION"),
    "INVALID_CARD_NUMBER": _of("INVALID_CARD_NUMBER", "This is no card number.", stage="PRE_AUTHENTICATION"),
    **dict.fromkeys(("Z6", "Z7", "Z8", "U03", "ZU"), _of("LIMIT_EXCEEDED", _LIMIT)),
    **dict.fromkeys(("K1", "XP", "XV", "FP", "SA", "TXN_BLOCKED"), _of("TXN_BLOCKED", _BLOCKED, "BANK")),
    "YE": _of("ACCOUNT_BLOCKED", _BLOCKED, "BANK"),
    "XH": _of("ACCOUNT_DOES_NOT_EXIST", "This account does not exist.", "BANK"),
    "CARD_BLOCKED": _of("CARD_BLOCKED", _BLOCKED, "BANK"),
    "INTERNATIONAL_TXN_NOT_ALLOWED": _of("INTERNATIONAL_TXN_NOT_ALLOWED", "The card pays in its own country only."),
    "ZA": _of("REQUEST_DECLINE_BY_REQUESTEE", "The payment was declined in the UPI app.", stage="AUTHENTICATION"),
    "REQUEST_DECLINE_BY_REQUESTEE": _of(
        "REQUEST_DECLINE_BY_REQUESTEE", "The payment was declined in the UPI app.", stage="AUTHENTICATION"
    ),
    "ORDER_CANCELLED_BY_USER": _of("TXN_CANCELLED", "The payment was cancelled.", stage="PRE_AUTHENTICATION"),
    **dict.fromkeys(
        ("U69", "REQUEST_TIME_OUT"),
        _of("REQUEST_TIME_OUT", "The payment was not approved in time.", stage="AUTHENTICATION"),
    ),
    **dict.fromkeys(
        ("ORDER_EXPIRED", "TXN_AUTO_FAILED"),
        _of("TXN_NOT_COMPLETED", "The payment was not finished in time.", stage="PRE_AUTHENTICATION"),
    ),
    "AUTHENTICATION_FAILED": _of(
        "AUTHENTICATION_FAILED", "The bank could not confirm it is you.", stage="AUTHENTICATION"
    ),
    **dict.fromkeys(("U90", "UT", "U28", "XB", "XY", "S96"), _of("BANK_TECHNICAL_ISSUE", _BANK, "BANK")),
    "PROCESSOR_ERROR": _of("PROCESSOR_ERROR", _BANK, "PHONEPE"),
    "CONNECTION_TIMEOUT": _of("CONNECTION_TIMEOUT", _BANK, "PHONEPE"),
    "TRANSACTION_DECLINED_PG": _of("TRANSACTION_DECLINED_PG", "The payment was declined: try again.", "PHONEPE"),
    "DUPLICATE_TRANSACTION": _of("DUPLICATE_TRANSACTION", "This was paid before.", "MERCHANT"),
    "BF_034": _of("REFUND_BREACHED", "The merchant's balance is too low for this refund.", "MERCHANT", "REFUND"),
    "UPI_BACKBONE_ERROR": _of("UPI_BACKBONE_ERROR", "The refund did not reach the bank.", "BANK", "REFUND"),
}
_OTHER = _of("PAYMENT_ERROR", "The payment failed.", "PHONEPE")


def is_code(code: str) -> bool:
    """Whether `code` looks like one of the vendor's; codes that are in no table may come from the vendor any day."""
    return _CODE.match(code) is not None


def failure(code: str) -> Failure:
    """What stands beside the detailed `code`."""
    if code.startswith("INTERNAL_SECURITY_BLOCK_"):
        return _of(code, "The merchant's account may not take this payment.", "MERCHANT", "PRE_AUTHENTICATION")
    return _KNOWN.get(code, _OTHER)


def error_fields(code: str) -> dict[str, str]:
    """The two fields that a failed order, attempt or refund has."""
    return {"errorCode": failure(code).error_code, "detailedErrorCode": code}


def error_context(code: str) -> dict[str, Any]:
    """The block that a status call with `errorContext=true` gets for a failed order."""
    why = failure(code)
    return {**error_fields(code), "source": why.source, "stage": why.stage, "description": why.words}
