"""Stripe Connect's separate transfers behind the port: money from our balance to connected accounts (gateways.md 1.8)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from services.payment.adapters.gateways.port import PayoutOrder
from services.payment.adapters.gateways.stripe.amounts import to_stripe
from services.payment.adapters.gateways.stripe.calls import Calls, read
from services.payment.adapters.gateways.stripe.entities import TransferEntity
from services.payment.adapters.gateways.stripe.mapping import payout_name, payout_part
from services.payment.adapters.gateways.wire import repeated
from services.payment.domain.observation import PayoutPart

_DESTINATION = re.compile(r"acct_[A-Za-z0-9]{6,64}")


class StripePayouts:
    """Transfers in every currency that our balance holds. One is paid as soon as it exists; it may come back later."""

    currencies: frozenset[str] | None = None

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def takes_destination(self, destination: str) -> bool:
        """Whether it has the form `acct_…`."""
        return _DESTINATION.fullmatch(destination) is not None

    async def send(self, order: PayoutOrder) -> PayoutPart:
        """`POST /v1/transfers` under the key `payout:<id>`.

        Looked for first, because Stripe forgets a key after a day. Raises `Transient` with an hour where our balance is
        too low.
        """
        amount = to_stripe(order.amount_minor, order.currency)
        if (found := await self.find(order)) is not None:
            return found
        name = payout_name(order.payout_id)
        params: Any = {
            "amount": amount,
            "currency": order.currency.lower(),
            "destination": order.destination,
            "transfer_group": name,
            "metadata": {"payout_id": str(order.payout_id)},
        }
        create = self._calls.v1.transfers.create_async
        answer = await self._calls.paid_by_balance(name, lambda options: create(params, options))
        return payout_part(read(TransferEntity, answer))

    async def find(self, order: PayoutOrder) -> PayoutPart | None:
        """`GET /v1/transfers?transfer_group=`: the oldest of the group that is this payout's alone."""
        params: Any = {"transfer_group": payout_name(order.payout_id), "limit": 100}
        transfers = self._calls.v1.transfers
        answer = await repeated(lambda: self._calls.run(lambda: transfers.list_async(params)))
        return payout_part(read(TransferEntity, answer.data[-1])) if answer.data else None

    async def between(self, since: datetime, until: datetime) -> list[PayoutPart]:
        """`GET /v1/transfers?created=` in pages; transfers that are no payouts of ours come without our id."""
        found = self._calls.listed(self._calls.v1.transfers.list_async, since, until)
        return [payout_part(read(TransferEntity, item)) async for item in found]
