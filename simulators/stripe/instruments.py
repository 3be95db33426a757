"""The documented test cards: what happens when one is set up, charged, refunded (gateways.md 1.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simulators.stripe.errors import Refused, card_error


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a bank says no: error code, decline code, words for the buyer, advice for the merchant."""

    code: str
    decline_code: str | None
    message: str
    advice: str = "try_again_later"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One card and its behaviour. `challenge`: when the buyer must authenticate."""

    number: str
    test_ids: tuple[str, ...]
    says: str
    brand: str = "visa"
    country: str = "US"
    decline: Decline | None = None
    challenge: Literal["never", "unless_set_up", "always"] = "never"
    disputed: bool = False
    refunds: Literal["normal", "pending", "fail"] = "normal"
    sets_up: bool = True
    wallet: str | None = None


_MESSAGES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "invalid_cvc": "Your card's security code is invalid.",
    "incorrect_number": "Your card number is incorrect.",
    "invalid_number": "The card number is not a valid card number.",
    "incorrect_zip": "Your card's postal code is incorrect.",
    "invalid_expiry_month": "Your card's expiration month is invalid.",
    "invalid_expiry_year": "Your card's expiration year is invalid.",
    "processing_error": "An error occurred while processing your card. Try again in a little while.",
    "authentication_required": "Your card was declined: this transaction requires authentication.",
    "card_velocity_exceeded": "Your card was declined for making repeated attempts too often.",
    "test_mode_live_card": "Your card was declined: a test request was made with a card that is no test card.",
}
_CODES = frozenset(
    {
        *("expired_card", "incorrect_cvc", "invalid_cvc", "incorrect_number", "invalid_number", "incorrect_zip"),
        *("invalid_expiry_month", "invalid_expiry_year", "processing_error"),
    }
)
_CONFIRM_DATA = frozenset(_CODES - {"processing_error"})
_NEVER_AGAIN = frozenset({"fraudulent", "lost_card", "stolen_card", "pickup_card", "restricted_card"})


def decline_of(word: str) -> Decline:
    """The decline for a code or decline code; codes of their own have no decline code beside them."""
    message = _MESSAGES.get(word, "Your card was declined.")
    if word in _CODES:
        return Decline(word, None, message, "confirm_card_data" if word in _CONFIRM_DATA else "try_again_later")
    code = "authentication_required" if word == "authentication_required" else "card_declined"
    return Decline(code, word, message, "do_not_try_again" if word in _NEVER_AGAIN else "try_again_later")


def refusal(decline: Decline, **fields: object) -> Refused:
    """The 402 for a decline."""
    error = card_error(decline.message, decline.code, decline.decline_code, **fields)
    error.error["advice_code"] = decline.advice
    return error


def _declined(number: str, test_id: str, word: str, *, sets_up: bool = False) -> Instrument:
    decline = decline_of(word)
    return Instrument(number, (test_id,), decline.message, decline=decline, sets_up=sets_up)


INSTRUMENTS = (
    Instrument("4242424242424242", ("pm_card_visa", "tok_visa"), "Succeeds."),
    Instrument("4000056655665556", ("pm_card_visa_debit", "tok_visa_debit"), "Succeeds."),
    Instrument("5555555555554444", ("pm_card_mastercard", "tok_mastercard"), "Succeeds.", brand="mastercard"),
    Instrument("378282246310005", ("pm_card_amex", "tok_amex"), "Succeeds.", brand="amex"),
    Instrument("6011111111111117", ("pm_card_discover", "tok_discover"), "Succeeds.", brand="discover"),
    Instrument("4000003560000008", ("pm_card_in", "tok_in"), "Succeeds, a card of India.", country="IN"),
    _declined("4000000000000002", "pm_card_visa_chargeDeclined", "generic_decline"),
    _declined("4000000000009995", "pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    _declined("4000000000009987", "pm_card_visa_chargeDeclinedLostCard", "lost_card"),
    _declined("4000000000009979", "pm_card_visa_chargeDeclinedStolenCard", "stolen_card"),
    _declined("4000000000000069", "pm_card_chargeDeclinedExpiredCard", "expired_card"),
    _declined("4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc"),
    _declined("4000000000000119", "pm_card_chargeDeclinedProcessingError", "processing_error"),
    _declined("4000000000006975", "pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_velocity_exceeded"),
    _declined("4000000000000341", "pm_card_chargeCustomerFail", "generic_decline", sets_up=True),
    _declined("4100000000000019", "pm_card_radarBlock", "fraudulent"),
    Instrument(
        "4000002500003155",
        ("pm_card_authenticationRequiredOnSetup",),
        "Must be authenticated unless it was set up.",
        challenge="unless_set_up",
    ),
    Instrument(
        "4000002760003184",
        ("pm_card_authenticationRequired",),
        "Must always be authenticated.",
        challenge="always",
    ),
    Instrument(
        "4000000000003220", ("pm_card_threeDSecure2Required",), "3D Secure 2, then succeeds.", challenge="always"
    ),
    Instrument(
        "4000008400001629",
        ("pm_card_threeDSecureRequiredChargeDeclined",),
        "3D Secure, then declined.",
        challenge="always",
        decline=decline_of("generic_decline"),
    ),
    Instrument("4000000000000259", ("pm_card_createDispute",), "Succeeds, then is disputed.", disputed=True),
    Instrument("4000000000007726", ("pm_card_pendingRefund",), "Its refund is pending first.", refunds="pending"),
    Instrument("4000000000005126", ("pm_card_refundFail",), "Its refund fails later.", refunds="fail"),
)
BY_NUMBER = {item.number: item for item in INSTRUMENTS}
BY_TEST_ID = {test_id: item for item in INSTRUMENTS for test_id in item.test_ids}
GOOD = BY_TEST_ID["pm_card_visa"]
WALLETS = {
    name: Instrument("4242424242424242", (), "Succeeds.", wallet=name) for name in ("apple_pay", "google_pay", "link")
}


def passes_luhn(number: str) -> bool:
    """Whether the check digit of a card number is right."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[0::2]) + doubled) % 10 == 0


def of_number(number: str) -> Instrument:
    """The instrument of a card number. Raises `Refused` (402) for one whose check digit is wrong."""
    if not number.isdigit() or not 12 <= len(number) <= 19 or not passes_luhn(number):
        raise refusal(decline_of("incorrect_number"), param="number")
    unknown = Instrument(number, (), "No test card.", decline=decline_of("test_mode_live_card"))
    return BY_NUMBER.get(number, unknown)
