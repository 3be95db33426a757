"""Razorpay Route's direct transfers behind the port: money from our balance to linked accounts (gateways.md 2.7)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.payment.adapters.gateways.port import PayoutOrder, Rejected, Transient, Unknown
from services.payment.adapters.gateways.razorpay.calls import MAX_LISTED, Calls, read
from services.payment.adapters.gateways.razorpay.mapping import TransferEntity, payout_part
from services.payment.domain.observation import PayoutPart

_PATH = "/v1/transfers"
_DESTINATION = re.compile(r"acc_[A-Za-z0-9]{14}")
_BALANCE_RETRY_SECONDS = 3600.0
_CLOCKS_DIFFER = timedelta(hours=1)


class RazorpayPayouts:
    """Direct transfers in INR. A transfer is created, waits, and is processed or fails; a reversal tells nobody: Route
    has no webhook for it, so only `find` and `between` show what came back."""

    currencies: frozenset[str] | None = frozenset({"INR"})

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def takes_destination(self, destination: str) -> bool:
        """Whether it is `acc_` and 14 letters or digits."""
        return _DESTINATION.fullmatch(destination) is not None

    async def send(self, order: PayoutOrder) -> PayoutPart:
        """`POST /v1/transfers` under `X-Transfer-Idempotency`: our payout id in 32 characters.

        Looked for first: how long the vendor keeps a key is not written anywhere. The key covers what a list may not
        show yet, and two callers at once (409 is `Transient`). A transfer that was made and failed stays failed under
        its key: another try is another payout. Raises `Transient` with an hour where our balance is too low.
        """
        if order.currency != "INR":
            raise Rejected("currency_not_supported", "Route sends INR only")
        if (found := await self.find(order)) is not None:
            return found
        body = {
            "account": order.destination,
            "amount": order.amount_minor,
            "currency": order.currency,
            "notes": {"payout_id": str(order.payout_id)},
        }
        try:
            answer = await self._calls.send(
                "POST", _PATH, json=body, headers={"X-Transfer-Idempotency": order.payout_id.hex}
            )
        except Rejected as error:
            if _is_balance(error):
                raise Transient("our balance at razorpay is too low for a payout", _BALANCE_RETRY_SECONDS) from error
            raise
        return payout_part(read(TransferEntity, answer))

    async def find(self, order: PayoutOrder) -> PayoutPart | None:
        """`GET /v1/transfers` since our id was made (a UUIDv7 tells when): the one whose notes carry it.

        Not by sending again under the same key: where nothing had arrived, that would send the money, and a question
        must not. Raises `Unknown` rather than None when the list is too long to say that it is not there.
        """
        seen = 0
        async for item in self._calls.pages(_PATH, _made_at(order.payout_id) - _CLOCKS_DIFFER, None):
            seen += 1
            part = payout_part(read(TransferEntity, item))
            if part.payout_id == order.payout_id:
                return part
        if seen >= MAX_LISTED:
            raise Unknown(f"payout {order.payout_id} is not among the newest {MAX_LISTED} transfers")
        return None

    async def between(self, since: datetime, until: datetime) -> list[PayoutPart]:
        """`GET /v1/transfers?from=&to=` in pages of 100; transfers that are no payouts of ours come without our id."""
        return [payout_part(read(TransferEntity, item)) async for item in self._calls.pages(_PATH, since, until)]


def _is_balance(error: Rejected) -> bool:
    """The documentation has a reason for a transfer that failed so, but only words for one that was refused so."""
    return error.reason == "insufficient_balance" or "insufficient balance" in error.description.lower()


def _made_at(made: UUID) -> datetime:
    """When a UUIDv7 was made; the beginning of time for another UUID."""
    milliseconds = made.int >> 80 if made.version == 7 else 0
    return max(datetime.fromtimestamp(milliseconds / 1000, UTC), datetime.fromtimestamp(0, UTC) + _CLOCKS_DIFFER)
