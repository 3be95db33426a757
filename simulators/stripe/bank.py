"""The bank behind an intent: authenticates, authorizes, declines, captures, releases, lets an authorization expire."""

from __future__ import annotations

from simulators.stripe.books import Books, Thing, random_text
from simulators.stripe.errors import Refused
from simulators.stripe.instruments import Decline, decline_of, refusal
from simulators.stripe.money import fee_minor
from simulators.stripe.sharing import Sharing

_DAY = 86_400
AUTHORIZATION_SECONDS = 7 * _DAY
"""How long a card paid by its holder stays authorized (gateways.md 1.4)."""
OFF_SESSION_VISA_SECONDS = 5 * _DAY - 6 * 3600
"""A merchant-initiated Visa: 4 days 18 hours."""
JAPAN_SECONDS = 30 * _DAY


class Bank:
    """Moves intents and charges of `books`."""

    def __init__(self, books: Books, sharing: Sharing) -> None:
        self.books, self.sharing = books, sharing

    def charge(self, intent: Thing, method: Thing, *, off_session: bool = False) -> Refused | None:
        """Ask the bank for the money of `intent`. Returns the decline, if it is one."""
        decline = self.books.instrument(method["id"]).decline
        if decline is not None:
            return self.decline(intent, method, decline)
        self.succeed(intent, method, off_session=off_session)
        return None

    def decline(self, intent: Thing, method: Thing | None, decline: Decline) -> Refused:
        """The bank says no: a failed charge, and the intent waits for another payment method."""
        charge = self._new_charge(intent, method, intent["amount"])
        blocked = decline.decline_code == "fraudulent"
        charge |= {"status": "failed", "paid": False, "failure_code": decline.code, "failure_message": decline.message}
        charge["outcome"] = {
            "advice_code": decline.advice,
            "network_status": "not_sent_to_network" if blocked else "declined_by_network",
            "reason": "highest_risk_level" if blocked else decline.decline_code or decline.code,
            "risk_level": "highest" if blocked else "normal",
            "seller_message": "The bank did not say more.",
            "type": "blocked" if blocked else "issuer_declined",
        }
        intent["latest_charge"] = charge["id"]
        self.books.emit("charge.failed", charge)
        return self.failed(intent, method, decline, charge["id"])

    def failed(self, intent: Thing, method: Thing | None, decline: Decline, charge_id: str | None = None) -> Refused:
        """The attempt is over: `last_payment_error` says why, the same intent may be tried again."""
        error = refusal(decline, charge=charge_id, payment_method=dict(method) if method else None)
        intent |= {"status": "requires_payment_method", "payment_method": None, "next_action": None, "processing": None}
        intent["last_payment_error"] = dict(error.error)
        self.books.emit("payment_intent.payment_failed", intent)
        error.error["payment_intent"] = dict(intent)
        return error

    def not_authenticated(self, intent: Thing) -> Refused:
        """The buyer failed the challenge, or left it."""
        method = self.books.things["payment_method"].get(str(intent["payment_method"]))
        words = "We could not authenticate your payment method. Choose another one and try again."
        return self.failed(intent, method, Decline("payment_intent_authentication_failure", None, words))

    def succeed(self, intent: Thing, method: Thing, *, off_session: bool = False, amount: int | None = None) -> None:
        """The bank says yes: captured at once, or held for the merchant."""
        if amount is not None:
            intent["amount"] = amount
        charge = self._new_charge(intent, method, intent["amount"])
        intent |= {"latest_charge": charge["id"], "payment_method": method["id"], "last_payment_error": None}
        intent |= {"next_action": None, "processing": None}
        if intent["setup_future_usage"] and intent["customer"]:
            method["customer"] = intent["customer"]
            self.books.set_up.add(method["id"])
        if intent["capture_method"] != "manual":
            self._taken(intent, charge, intent["amount"])
            self.books.emit("charge.succeeded", charge)
            self.books.emit("payment_intent.succeeded", intent)
            return
        deadline = self.books.clock.now() + self._window(charge, off_session)
        charge["payment_method_details"]["card"]["capture_before"] = deadline
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        self.books.emit("charge.succeeded", charge)
        self.books.emit("payment_intent.amount_capturable_updated", intent)
        self.books.at(deadline, lambda: self.expire(intent, charge))

    def _window(self, charge: Thing, off_session: bool) -> int:
        if charge["currency"] == "jpy":
            return JAPAN_SECONDS
        brand = charge["payment_method_details"]["card"]["brand"]
        return OFF_SESSION_VISA_SECONDS if off_session and brand == "visa" else AUTHORIZATION_SECONDS

    def capture(self, intent: Thing, amount: int, *, final: bool) -> None:
        """Take `amount` of what is held; the rest is released unless more captures may come."""
        charge = self.books.things["charge"][intent["latest_charge"]]
        rest = intent["amount_capturable"] - amount
        if not final and rest:
            intent |= {"amount_capturable": rest, "amount_received": intent["amount_received"] + amount}
            self._moved(intent, charge, amount)
            self.books.emit("charge.captured", charge)
            self.books.emit("payment_intent.amount_capturable_updated", intent)
            return
        self._taken(intent, charge, amount)
        if rest:
            self.release(charge, rest)
        self.books.emit("charge.captured", charge)
        self.books.emit("payment_intent.succeeded", intent)

    def _taken(self, intent: Thing, charge: Thing, amount: int) -> None:
        received = intent["amount_received"] + amount
        intent |= {"status": "succeeded", "amount_capturable": 0, "amount_received": received}
        self._moved(intent, charge, amount)

    def _moved(self, intent: Thing, charge: Thing, amount: int) -> None:
        entry = self.books.money("charge", amount, charge["currency"], charge["id"], fee_minor(amount))
        charge |= {"captured": True, "amount_captured": charge["amount_captured"] + amount}
        charge["balance_transaction"] = entry["id"]
        self.sharing.share(intent, charge, amount)
        if self.books.instrument(str(charge["payment_method"])).disputed and not charge["disputed"]:
            self.books.at(self.books.clock.now(), lambda: self.sharing.dispute_once(charge))

    def release(self, charge: Thing, amount: int, *, tell: bool = True) -> None:
        """Give held money free. The vendor writes that as a refund that moved no money: no balance transaction."""
        refund = self.sharing.new_refund(charge, amount)
        refund["destination_details"]["card"] |= {"type": "reversal"}
        self.books.releases.add(refund["id"])
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        if tell:
            self.books.emit("charge.refunded", charge)

    def cancel(self, intent: Thing, reason: str | None) -> None:
        """Void: what is held is released."""
        if intent["amount_capturable"]:
            self.release(self.books.things["charge"][intent["latest_charge"]], intent["amount_capturable"])
        self._canceled(intent, reason)

    def expire(self, intent: Thing, charge: Thing) -> None:
        """The authorization's window has passed: released, and the intent is over."""
        if intent["status"] != "requires_capture" or intent["latest_charge"] != charge["id"]:
            return
        self.release(charge, intent["amount_capturable"], tell=False)
        self.books.emit("charge.expired", charge)
        if intent["amount_received"]:
            intent |= {"status": "succeeded", "amount_capturable": 0}
            self.books.emit("payment_intent.succeeded", intent)
            return
        self._canceled(intent, "automatic")

    def _canceled(self, intent: Thing, reason: str | None) -> None:
        intent |= {"status": "canceled", "amount_capturable": 0, "next_action": None, "processing": None}
        intent |= {"canceled_at": self.books.clock.now(), "cancellation_reason": reason}
        self.books.emit("payment_intent.canceled", intent)

    def decline_word(self, intent: Thing, word: str) -> Refused:
        """A decline with a code of the caller's choice, whatever the card."""
        return self.decline(intent, None, decline_of(word or "generic_decline"))

    def _new_charge(self, intent: Thing, method: Thing | None, amount: int) -> Thing:
        card = dict(method["card"]) if method is not None else {"brand": "visa", "country": "US", "last4": "4242"}
        manual = intent["capture_method"] == "manual"
        multicapture = intent["payment_method_options"].get("card", {}).get("request_multicapture") == "if_available"
        card |= {"amount_authorized": amount, "capture_before": None, "network_transaction_id": random_text(15)}
        card["multicapture"] = {"status": "available" if manual and multicapture else "unavailable"}
        taken_over = ("currency", "customer", "description", "metadata", "on_behalf_of", "receipt_email", "shipping")
        more = ("statement_descriptor", "transfer_data", "transfer_group", "application_fee_amount")
        charge = self.books.new(
            "charge",
            amount=amount,
            amount_captured=0,
            amount_refunded=0,
            balance_transaction=None,
            **{name: intent[name] for name in (*taken_over, *more)},
            application=None,
            application_fee=None,
            captured=False,
            disputed=False,
            dispute=None,
            failure_balance_transaction=None,
            failure_code=None,
            failure_message=None,
            fraud_details={},
            livemode=False,
            paid=True,
            payment_intent=intent["id"],
            receipt_url=None,
            refunded=False,
            review=None,
            source=None,
            status="succeeded",
            transfer=None,
            payment_method=method["id"] if method is not None else None,
            payment_method_details={"type": "card", "card": card},
            billing_details=dict(method["billing_details"]) if method is not None else {},
            outcome={"type": "authorized", "network_status": "approved_by_network", "risk_level": "normal"},
        )
        charge["metadata"] = dict(intent["metadata"])
        return charge
