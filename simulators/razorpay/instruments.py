"""The vendor's documented test cards and the words of its declines (gateways.md 2.5)."""

from __future__ import annotations

DECLINES = {
    "payment_timed_out": "Payment was not completed on time.",
    "insufficient_fund": "Your account does not have enough balance.",
    "payment_cancelled": "Payment was cancelled.",
    "card_declined": "Your payment could not be completed as the bank declined it. Try another card.",
    "card_disabled_for_online_payments": "This card is not enabled for online payments.",
    "card_number_invalid": "The card number is not valid.",
    "gateway_technical_error": "The payment failed because of a technical error at the bank.",
    "authentication_failed": "The OTP was wrong; the payment was not authenticated.",
    "incorrect_otp": "The OTP was wrong.",
}
CARDS = {
    "4100280000090000": "payment_timed_out",
    "4100280000080001": "insufficient_fund",
    "4100280000070002": "payment_cancelled",
    "4100280000060003": "card_declined",
    "4100280000050004": "card_declined",
    "4100280000040005": "card_declined",
    "4100280000030006": "card_disabled_for_online_payments",
    "4100280000010008": "card_number_invalid",
    "4100280000020007": "gateway_technical_error",
    "4100280000000009": "authentication_failed",
}
