"""Payment intents and setup intents: what their endpoints take, check and change (gateways.md 1.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulators.stripe import parameters as names
from simulators.stripe.bank import Bank
from simulators.stripe.books import Books, Thing, random_text
from simulators.stripe.errors import Refused, invalid, missing, wrong_state
from simulators.stripe.form import Params, boolean, choice, integer, known, mapping, metadata, text
from simulators.stripe.instruments import decline_of
from simulators.stripe.methods import Methods
from simulators.stripe.money import check_amount, check_digits, checked_currency, shown

_CANCELABLE = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture")
_CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the merchant's server, or the buyer's `browser`; `origin` is the address that was called."""

    browser: bool
    origin: str


class Intents:
    """The payment intents of `books`."""

    def __init__(self, books: Books, methods: Methods, bank: Bank) -> None:
        self.books, self.methods, self.bank = books, methods, bank

    def create(self, params: Params, caller: Caller) -> Thing:
        """`POST /v1/payment_intents`."""
        known(params, names.INTENT_CREATE)
        amount = integer(params, "amount", required=True)
        currency = checked_currency(text(params, "currency", required=True) or "")
        check_amount(amount or 0, currency)
        automatic, types = _method_types(params)
        confirming = boolean(params, "confirm")
        if confirming and not any(name in params for name in ("payment_method", "payment_method_data")):
            raise invalid("An intent can't be confirmed without a payment method.", param="payment_method")
        if not confirming and any(name in params for name in ("off_session", "error_on_requires_action")):
            raise invalid("This parameter needs `confirm`.", param="confirm")
        fields = self._settings(params, amount or 0)
        if confirming:
            _check_return_url(automatic, params, caller)
        method = self.methods.given(params, browser=caller.browser)
        if method is not None:
            self.methods.check_owner(method, fields["customer"])
        intent = self._new(amount or 0, currency, automatic, types, fields)
        if method is not None:
            intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
        if confirming and method is not None:
            self._attempt(intent, method, params, caller)
        return intent

    def _new(self, amount: int, currency: str, automatic: Thing | None, types: list[str], fields: Thing) -> Thing:
        intent = self.books.new(
            "payment_intent",
            amount=amount,
            amount_capturable=0,
            amount_details={"tip": {}},
            amount_received=0,
            application=None,
            automatic_payment_methods=automatic,
            canceled_at=None,
            cancellation_reason=None,
            confirmation_method="automatic",
            currency=currency,
            last_payment_error=None,
            latest_charge=None,
            livemode=False,
            next_action=None,
            payment_method=None,
            payment_method_configuration_details=None,
            payment_method_types=types,
            **{"processing": None, "review": None, "source": None, "status": "requires_payment_method", **fields},
        )
        intent["client_secret"] = f"{intent['id']}_secret_{random_text(25)}"
        return intent

    def _settings(self, params: Params, amount: int, present: Thing | None = None) -> Thing:
        """What may be given on create and changed by an update; the present value stays where nothing is given."""
        before = present or {}
        fields: Thing = {name: params.get(name, before.get(name)) or None for name in names.INTENT_PLAIN}
        fields["metadata"] = metadata(params, before.get("metadata"))
        method = choice(params, "capture_method", ("automatic", "automatic_async", "manual"))
        fields["capture_method"] = method or before.get("capture_method") or "automatic_async"
        future = choice(params, "setup_future_usage", ("on_session", "off_session"))
        fields["setup_future_usage"] = future or before.get("setup_future_usage")
        fields["payment_method_options"] = mapping(params, "payment_method_options") or before.get(
            "payment_method_options", {"card": {"request_three_d_secure": "automatic"}}
        )
        if fields["customer"]:
            self.books.get("customer", fields["customer"], "customer", 400)
        fee = integer(params, "application_fee_amount", least=0)
        fields["application_fee_amount"] = fee if fee is not None else before.get("application_fee_amount")
        fields["transfer_data"] = self._destination(params, amount) or before.get("transfer_data")
        if fields["application_fee_amount"] and not fields["transfer_data"]:
            raise invalid("An application fee needs `transfer_data[destination]`.", param="application_fee_amount")
        if (fields["application_fee_amount"] or 0) > amount:
            raise invalid("The application fee is more than the amount.", param="application_fee_amount")
        return fields

    def _destination(self, params: Params, amount: int) -> Thing | None:
        data = mapping(params, "transfer_data")
        if not data:
            return None
        destination = text(data, "destination")
        if destination is None:
            raise missing("transfer_data[destination]")
        self.books.get("account", destination, "transfer_data[destination]", 400)
        share = integer(data, "amount")
        if share is not None and share > amount:
            raise invalid("The share is more than the amount.", param="transfer_data[amount]")
        return {"destination": destination, **({"amount": share} if share is not None else {})}

    def update(self, intent: Thing, params: Params, caller: Caller) -> Thing:
        """`POST /v1/payment_intents/{id}`: the amount only until it is paid, words at any time."""
        known(params, names.INTENT_UPDATE)
        fixed = {"amount", "currency", "capture_method", "payment_method", "payment_method_data"} & set(params)
        if fixed and intent["status"] not in _CONFIRMABLE:
            words = f"This PaymentIntent's {sorted(fixed)[0]} can't be changed: its status is {intent['status']}."
            raise wrong_state(intent, words)
        amount = integer(params, "amount") or intent["amount"]
        currency = checked_currency(text(params, "currency") or intent["currency"])
        check_amount(amount, currency)
        fields = self._settings(params, amount, intent)
        method = self.methods.given(params, browser=caller.browser)
        intent |= {**fields, "amount": amount, "currency": currency}
        if method is not None:
            self.methods.check_owner(method, intent["customer"])
            intent |= {"payment_method": method["id"], "status": "requires_confirmation", "next_action": None}
        return intent

    def confirm(self, intent: Thing, params: Params, caller: Caller) -> Thing:
        """`POST /v1/payment_intents/{id}/confirm`. Raises `Refused`: 402 for a decline, 400 in the wrong state."""
        known(params, names.INTENT_CONFIRM)
        if intent["status"] not in _CONFIRMABLE:
            words = f"This PaymentIntent can't be confirmed: its status is {intent['status']}."
            raise wrong_state(intent, words)
        _check_return_url(intent["automatic_payment_methods"], params, caller)
        given = self.methods.given(params, browser=caller.browser)
        method = given or self.books.things["payment_method"].get(str(intent["payment_method"]))
        if method is None:
            raise wrong_state(intent, "This PaymentIntent can't be confirmed: it has no payment method.")
        self.methods.check_owner(method, intent["customer"])
        settings = {name: params[name] for name in names.INTENT_PLAIN & set(params)}
        if future := choice(params, "setup_future_usage", ("on_session", "off_session")):
            settings["setup_future_usage"] = future
        intent |= settings
        self._attempt(intent, method, params, caller)
        return intent

    def _attempt(self, intent: Thing, method: Thing, params: Params, caller: Caller) -> None:
        """One attempt: a challenge to the buyer, or the bank's word."""
        intent |= {"payment_method": method["id"], "last_payment_error": None, "next_action": None}
        off_session = params.get("off_session") not in (None, "", "false")
        instrument = self.books.instrument(method["id"])
        asked = mapping(mapping(params, "payment_method_options"), "card").get("request_three_d_secure")
        needed = instrument.challenge == "always" or (
            instrument.challenge == "unless_set_up" and method["id"] not in self.books.set_up
        )
        if needed and off_session:
            raise self.bank.decline(intent, method, decline_of("authentication_required"))
        if needed and boolean(params, "error_on_requires_action"):
            raise self.bank.decline(intent, method, decline_of("authentication_not_handled"))
        if needed or asked in ("any", "challenge"):
            challenge(intent, params, caller)
            self.books.emit("payment_intent.requires_action", intent)
            return
        error = self.bank.charge(intent, method, off_session=off_session)
        if error is not None:
            raise error

    def authenticated(self, intent: Thing, *, passed: bool) -> Refused | None:
        """What becomes of a challenge that is open. Returns the decline, if it is one."""
        if intent["status"] != "requires_action":
            raise wrong_state(intent, f"No challenge is open: the status is {intent['status']}.")
        method = self.books.things["payment_method"][intent["payment_method"]]
        return self.bank.charge(intent, method) if passed else self.bank.not_authenticated(intent)

    def capture(self, intent: Thing, params: Params) -> Thing:
        """`POST /v1/payment_intents/{id}/capture`, all of it or in part."""
        known(params, names.INTENT_CAPTURE)
        amount, final = integer(params, "amount_to_capture"), boolean(params, "final_capture", True)
        if intent["status"] == "succeeded":
            raise wrong_state(intent, "This PaymentIntent could not be captured: it was captured before.")
        if intent["status"] != "requires_capture":
            words = f"This PaymentIntent could not be captured: its status is {intent['status']}."
            raise wrong_state(intent, words)
        held = intent["amount_capturable"]
        amount = held if amount is None else amount
        if amount > held:
            words = f"At most {shown(held, intent['currency'])} can be captured."
            raise invalid(words, code="amount_too_large", param="amount_to_capture")
        check_digits(amount, intent["currency"], "amount_to_capture")
        charge = self.books.things["charge"][intent["latest_charge"]]
        card: Any = charge["payment_method_details"]["card"]
        if not final and card["multicapture"]["status"] != "available":
            raise invalid("Several captures are not available for this charge.", param="final_capture")
        fee = integer(params, "application_fee_amount", least=0)
        if fee is not None:
            intent["application_fee_amount"] = fee
        intent["metadata"] = metadata(params, intent["metadata"])
        self.bank.capture(intent, amount, final=final)
        return intent

    def cancel(self, intent: Thing, params: Params) -> Thing:
        """`POST /v1/payment_intents/{id}/cancel`."""
        known(params, names.INTENT_CANCEL)
        reasons = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
        reason = choice(params, "cancellation_reason", reasons)
        if intent["status"] not in _CANCELABLE:
            words = f"This PaymentIntent can't be canceled: its status is {intent['status']}."
            raise wrong_state(intent, words)
        self.bank.cancel(intent, reason)
        return intent


def challenge(intent: Thing, params: Params, caller: Caller) -> None:
    """The buyer must authenticate: where, and where they come back to."""
    url = f"{caller.origin}/stripe/3d_secure/{intent['id']}?client_secret={intent['client_secret']}"
    intent["status"] = "requires_action"
    if params.get("use_stripe_sdk") == "true" or not params.get("return_url"):
        sdk = {"type": "stripe_3ds2_fingerprint", "stripe_js": url}
        intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}
        return
    redirect = {"url": url, "return_url": params["return_url"]}
    intent["next_action"] = {"type": "redirect_to_url", "redirect_to_url": redirect}


def _method_types(params: Params) -> tuple[Thing | None, list[str]]:
    """Automatic payment methods unless the caller names types; never both."""
    automatic, types = (
        mapping(params, "automatic_payment_methods"),
        params.get("payment_method_types"),
    )
    enabled = boolean(automatic, "enabled") if automatic else types is None
    if enabled and types:
        raise invalid("Name either automatic_payment_methods or payment_method_types.", param="payment_method_types")
    if enabled:
        redirects = choice(automatic, "allow_redirects", ("always", "never")) or "always"
        allowed = params.get("allowed_payment_method_types") or ["card", "link"]
        return {"allow_redirects": redirects, "enabled": True}, _types(allowed)
    return None, _types(types or ["card"])


def _types(given: Any) -> list[str]:
    kinds = [str(item) for item in given] if isinstance(given, list) else [str(given)]
    if unknown := sorted(set(kinds) - names.METHOD_TYPES):
        words = f"The payment method type {unknown[0]!r} is invalid."
        raise invalid(words, code="payment_intent_invalid_parameter", param="payment_method_types")
    return kinds


def _check_return_url(automatic: Thing | None, params: Params, caller: Caller) -> None:
    """Methods that lead away need a way back; the browser's script has one of its own."""
    back = text(params, "return_url")
    if back is not None and not back.startswith(("https://", "http://")):
        raise invalid("Not a valid URL.", code="url_invalid", param="return_url")
    redirects = automatic is not None and automatic["allow_redirects"] == "always"
    if redirects and not caller.browser and not params.get("return_url"):
        words = (
            "This PaymentIntent takes payment methods that may lead the buyer to another page: give a `return_url`, "
            "or create it with automatic_payment_methods[allow_redirects]=never."
        )
        raise invalid(words, param="return_url")
