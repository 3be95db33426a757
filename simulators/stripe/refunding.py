"""The endpoints of refunds, transfers, reversals and connected accounts: what they take and check."""

from __future__ import annotations

from typing import Any

from simulators.stripe import parameters as names
from simulators.stripe.books import Books, Thing
from simulators.stripe.errors import invalid, missing, refused, wrong_state
from simulators.stripe.form import Params, boolean, choice, integer, known, mapping, metadata, text
from simulators.stripe.money import check_digits, checked_currency, shown
from simulators.stripe.sharing import Sharing

_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


class Refunding:
    """Refunds and transfers as the merchant orders them."""

    def __init__(self, books: Books, sharing: Sharing) -> None:
        self.books, self.sharing = books, sharing

    def refund(self, params: Params) -> Thing:
        """`POST /v1/refunds`: of a captured charge, never more than is left of it."""
        known(params, names.REFUND_CREATE)
        charge = self._charge(params)
        kept, reason = metadata(params), choice(params, "reason", _REASONS)
        left = charge["amount_captured"] - self._money_back(charge)
        if charge["disputed"] and self.books.things["dispute"][charge["dispute"]]["status"] != "won":
            raise refused(f"Charge {charge['id']} has been charged back: no refund is possible.", "charge_disputed")
        if left <= 0:
            words = f"Charge {charge['id']} has already been refunded."
            raise refused(words, "charge_already_refunded")
        amount = integer(params, "amount") or left
        check_digits(amount, charge["currency"])
        if amount > left:
            given, rest = shown(amount, charge["currency"]), shown(left, charge["currency"])
            raise invalid(f"Refund amount ({given}) is greater than the {rest} left on the charge.", param="amount")
        if self.books.balance_short:
            raise refused("The balance is insufficient for this refund.", "balance_insufficient")
        refund = self.sharing.refund(charge, amount, reason, kept)
        if boolean(params, "reverse_transfer"):
            self._claw_back(charge, refund)
        return refund

    def _money_back(self, charge: Thing) -> int:
        """What was refunded of the captured money; a release of held money is no part of it."""
        rows = (item for item in self.books.things["refund"].values() if item["charge"] == charge["id"])
        return sum(
            item["amount"]
            for item in rows
            if item["status"] not in ("failed", "canceled") and item["id"] not in self.books.releases
        )

    def _charge(self, params: Params) -> Thing:
        charge_id, intent_id = text(params, "charge"), text(params, "payment_intent")
        if (charge_id is None) == (intent_id is None):
            raise invalid("Give one of: payment_intent, charge.", code="parameter_missing", param="payment_intent")
        if intent_id is not None:
            intent = self.books.get("payment_intent", intent_id, "payment_intent", 400)
            if not intent["amount_received"]:
                words = f"This PaymentIntent has no captured charge to refund: its status is {intent['status']}."
                raise wrong_state(intent, words)
            charge_id = intent["latest_charge"]
        charge = self.books.get("charge", str(charge_id), "charge", 400)
        if charge["status"] != "succeeded" or not charge["captured"]:
            raise refused(f"Charge {charge['id']} can't be refunded.", "charge_not_refundable")
        return charge

    def _claw_back(self, charge: Thing, refund: Thing) -> None:
        """The connected account's part of a refund, in proportion, rounded down."""
        transfer = self.books.things["transfer"].get(str(charge["transfer"]))
        if transfer is None:
            return
        share = transfer["amount"] * refund["amount"] // charge["amount_captured"]
        reversal = self.sharing.reverse(transfer, share, {}, refund["id"])
        refund["transfer_reversal"] = reversal["id"]

    def update_refund(self, refund: Thing, params: Params) -> Thing:
        """Only the metadata can be changed."""
        known(params, {"metadata"})
        refund["metadata"] = metadata(params, refund["metadata"])
        self.books.emit("refund.updated", refund)
        return refund

    def transfer(self, params: Params) -> Thing:
        """`POST /v1/transfers`: a separate transfer, bound to a charge where `source_transaction` names one."""
        known(params, names.TRANSFER_CREATE)
        currency = checked_currency(text(params, "currency", required=True) or "")
        destination = text(params, "destination", required=True) or ""
        self.books.get("account", destination, "destination", 400)
        kept, source = metadata(params), text(params, "source_transaction")
        amount, group = integer(params, "amount"), text(params, "transfer_group")
        if source is not None:
            charge = self.books.get("charge", source, "source_transaction", 400)
            gone = sum(
                item["amount"] - item["amount_reversed"]
                for item in self.books.things["transfer"].values()
                if item["source_transaction"] == source
            )
            amount = charge["amount_captured"] - gone if amount is None else amount
            group = group or charge["transfer_group"] or f"group_{charge['payment_intent']}"
            if amount > charge["amount_captured"] - gone:
                raise invalid("The transfer is more than is left of the source's amount.", param="amount")
        if amount is None:
            raise missing("amount")
        check_digits(amount, currency)
        if source is None:
            self.sharing.check_balance()
        words: dict[str, Any] = {"description": text(params, "description"), "metadata": kept}
        extra = {"source_transaction": source, "transfer_group": group}
        return self.sharing.transfer(amount, currency, destination, **words, **extra)

    def reverse(self, transfer: Thing, params: Params) -> Thing:
        """`POST /v1/transfers/{id}/reversals`, whole or in part."""
        known(params, names.REVERSAL_CREATE)
        kept, left = metadata(params), transfer["amount"] - transfer["amount_reversed"]
        if left <= 0:
            raise invalid("This transfer is already fully reversed.", param="amount")
        return self.sharing.reverse(transfer, integer(params, "amount") or left, kept)

    def account(self, params: Params) -> Thing:
        """`POST /v1/accounts`: a connected account that can be paid at once."""
        kind = choice(params, "type", ("express", "standard", "custom")) or "express"
        kept, country = metadata(params), text(params, "country") or "US"
        mapping(params, "capabilities")
        email = text(params, "email")
        return self.books.add_account(type=kind, country=country, email=email, metadata=kept)
