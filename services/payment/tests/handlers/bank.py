"""A scripted bank that charges saved methods, and the desk that payment charges them from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.work import Database
from services.payment.adapters.gateways.port import GatewayOrder, NewOrder, SavedMethod
from services.payment.adapters.gateways.registry import Gateways
from services.payment.adapters.gateways.stripe.client import StripeGateway
from services.payment.domain.observation import Observation, Seen, Source
from services.payment.handlers.bookings import Bookings
from services.payment.handlers.charges import Charges
from services.payment.handlers.messages import ChargeDue
from services.payment.handlers.observations import Observing
from services.payment.handlers.polling import Polling
from services.payment.tests.samples import add_payment, message, rows, seen, settings_of

_KEYS: dict[str, Any] = {"stripe_secret_key": "sk_test", "stripe_publishable_key": "pk_test"}


@dataclass
class Bank:
    """What Stripe does with charges: each receipt is one intent, whose end is `status`; an exception in `raises` is raised,
    after the charge was made where `loses_replies`."""

    status: Seen = Seen.AUTHORIZED
    raises: Exception | None = None
    loses_replies: bool = False
    made: dict[str, NewOrder] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def charge(self, order: NewOrder, saved: SavedMethod) -> GatewayOrder:
        """The intent of the receipt."""
        assert saved == SavedMethod("cus_1", "pm_1")
        self.asked.append("charge")
        if self.raises is None or self.loses_replies:
            self.made[order.receipt] = order
        if self.raises is not None:
            raise self.raises
        return self._order(order)

    async def find_charge(self, order: NewOrder, saved: SavedMethod) -> GatewayOrder | None:
        """The intent if it was made."""
        self.asked.append("find")
        return self._order(order) if order.receipt in self.made else None

    def _order(self, order: NewOrder) -> GatewayOrder:
        return GatewayOrder(f"pi_{order.receipt}", order.amount_minor, order.currency)


class Scripted(StripeGateway):
    """Stripe's adapter with its calls replaced."""

    def __init__(self, bank: Bank) -> None:
        super().__init__(settings_of(**_KEYS))
        self.saved, self.bank = bank, bank

    async def observe_order(
        self, gateway_order_id: str, source: Source = Source.POLL, within_seconds: float | None = None
    ) -> list[Observation]:
        """One attempt, which ended as the bank says."""
        order = self.bank.made.get(gateway_order_id.removeprefix("pi_"))
        if order is None:
            return []
        reason = "insufficient_funds" if self.bank.status is Seen.FAILED else None
        fields: dict[str, Any] = {
            "gateway": "stripe",
            "gateway_order_id": gateway_order_id,
            "gateway_payment_id": f"ch_{order.receipt}",
            "source": source,
            "reason": reason,
            "capture_before": datetime.now(UTC) + timedelta(days=4),
        }
        return [seen(order.payment_id, self.bank.status, **fields)]


class Desk:
    """The charges of one database."""

    def __init__(self, database: Database) -> None:
        self.database, self.bank = database, Bank()
        settings, gateways = settings_of(**_KEYS), Gateways([Scripted(self.bank)])
        self.observing = Observing(settings, gateways)
        self.charges = Charges(settings, gateways, self.observing)
        self.bookings = Bookings(gateways, self.observing)
        self.polling = Polling(settings, gateways, self.observing)

    async def save(self, **changed: Any) -> UUID:
        """A payment whose method is saved and is to be charged now."""
        now = datetime.now(UTC)
        columns: dict[str, Any] = {
            "gateway": "stripe",
            "status": "method_saved",
            "collection": "save_method",
            "saved_customer": "cus_1",
            "saved_method": "pm_1",
            "authorize_at": now,
            "charge_at": now,
            "expires_at": now + timedelta(days=2),
            "service_ends_at": now + timedelta(days=3),
            **changed,
        }
        return await add_payment(self.database, **columns)

    async def due(self) -> list[ChargeDue]:
        """What the clock schedules."""
        await self.polling.charge_due(self.database)
        found = await rows(self.database, "SELECT body FROM tasks WHERE step = 'payment.charges' ORDER BY id")
        async with self.database.transaction() as work:
            await work.execute("DELETE FROM tasks WHERE step = 'payment.charges'")
        return [ChargeDue.model_validate_json(body) for (body,) in found]

    async def run(self, due: ChargeDue, *, dies: str = "") -> None:
        """One try of the step; it `dies` before the call or before the end."""
        received = message(due, due.booking_id)
        async with self.database.transaction() as work:
            intent = await self.charges.intend(work, received)
        if intent is None or dies == "before the call":
            return
        result = await self.charges.call(received, intent)
        if dies == "before the end":
            return
        async with self.database.transaction() as work:
            await self.charges.conclude(work, received, intent, result)

    async def row(self, columns: str) -> tuple[Any, ...]:
        """Columns of the only payment that is collected so."""
        return (await rows(self.database, f"SELECT {columns} FROM payments WHERE collection = 'save_method'"))[0]
