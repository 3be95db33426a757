"""Razorpay's Route: linked accounts, transfers to them, and the way back (gateways.md 2.7)."""

from __future__ import annotations

import copy
import re
from collections import deque
from dataclasses import dataclass
from typing import Any

from simulators.razorpay.books import Books, Refused, new_id
from simulators.webhooks import Mode

MERCHANT = "acc_PayfirstLocal1"
SEEDED_ACCOUNTS = ("acc_PayfirstPartn1", "acc_PayfirstPartn2", "acc_PayfirstTrain1")
LEAST_MINOR = 100
"""The smallest transfer and the smallest reversal, in paise."""
_FEE_BASIS_POINTS = 25
"""What the merchant pays for a transfer, rounded up: so the samples of the documentation have it."""
_KEY = re.compile(r"[A-Za-z0-9 _-]{4,36}")
_FAILURES = {
    "insufficient_balance": (
        "BAD_REQUEST_TRANSFER_INSUFFICIENT_BALANCE",
        "Transfer failed due to insufficient balance",
        "balance_check",
    ),
    "transfer_amount_higher_than_balance": (
        "BAD_REQUEST_PAYMENT_FEES_GREATER_THAN_AMOUNT",
        "Transfer amount was greater than amount available for transfer",
        "amount_validation",
    ),
}
_WAITING = ("created", "pending")
_ARRIVED = ("processed", "partially_reversed", "reversed")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a transfer goes: a status or `balance_short`, why it failed, how it is told, how long it is executed."""

    state: str = "processed"
    reason: str = "insufficient_balance"
    webhooks: Mode = "normal"
    seconds: float = 0.0


class Transfers:
    """The linked accounts and what was sent to them. `ordered` says how the next transfers go."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.reset()

    def reset(self) -> None:
        """Forget everything but the seeded linked accounts."""
        self.accounts: dict[str, dict[str, Any]] = {}
        self.transfers: dict[str, dict[str, Any]] = {}
        self.reversals: dict[str, dict[str, Any]] = {}
        self.ordered: deque[Outcome] = deque()
        self._keys: dict[str, tuple[str, dict[str, Any] | None]] = {}
        for account_id in SEEDED_ACCOUNTS:
            self.add_account({"legal_business_name": "A partner"}, account_id)

    def add_account(self, fields: dict[str, Any], account_id: str | None = None) -> dict[str, Any]:
        """A linked account that money can be sent to at once."""
        account = {
            "id": account_id or new_id("acc"),
            "type": "route",
            "status": "created",
            "email": None,
            "phone": None,
            "legal_business_name": None,
            "customer_facing_business_name": fields.get("legal_business_name"),
            "business_type": "individual",
            "reference_id": None,
            "profile": {},
            "notes": [],
            "created_at": self.books.clock.now(),
            **{name: value for name, value in fields.items() if name not in ("id", "status", "created_at")},
        }
        self.accounts[account["id"]] = account
        return account

    def account(self, account_id: str) -> dict[str, Any]:
        """A linked account. Raises `Refused` for an unknown id."""
        if account_id not in self.accounts:
            raise Refused("The id provided does not exist", reason="input_validation_failed")
        return self.accounts[account_id]

    def transfer(self, transfer_id: str) -> dict[str, Any]:
        """A transfer. Raises `Refused` for an unknown id."""
        if not transfer_id.startswith("trf_"):
            raise Refused(f"{transfer_id} is not a valid id")
        if transfer_id not in self.transfers:
            raise Refused("The id provided does not exist")
        return self.transfers[transfer_id]

    def next_outcome(self) -> Outcome:
        """How the transfer that is asked for now goes. Raises `Refused` where the balance shall be too low."""
        outcome = self.ordered.popleft() if self.ordered else Outcome()
        if outcome.state == "balance_short":
            raise Refused("Transfer cannot be made due to insufficient balance")
        return outcome

    def begin(self, key: str, shape: str) -> dict[str, Any] | None:
        """The first answer under an idempotency key, or None: execute, and then `keep` it or `drop` the key.

        Raises `Refused`: 400 for another body or a key of another form, 409 while the first one is executed.
        """
        if not _KEY.fullmatch(key):
            raise Refused("The idempotency key must be 4 to 36 letters, digits, hyphens, underscores or spaces.")
        if key not in self._keys:
            self._keys[key] = (shape, None)
            return None
        known, answer = self._keys[key]
        if known != shape:
            raise Refused("Different request body for the same idempotency key.")
        if answer is None:
            raise Refused("A request with this idempotency key is in progress.", status=409)
        return answer

    def keep(self, key: str, answer: dict[str, Any]) -> None:
        """Give this very answer to every repeat, whatever becomes of the transfer."""
        self._keys[key] = (self._keys[key][0], copy.deepcopy(answer))

    def drop(self, key: str) -> None:
        """Nothing was executed: the key is free again."""
        self._keys.pop(key, None)

    def check(self, body: dict[str, Any], prefix: str = "") -> None:
        """Raises `Refused` for a transfer that can't be made as it is; `prefix` leads to it in the request's body."""
        account_id, amount = body.get("account"), body.get("amount")
        for name in ("account", "amount", "currency"):
            if body.get(name) is None:
                raise _invalid(f"The {prefix}{name} field is required.", prefix + name)
        if not isinstance(amount, int) or isinstance(amount, bool):
            raise _invalid(f"The {prefix}amount must be an integer.", prefix + "amount")
        if amount < LEAST_MINOR:
            raise _invalid(f"The {prefix}amount must be at least {LEAST_MINOR}.", prefix + "amount")
        if body["currency"] != "INR":
            raise _invalid("Transfers are supported in INR only.", prefix + "currency")
        notes = body.get("notes") or {}
        if len(notes) > 15 or (isinstance(notes, dict) and any(len(str(value)) > 256 for value in notes.values())):
            raise _invalid("The notes are too many or too long.", prefix + "notes")
        if account_id not in self.accounts:
            raise _invalid(f"{account_id} is an invalid account_code.", prefix + "account")

    def add(self, body: dict[str, Any], source: str, outcome: Outcome) -> dict[str, Any]:
        """A checked transfer from `source` (a payment, or the merchant's own balance), gone as `outcome` says."""
        transfer: dict[str, Any] = {
            "id": new_id("trf"),
            "entity": "transfer",
            "status": "created" if outcome.state == "created" else "pending",
            "source": source,
            "recipient": body["account"],
            "amount": body["amount"],
            "currency": "INR",
            "amount_reversed": 0,
            "fees": -(-body["amount"] * _FEE_BASIS_POINTS // 10_000),
            "tax": 0,
            "notes": body.get("notes") or [],
            "linked_account_notes": body.get("linked_account_notes") or [],
            "on_hold": bool(body.get("on_hold")),
            "on_hold_until": body.get("on_hold_until"),
            "settlement_status": None,
            "recipient_settlement_id": None,
            "created_at": self.books.clock.now(),
            "processed_at": None,
        }
        transfer["error"] = {"id": transfer["id"], **dict.fromkeys(_error_names())}
        self.transfers[transfer["id"]] = transfer
        if outcome.state not in _WAITING:
            self.end(transfer["id"], outcome.state, outcome.reason)
        return transfer

    def end(self, transfer_id: str, state: str, reason: str = "insufficient_balance") -> dict[str, Any]:
        """A waiting transfer arrives or fails. Raises `Refused` for one that waits no more."""
        transfer = self.transfer(transfer_id)
        if transfer["status"] not in _WAITING:
            raise Refused(f"The transfer is {transfer['status']} already.")
        transfer["status"] = state
        if state == "processed":
            settlement = "on_hold" if transfer["on_hold"] else "pending"
            transfer |= {"processed_at": self.books.clock.now(), "settlement_status": settlement}
        elif state == "failed":
            code, description, step = _FAILURES.get(reason, ("BAD_REQUEST_ERROR", "Transfer failed", "transfer"))
            transfer["error"] |= {"code": code, "description": description, "reason": reason, "step": step}
            transfer["error"]["source"] = "transfer"
        return transfer

    def of_payment(self, payment_id: str, bodies: Any) -> list[tuple[dict[str, Any], Outcome]]:
        """Transfers from a captured payment, all or none, and how each goes.

        Raises `Refused` for more than was captured and not transferred yet, and after a refund.
        """
        payment = self.books.payment(payment_id)
        if not isinstance(bodies, list) or not bodies or not all(isinstance(body, dict) for body in bodies):
            raise _invalid("The transfers field is required.", "transfers")
        if not payment["captured"]:
            raise Refused("The payment status should be captured for action to be taken")
        if payment["amount_refunded"]:
            raise Refused("Transfers can't be made from a payment of which a refund was initiated.")
        for number, body in enumerate(bodies):
            self.check(body, f"transfers.{number}.")
        if sum(body["amount"] for body in bodies) > payment["amount"] - self._gone(payment_id):
            raise Refused("The sum of amount requested for transfer is greater than the captured amount")
        outcomes = [self.next_outcome() for _ in bodies]
        return [(self.add(body, payment_id, how), how) for body, how in zip(bodies, outcomes, strict=True)]

    def _gone(self, payment_id: str) -> int:
        found = [item for item in self.transfers.values() if item["source"] == payment_id]
        return sum(item["amount"] - item["amount_reversed"] for item in found if item["status"] != "failed")

    def reverse(self, transfer_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Take a processed transfer back, whole or in part. Raises `Refused` for more than is left of it."""
        transfer = self.transfer(transfer_id)
        left = transfer["amount"] - transfer["amount_reversed"]
        amount = body.get("amount")
        amount = left if amount is None else amount
        if transfer["status"] not in _ARRIVED or not left:
            raise Refused("Only a processed transfer that is not fully reversed can be reversed.")
        if not isinstance(amount, int) or isinstance(amount, bool) or amount < LEAST_MINOR:
            raise _invalid("The amount must be at least INR 1.00", "amount")
        if amount > left:
            raise _invalid("The reversal is greater than the amount of the transfer that is left.", "amount")
        reversal: dict[str, Any] = {
            "id": new_id("rvrsl"),
            "entity": "reversal",
            "transfer_id": transfer_id,
            "amount": amount,
            "fee": 0,
            "tax": 0,
            "currency": "INR",
            "notes": body.get("notes") or [],
            "initiator_id": MERCHANT.removeprefix("acc_"),
            "customer_refund_id": None,
            "created_at": self.books.clock.now(),
        }
        self.reversals[reversal["id"]] = reversal
        transfer["amount_reversed"] += amount
        transfer["status"] = "reversed" if amount == left else "partially_reversed"
        return reversal

    def hold(self, transfer_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Put the settlement of a transfer on hold, or let it go."""
        transfer = self.transfer(transfer_id)
        if not isinstance(body.get("on_hold"), bool):
            raise _invalid("The on_hold field is required.", "on_hold")
        transfer |= {"on_hold": body["on_hold"], "on_hold_until": body.get("on_hold_until")}
        if transfer["settlement_status"] is not None:
            transfer["settlement_status"] = "on_hold" if body["on_hold"] else "pending"
        return transfer


def _invalid(description: str, field: str) -> Refused:
    return Refused(description, field=field, reason="input_validation_failed")


def _error_names() -> tuple[str, ...]:
    return ("code", "description", "reason", "field", "step", "source", "metadata")
