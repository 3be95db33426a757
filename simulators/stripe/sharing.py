"""Money that leaves the platform again: refunds, disputes, transfers to connected accounts, application fees."""

from __future__ import annotations

from typing import Any

from simulators.stripe.books import Books, Thing
from simulators.stripe.errors import invalid, refused

SETTLES_AFTER_SECONDS = 3600
"""When a pending refund settles, or a refund that fails does so, on the vendors' clock."""
_EVIDENCE_SECONDS = 7 * 86_400
_DISPUTE_FEE_MINOR = 1500


class Sharing:
    """Moves refunds, disputes and transfers of `books`."""

    def __init__(self, books: Books) -> None:
        self.books = books

    def new_refund(self, charge: Thing, amount: int, **fields: Any) -> Thing:
        """A refund row of `amount` minor units; no money has moved yet."""
        card = {"type": "refund", "reference_status": "pending", "reference_type": "acquirer_reference_number"}
        refund = self.books.new(
            "refund",
            amount=amount,
            currency=charge["currency"],
            charge=charge["id"],
            status="succeeded",
            payment_intent=charge["payment_intent"],
            balance_transaction=None,
            reason=None,
            destination_details={"type": "card", "card": card},
            metadata={},
            receipt_number=None,
            source_transfer_reversal=None,
            transfer_reversal=None,
        )
        refund |= fields
        return refund

    def refund(self, charge: Thing, amount: int, reason: str | None, metadata: dict[str, str]) -> Thing:
        """Give money of a captured charge back, in the way that its card or a tester's order says."""
        ordered = self.books.refund_orders.popleft() if self.books.refund_orders else None
        how = ordered or self.books.instrument(str(charge["payment_method"])).refunds
        refund = self.new_refund(charge, amount, reason=reason, metadata=metadata)
        entry = self.books.money("refund", -amount, charge["currency"], refund["id"])
        refund["balance_transaction"] = entry["id"]
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        if how == "pending":
            refund["status"] = "pending"
            refund["destination_details"]["card"]["type"] = "pending"
        self.books.emit("refund.created", refund)
        self.books.emit("charge.refunded", charge)
        if how == "fail_at_once":
            self.fail_refund(refund)
        elif how in ("pending", "fail"):
            settle = self.succeed_refund if how == "pending" else self.fail_refund
            self.books.at(self.books.clock.now() + SETTLES_AFTER_SECONDS, lambda: settle(refund))
        return refund

    def succeed_refund(self, refund: Thing) -> None:
        """A pending refund arrives."""
        if refund["status"] != "pending":
            return
        refund["status"] = "succeeded"
        refund["destination_details"]["card"]["type"] = "refund"
        for event in ("refund.updated", "charge.refund.updated"):
            self.books.emit(event, refund, {"status": "pending"})

    def fail_refund(self, refund: Thing) -> None:
        """A refund comes back: the money is the platform's again, the charge counts it no longer."""
        if refund["status"] == "failed" or refund["id"] in self.books.releases:
            return
        before, charge = refund["status"], self.books.things["charge"][refund["charge"]]
        entry = self.books.money("refund_failure", refund["amount"], refund["currency"], refund["id"])
        refund |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
        refund["failure_balance_transaction"] = entry["id"]
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
        for event in ("refund.failed", "charge.refund.updated", "refund.updated"):
            self.books.emit(event, refund, {"status": before})

    def dispute(self, charge: Thing, amount: int | None = None, reason: str = "fraudulent") -> Thing:
        """The cardholder disputes a captured charge: its money is withdrawn until it is decided."""
        if charge["disputed"] or not charge["captured"] or charge["status"] != "succeeded":
            raise refused("Only a captured charge without a dispute can be disputed.", "charge_not_disputable")
        amount = amount if amount is not None else charge["amount_captured"]
        due = self.books.clock.now() + _EVIDENCE_SECONDS
        evidence = {"due_by": due, "has_evidence": False, "past_due": False, "submission_count": 0}
        dispute = self.books.new(
            "dispute",
            amount=amount,
            currency=charge["currency"],
            charge=charge["id"],
            reason=reason,
            payment_intent=charge["payment_intent"],
            status="needs_response",
            livemode=False,
            metadata={},
            evidence={},
            evidence_details=evidence,
            is_charge_refundable=False,
        )
        entry = self.books.money("adjustment", -amount, charge["currency"], dispute["id"], _DISPUTE_FEE_MINOR)
        dispute["balance_transactions"] = [dict(entry)]
        charge |= {"disputed": True, "dispute": dispute["id"]}
        self.books.emit("charge.dispute.created", dispute)
        self.books.emit("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def dispute_once(self, charge: Thing) -> None:
        """What the card that is always disputed does after its capture."""
        if not charge["disputed"]:
            self.dispute(charge)

    def close_dispute(self, dispute: Thing, *, won: bool) -> Thing:
        """The bank decides; won, the money comes back."""
        if dispute["status"] in ("won", "lost"):
            raise refused("The dispute is closed.", "dispute_already_closed")
        before = dispute["status"]
        dispute["status"] = "won" if won else "lost"
        if won:
            entry = self.books.money("adjustment", dispute["amount"], dispute["currency"], dispute["id"])
            dispute["balance_transactions"].append(dict(entry))
            self.books.emit("charge.dispute.funds_reinstated", dispute)
        self.books.emit("charge.dispute.closed", dispute, {"status": before})
        return dispute

    def transfer(self, amount: int, currency: str, destination: str, **fields: Any) -> Thing:
        """Money to a connected account. Raises `Refused` for an unknown one."""
        self.books.get("account", destination, "destination", 400)
        transfer = self.books.new(
            "transfer",
            amount=amount,
            amount_reversed=0,
            currency=currency,
            destination=destination,
            description=None,
            livemode=False,
            metadata={},
            reversed=False,
            source_transaction=None,
            source_type="card",
            transfer_group=None,
            balance_transaction=None,
        )
        transfer |= fields
        transfer["balance_transaction"] = self.books.money("transfer", -amount, currency, transfer["id"])["id"]
        self.books.emit("transfer.created", transfer)
        return transfer

    def reverse(self, transfer: Thing, amount: int, metadata: dict[str, str], refund: str | None = None) -> Thing:
        """Take a transfer back, in part or whole. Raises `Refused` for more than is left of it."""
        left = transfer["amount"] - transfer["amount_reversed"]
        if amount > left or not left:
            words = f"The reversal of {amount} is more than the {left} that is left of the transfer."
            raise invalid(words, param="amount")
        reversal = self.books.new(
            "transfer_reversal",
            amount=amount,
            currency=transfer["currency"],
            transfer=transfer["id"],
            metadata=metadata,
            source_refund=refund,
            destination_payment_refund=None,
        )
        entry = self.books.money("transfer_refund", amount, transfer["currency"], reversal["id"])
        reversal["balance_transaction"] = entry["id"]
        transfer["amount_reversed"] += amount
        transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
        self.books.emit("transfer.reversed", transfer)
        return reversal

    def share(self, intent: Thing, charge: Thing, amount: int) -> None:
        """A destination charge moves its share on as soon as `amount` minor units are captured (gateways.md 1.8)."""
        data = intent["transfer_data"]
        fee = min(intent["application_fee_amount"] or 0, amount)
        if data is None:
            return
        share = min(data.get("amount") or amount, amount)
        transfer = self.transfer(
            *(share, charge["currency"], data["destination"]),
            source_transaction=charge["id"],
            transfer_group=intent["transfer_group"],
        )
        charge["transfer"] = transfer["id"]
        if fee:
            made = self.books.new(
                "application_fee",
                account=data["destination"],
                amount=fee,
                amount_refunded=0,
                charge=charge["id"],
                currency=charge["currency"],
                refunded=False,
                livemode=False,
            )
            made["balance_transaction"] = self.books.money("application_fee", fee, charge["currency"], made["id"])["id"]
            charge["application_fee"] = made["id"]
            self.books.emit("application_fee.created", made)

    def check_balance(self) -> None:
        """Raises `Refused` while a tester keeps the platform's balance short."""
        if self.books.balance_short:
            raise refused("The balance of the account is insufficient for this.", "balance_insufficient")
