"""Stripe as one thing: its books, its API, its webhooks, and what a buyer can do with an intent."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from simulators.clock import VendorClock
from simulators.stripe.bank import Bank
from simulators.stripe.books import Books, Thing
from simulators.stripe.controls import controls
from simulators.stripe.element import pages
from simulators.stripe.errors import Refused, invalid, wrong_state
from simulators.stripe.hooks import HookMode, Hooks
from simulators.stripe.idempotency import Keys
from simulators.stripe.instruments import GOOD, WALLETS, Instrument
from simulators.stripe.intents import Caller, Intents
from simulators.stripe.methods import Methods
from simulators.stripe.refunding import Refunding
from simulators.stripe.routes import intent_routes, money_routes, people_routes
from simulators.stripe.serving import Api, Processing, rate_limited, server_error
from simulators.stripe.setups import Setups
from simulators.stripe.sharing import Sharing
from simulators.webhooks import Sender

_PAYABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_SHOWN = ("payment_intent", "setup_intent", "charge", "refund", "dispute", "transfer", "transfer_reversal")
_ALSO_SHOWN = ("balance_transaction", "application_fee", "customer", "account", "event")


@dataclass(frozen=True, slots=True)
class StripeKeys:
    """The merchant's credentials at this vendor."""

    secret_key: str
    publishable_key: str
    webhook_secret: str
    webhook_url: str = ""

    @classmethod
    def from_environment(cls) -> StripeKeys | None:
        """From the environment; None where no secret key is set: the vendor is not offered then."""
        if not os.environ.get("STRIPE_SECRET_KEY"):
            return None
        return cls(
            os.environ["STRIPE_SECRET_KEY"],
            os.environ["STRIPE_PUBLISHABLE_KEY"],
            os.environ["STRIPE_WEBHOOK_SECRET"].split(",")[0],
            os.environ.get("STRIPE_WEBHOOK_URL", ""),
        )


class Stripe:
    """The vendor: what its routes, its pages and the controls call."""

    name = "stripe"

    def __init__(self, clock: VendorClock, sender: Sender, keys: StripeKeys) -> None:
        self.secret_key, self.publishable_key = keys.secret_key, keys.publishable_key
        self.keys, self.clock, self.sender = keys, clock, sender
        self.books, self.idempotency, self.processing = Books(clock), Keys(), Processing()
        self.hooks = Hooks(sender, clock, keys.webhook_url, keys.webhook_secret)
        self.sharing, self.methods = Sharing(self.books), Methods(self.books)
        self.bank = Bank(self.books, self.sharing)
        self.intents = Intents(self.books, self.methods, self.bank)
        self.setups = Setups(self.books, self.methods)

    def routes(self) -> APIRouter:
        """The API, the browser's script and the hosted pages."""
        api = Api(self)
        refunding = Refunding(self.books, self.sharing)
        intent_routes(api, self.books, self.intents, self.setups)
        money_routes(api, self.books, self.sharing, refunding)
        people_routes(api, self.books, self.methods, refunding)
        api.router.include_router(pages(self))
        return api.router

    def controls(self) -> APIRouter:
        """What acts as the buyer and the bank."""
        return controls(self)

    def settle_up(self, mode: HookMode | None = None, delay_seconds: float = 0.0) -> None:
        """Let what is due happen, and send what is waiting."""
        self.books.run_due()
        waiting, self.books.outgoing = self.books.outgoing, []
        self.books.request = {"id": None, "idempotency_key": None}
        self.hooks.send(waiting, mode, delay_seconds)

    def pay(
        self,
        intent_id: str,
        outcome: str,
        mode: HookMode | None = None,
        delay_seconds: float = 0.0,
        amount_minor: int | None = None,
        wallet: str | None = None,
    ) -> Thing:
        """One attempt of a buyer with the wished outcome; returns what the browser is left with.

        Raises `Refused` for an unknown outcome and for an intent that can't be paid in its present status.
        """
        self.settle_up()
        intent = self.books.get("payment_intent", intent_id)
        if outcome == "dismiss":
            return {"dismissed": True, **self.handed(intent)}
        if intent["status"] not in _PAYABLE:
            raise wrong_state(intent, f"This PaymentIntent can't be paid: its status is {intent['status']}.")
        error: Refused | None = None
        if outcome == "success":
            self.bank.succeed(intent, self.method(wallet), amount=amount_minor)
        elif outcome == "pending":
            intent |= {"status": "processing", "payment_method": self.method(wallet)["id"], "next_action": None}
            self.books.emit("payment_intent.processing", intent)
        elif outcome == "late_success":
            error = self.bank.decline_word(intent, "processing_error")
            self._later(intent, mode, delay_seconds, amount_minor)
        elif outcome.split(":")[0] == "decline":
            error = self.bank.decline_word(intent, outcome.partition(":")[2])
        else:
            raise invalid(f"There is no outcome {outcome!r}.", param="outcome")
        self.settle_up(None if outcome == "late_success" else mode, delay_seconds if outcome != "late_success" else 0)
        return self.handed(intent, error)

    def save(
        self, setup_id: str, outcome: str, test_id: str, mode: HookMode | None = None, delay_seconds: float = 0.0
    ) -> Thing:
        """One attempt of a buyer to have a card saved, authenticated where the card asks for it; what the browser is left
        with. Raises `Refused` as `pay`."""
        self.settle_up()
        setup = self.books.get("setup_intent", setup_id)
        error: Refused | None = None
        if outcome == "success":
            try:
                self.setups.confirm(setup, {"payment_method": test_id}, Caller(browser=True, origin=""))
                if setup["status"] == "requires_action":
                    error = self.setups.authenticated(setup, passed=True)
            except Refused as refused:
                if refused.status != 402:
                    raise
                error = refused
        elif outcome.split(":")[0] == "decline":
            error = self.setups.declined(setup, outcome.partition(":")[2])
        elif outcome != "dismiss":
            raise invalid(f"There is no outcome {outcome!r}.", param="outcome")
        self.settle_up(mode, delay_seconds)
        return self.handed(setup, error)

    def _later(self, intent: Thing, mode: HookMode | None, delay_seconds: float, amount_minor: int | None) -> None:
        """The same intent is paid after all: after a delay, when settled, or when the clock moves."""

        def succeed() -> None:
            if self.books.late.pop(intent["id"], None) is not None and intent["status"] in _PAYABLE:
                self.bank.succeed(intent, self.method(), amount=amount_minor)
                self.settle_up(mode)

        self.books.late[intent["id"]] = succeed
        if delay_seconds:
            asyncio.get_running_loop().call_later(delay_seconds, succeed)

    def settle(self, intent_id: str, act: str, mode: HookMode | None = None, delay_seconds: float = 0.0) -> Thing:
        """End a waiting payment: `authorize` or `fail`. Raises `Refused` where nothing waits."""
        intent = self.books.get("payment_intent", intent_id)
        if act not in ("authorize", "fail"):
            raise invalid(f"There is no act {act!r}.", param="act")
        late = self.books.late.pop(intent_id, None)
        if late is None and intent["status"] != "processing":
            raise wrong_state(intent, f"Nothing is waiting: the status is {intent['status']}.")
        error = None
        if act == "authorize":
            kept = self.books.things["payment_method"].get(str(intent["payment_method"]))
            self.bank.succeed(intent, kept or self.method())
        elif late is None:
            error = self.bank.decline_word(intent, "processing_error")
        self.settle_up(mode, delay_seconds)
        return self.handed(intent, error)

    def method(self, wallet: str | None = None) -> Thing:
        """A new card that is good, or that of a wallet."""
        if wallet is not None and wallet not in WALLETS:
            raise invalid(f"There is no wallet {wallet!r}.", param="payment_method")
        instrument: Instrument = WALLETS[wallet] if wallet is not None else GOOD
        return self.methods.of(instrument)

    def handed(self, intent: Thing, error: Refused | None = None) -> Thing:
        """What the return address or the script's promise gives to the browser."""
        ends = {"succeeded": "succeeded", "requires_capture": "succeeded", "processing": "pending"}
        answer: Thing = {
            intent["object"]: intent["id"],
            f"{intent['object']}_client_secret": intent["client_secret"],
            "redirect_status": ends.get(intent["status"], "failed"),
            "status": intent["status"],
        }
        if error is not None:
            hidden = ("payment_intent", "setup_intent", "payment_method")
            answer["error"] = {name: value for name, value in error.error.items() if name not in hidden}
        return answer

    def state(self) -> dict[str, Any]:
        """The books by kind; a release of held money stands under `releases`, not under `refunds`."""
        self.settle_up()
        shown = {f"{kind}s": list(self.books.things[kind].values()) for kind in (*_SHOWN, *_ALSO_SHOWN)}
        releases = self.books.releases
        rows = shown["refunds"]
        shown["refunds"] = [item for item in rows if item["id"] not in releases]
        shown["releases"] = [item for item in rows if item["id"] in releases]
        fees = {item["id"]: item["fee"] for item in shown["balance_transactions"]}
        shown["charges"] = [{**item, "fee": fees.get(item["balance_transaction"])} for item in shown["charges"]]
        return {**shown, "webhooks": self.hooks.sent()}

    def failure(self, kind: str) -> Response:
        """The vendor's own 500 or 429."""
        error = rate_limited() if kind == "rate_limited" else server_error()
        return JSONResponse(error.body("req_fault"), error.status, {"Request-Id": "req_fault"})

    def clock_moved(self) -> None:
        """Settle, expire and pay late what the move made due."""
        for succeed in list(self.books.late.values()):
            succeed()
        self.settle_up()

    def reset(self) -> None:
        """Forget everything."""
        self.books.reset()
        self.idempotency.clear()
        self.processing = Processing()
        self.hooks.mode, self.hooks.secret, self.hooks.former = "normal", self.keys.webhook_secret, None
