"""Setup intents: a card saved for later without a charge now."""

from __future__ import annotations

from simulators.stripe import parameters as names
from simulators.stripe.books import Books, Thing, random_text
from simulators.stripe.errors import Refused, invalid, wrong_state
from simulators.stripe.form import Params, boolean, choice, known, metadata, text
from simulators.stripe.instruments import Decline, decline_of, refusal
from simulators.stripe.intents import Caller, challenge
from simulators.stripe.methods import Methods

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


class Setups:
    """The setup intents of `books`."""

    def __init__(self, books: Books, methods: Methods) -> None:
        self.books, self.methods = books, methods

    def create(self, params: Params, caller: Caller) -> Thing:
        """`POST /v1/setup_intents`."""
        known(params, names.SETUP_CREATE)
        customer = text(params, "customer")
        if customer is not None:
            self.books.get("customer", customer, "customer", 400)
        usage = choice(params, "usage", ("on_session", "off_session")) or "off_session"
        confirming, kept = boolean(params, "confirm"), metadata(params)
        method = self.methods.given(params, browser=caller.browser)
        if confirming and method is None:
            raise invalid("A setup can't be confirmed without a payment method.", param="payment_method")
        setup = self.books.new(
            "setup_intent",
            customer=customer,
            usage=usage,
            metadata=kept,
            description=text(params, "description"),
            payment_method=method["id"] if method else None,
            latest_attempt=None,
            last_setup_error=None,
            status="requires_confirmation" if method else "requires_payment_method",
            next_action=None,
            payment_method_types=["card"],
            livemode=False,
            cancellation_reason=None,
        )
        setup["client_secret"] = f"{setup['id']}_secret_{random_text(25)}"
        return self._confirm(setup, method, params, caller) if confirming and method else setup

    def confirm(self, setup: Thing, params: Params, caller: Caller) -> Thing:
        """`POST /v1/setup_intents/{id}/confirm`."""
        known(params, names.SETUP_CONFIRM)
        if setup["status"] not in _OPEN:
            raise wrong_state(setup, f"This SetupIntent can't be confirmed: its status is {setup['status']}.")
        given = self.methods.given(params, browser=caller.browser)
        method = given or self.books.things["payment_method"].get(str(setup["payment_method"]))
        if method is None:
            raise wrong_state(setup, "This SetupIntent can't be confirmed: it has no payment method.")
        return self._confirm(setup, method, params, caller)

    def _confirm(self, setup: Thing, method: Thing, params: Params, caller: Caller) -> Thing:
        setup |= {"payment_method": method["id"], "last_setup_error": None, "next_action": None}
        if self.books.instrument(method["id"]).challenge != "never":
            challenge(setup, params, caller)
            self.books.emit("setup_intent.requires_action", setup)
            return setup
        error = self.authorized(setup)
        if error is not None:
            raise error
        return setup

    def authorized(self, setup: Thing) -> Refused | None:
        """The bank's word on keeping the card. Returns the decline, if it is one."""
        method = self.books.things["payment_method"][setup["payment_method"]]
        instrument = self.books.instrument(method["id"])
        if instrument.decline is not None and not instrument.sets_up:
            return self._failed(setup, instrument.decline)
        if setup["customer"] is not None:
            self.methods.attach(method, setup["customer"])
        self.books.set_up.add(method["id"])
        setup |= {"status": "succeeded", "next_action": None}
        self.books.emit("setup_intent.succeeded", setup)
        return None

    def authenticated(self, setup: Thing, *, passed: bool) -> Refused | None:
        """What becomes of a challenge that is open. Returns the refusal, if it is one."""
        if setup["status"] != "requires_action":
            raise wrong_state(setup, f"No challenge is open: the status is {setup['status']}.")
        if passed:
            return self.authorized(setup)
        words = "We could not authenticate your payment method. Choose another one and try again."
        return self._failed(setup, Decline("setup_intent_authentication_failure", None, words))

    def declined(self, setup: Thing, word: str) -> Refused:
        """The bank keeps no card for a reason of the caller's choice, whatever the card."""
        if setup["status"] not in _OPEN:
            raise wrong_state(setup, f"This SetupIntent can't be confirmed: its status is {setup['status']}.")
        return self._failed(setup, decline_of(word or "generic_decline"))

    def cancel(self, setup: Thing, params: Params) -> Thing:
        """`POST /v1/setup_intents/{id}/cancel`."""
        reason = choice(params, "cancellation_reason", ("abandoned", "duplicate", "requested_by_customer"))
        if setup["status"] not in _OPEN:
            raise wrong_state(setup, f"This SetupIntent can't be canceled: its status is {setup['status']}.")
        setup |= {"status": "canceled", "cancellation_reason": reason, "next_action": None}
        self.books.emit("setup_intent.canceled", setup)
        return setup

    def _failed(self, setup: Thing, decline: Decline) -> Refused:
        error = refusal(decline)
        setup |= {"status": "requires_payment_method", "payment_method": None, "next_action": None}
        setup["last_setup_error"] = dict(error.error)
        self.books.emit("setup_intent.setup_failed", setup)
        error.error["setup_intent"] = dict(setup)
        return error
