"""Partners at the vendors that send money to them: making their accounts, and reading what arrived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2


@dataclass(frozen=True)
class Arrived:
    """One transfer in a vendor's own books; minor units."""

    id: str
    payout_id: str | None
    amount: int
    returned: int


class Payee(Protocol):
    """A partner's account at one vendor."""

    gateway: str
    destination: str
    transfers_path: str

    async def open(self, simulator: httpx2.AsyncClient) -> None:
        """Have the account there."""
        ...

    def arrived(self, state: Mapping[str, Any]) -> list[Arrived]:
        """The transfers to it that did not fail."""
        ...

    async def give_back(self, simulator: httpx2.AsyncClient, transfer_id: str, minor: int | None = None) -> None:
        """Send a transfer back, or `minor` of it."""
        ...


class AtRazorpay:
    """A linked account."""

    gateway, destination, transfers_path = "razorpay", "acc_PayfirstTest01", "transfers"

    async def open(self, simulator: httpx2.AsyncClient) -> None:
        """By its control."""
        body = {"id": self.destination, "legal_business_name": "Lingua"}
        (await simulator.post("/control/razorpay/accounts", json=body)).raise_for_status()

    def arrived(self, state: Mapping[str, Any]) -> list[Arrived]:
        """By the notes."""
        return [
            Arrived(t["id"], t["notes"].get("payout_id"), t["amount"], t["amount_reversed"])
            for t in state["razorpay"]["transfers"]
            if t["recipient"] == self.destination and t["status"] != "failed"
        ]

    async def give_back(self, simulator: httpx2.AsyncClient, transfer_id: str, minor: int | None = None) -> None:
        """By its control; Razorpay tells nobody."""
        path = f"/control/razorpay/transfers/{transfer_id}/return"
        (await simulator.post(path, json={"amount_minor": minor} if minor else {})).raise_for_status()


class AtStripe:
    """A connected account."""

    gateway, destination, transfers_path = "stripe", "acct_1PayfirstPartner1", "transfers"

    async def open(self, simulator: httpx2.AsyncClient) -> None:
        """It is there from the beginning."""

    def arrived(self, state: Mapping[str, Any]) -> list[Arrived]:
        """By the metadata."""
        return [
            Arrived(t["id"], t["metadata"].get("payout_id"), t["amount"], t["amount_reversed"])
            for t in state["stripe"]["transfers"]
            if t["destination"] == self.destination
        ]

    async def give_back(self, simulator: httpx2.AsyncClient, transfer_id: str, minor: int | None = None) -> None:
        """By its control."""
        path = f"/control/stripe/transfers/{transfer_id}/reverse"
        (await simulator.post(path, json={"amount_minor": minor} if minor else {})).raise_for_status()


PAYEES: tuple[Payee, ...] = (AtRazorpay(), AtStripe())
