"""Stripe's decline codes by class (gateways.md 1.7); theft and fraud are told as a plain decline."""

from __future__ import annotations

from services.payment.domain.declines import Decline

_CODES = {
    Decline.DETAILS: (
        "incorrect_cvc",
        "invalid_cvc",
        "incorrect_number",
        "invalid_number",
        "incorrect_zip",
        "invalid_expiry_month",
        "invalid_expiry_year",
    ),
    Decline.EXPIRED: ("expired_card",),
    Decline.FUNDS: (
        "insufficient_funds",
        "withdrawal_count_limit_exceeded",
        "card_velocity_exceeded",
    ),
    Decline.BANK: (
        "do_not_honor",
        "call_issuer",
        "card_not_supported",
        "currency_not_supported",
        "transaction_not_allowed",
        "service_not_allowed",
        "not_permitted",
        "no_action_taken",
        "revocation_of_authorization",
        "security_violation",
        "stop_payment_order",
        "new_account_information_available",
    ),
    Decline.AUTHENTICATION: (
        "authentication_required",
        "authentication_not_handled",
        "payment_intent_authentication_failure",
        "setup_intent_authentication_failure",
    ),
    Decline.TECHNICAL: (
        "processing_error",
        "issuer_not_available",
        "reenter_transaction",
        "approve_with_id",
    ),
}
_BY_CODE = {code: decline for decline, codes in _CODES.items() for code in codes}


def decline_of(reason: str) -> Decline:
    """The class of a code; a code that says nothing to the buyer, or must not be told, is simply declined."""
    return _BY_CODE.get(reason, Decline.DECLINED)
