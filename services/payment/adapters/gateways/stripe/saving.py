"""Saving a card at Stripe and charging it while its holder is away (gateways.md 1.4): customers, setup and payment intents."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from services.payment.adapters.gateways.port import (
    Declined,
    GatewayOrder,
    NewOrder,
    Rejected,
    SavedMethod,
    Unknown,
)
from services.payment.adapters.gateways.stripe.amounts import from_stripe, to_stripe
from services.payment.adapters.gateways.stripe.calls import Calls, read, under_key
from services.payment.adapters.gateways.stripe.entities import Entity, IntentEntity, SetupEntity
from services.payment.adapters.gateways.wire import repeated

_CARDS = ["card"]
"""Of what can be saved, only cards can be authorized first and captured later."""
_MOST_LISTED = 100


class StripeSaving:
    """Every async method may raise any `GatewayError`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def prepare(self, order: NewOrder) -> GatewayOrder:
        """`POST /v1/customers` and `POST /v1/setup_intents`, each under a key of the receipt: a repeat gives the same again.

        The customer is one for the payment and carries nobody's name: it is what Stripe keeps the card for.
        """
        v1, metadata = self._calls.v1, _metadata(order)
        kept: Any = {"metadata": metadata, "description": order.reference}
        key = under_key(f"customer:{order.receipt}")
        answer = await repeated(lambda: self._calls.run(lambda: v1.customers.create_async(kept, key)))
        params: Any = {
            "customer": read(Entity, answer).id,
            "usage": "off_session",
            "payment_method_types": _CARDS,
            "description": order.reference,
            "metadata": metadata,
        }
        named = under_key(f"setup:{order.receipt}")
        made = await repeated(lambda: self._calls.run(lambda: v1.setup_intents.create_async(params, named)))
        setup = read(SetupEntity, made)
        checkout = {"client_secret": setup.client_secret or ""}
        return GatewayOrder(setup.id, order.amount_minor, order.currency, checkout)

    def look(self, setup_id: str) -> Awaitable[Any]:
        """`GET /v1/setup_intents/{id}`, once."""
        return self._calls.run(lambda: self._calls.v1.setup_intents.retrieve_async(setup_id))

    async def charge(self, order: NewOrder, saved: SavedMethod) -> GatewayOrder:
        """`POST /v1/payment_intents`, confirmed off session, under the receipt as key. A refusal is settled by looking: a
        declined intent is there all the same, and says why."""
        params: Any = {
            "amount": to_stripe(order.amount_minor, order.currency),
            "currency": order.currency.lower(),
            "customer": saved.customer_id,
            "payment_method": saved.method_id,
            "payment_method_types": _CARDS,
            "capture_method": order.capture_mode.value,
            "off_session": True,
            "confirm": True,
            "description": order.reference,
            "metadata": _metadata(order),
        }
        intents, key = self._calls.v1.payment_intents, under_key(f"charge:{order.receipt}")
        try:
            answer = await repeated(lambda: self._calls.run(lambda: intents.create_async(params, key)))
        except (Declined, Rejected, Unknown):
            found = await self.find_charge(order, saved)
            if found is None:
                raise
            return found
        return _order(read(IntentEntity, answer))

    async def find_charge(self, order: NewOrder, saved: SavedMethod) -> GatewayOrder | None:
        """`GET /v1/payment_intents?customer=`: the one that carries our receipt. Stripe forgets a key after a day, never this."""
        params: Any = {"customer": saved.customer_id, "limit": _MOST_LISTED}
        intents = self._calls.v1.payment_intents
        answer = await repeated(lambda: self._calls.run(lambda: intents.list_async(params)))
        listed = (read(IntentEntity, item) for item in answer.data)
        return next((_order(intent) for intent in listed if intent.metadata.get("receipt") == order.receipt), None)


def _metadata(order: NewOrder) -> dict[str, str]:
    return {"payment_id": str(order.payment_id), "booking_id": order.booking_id, "receipt": order.receipt}


def _order(intent: IntentEntity) -> GatewayOrder:
    """The intent as an order of ours; its secret is nobody's: the buyer pays by an intent of their own."""
    currency = intent.currency.upper()
    return GatewayOrder(intent.id, from_stripe(intent.amount, currency), currency)
