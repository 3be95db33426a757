"""One purchase at one vendor, as scenarios act on it and look at it from both sides."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2

from chassis.ids import uuid7
from chassis.testing import eventually
from contracts.booking_events import RefundDue
from contracts.topics import PAYMENT_REFUNDS
from services.payment.adapters.gateways.port import Gateway
from services.payment.tests import samples
from services.payment.tests.conformance.vendors import Taken, Vendor, order_of
from services.payment.tests.stage import Stage


@dataclass
class Purchase:
    """A checkout that is paid at `vendor`."""

    stage: Stage
    vendor: Vendor
    booking_id: str = field(default_factory=lambda: str(uuid7()))
    claims: dict[str, Any] = field(default_factory=dict)
    opened: dict[str, Any] = field(default_factory=dict)

    @property
    def gateway(self) -> Gateway:
        """The adapter under test."""
        found: Gateway = self.stage.application.state["gateways"][self.vendor.name]
        return found

    @property
    def token(self) -> str:
        """The checkout token that booking would sign."""
        return samples.checkout_token(booking_id=self.booking_id, **self.claims)

    @property
    def payment_id(self) -> UUID:
        """Our payment."""
        return UUID(self.opened["payment_id"])

    async def create(self) -> httpx2.Response:
        """Create-order; what the first success gave is kept."""
        answer = await self.stage.create(self.token, self.vendor.name)
        if answer.status_code in (200, 201) and not self.opened:
            self.opened = answer.json()
        return answer

    async def open(self) -> Purchase:
        """Create-order that has to succeed."""
        answer = await self.create()
        assert answer.status_code == 201, answer.text
        return self

    async def pay(self, outcome: str = "success", webhooks: str = "normal", **more: Any) -> dict[str, Any]:
        """The buyer at the vendor's checkout; the control's answer."""
        order_id = await order_of(self.stage, str(self.payment_id))
        body = {"outcome": outcome, "webhooks": webhooks, **more}
        answer = await self.stage.simulator.post(self.vendor.control(order_id), json=body)
        assert answer.status_code < 300, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def verify(self, answer: dict[str, Any], **edited: str) -> httpx2.Response:
        """Verify with what the checkout gave, `edited` on the way."""
        fields = {**self.vendor.given(answer, str(self.payment_id)), **edited}
        return await self.stage.api.post("/api/v1/payments/public/verify", json=fields)

    async def owe(self, amount_minor: int, key: str = "cancelled") -> None:
        """Booking owes the buyer money."""
        due = RefundDue(
            booking_id=self.booking_id,
            payment_id=str(self.payment_id),
            refund_key=key,
            amount_minor=amount_minor,
            currency=self.claims.get("currency", "INR"),
            reason="cancelled",
        )
        async with self.stage.database.transaction() as work:
            work.schedule(PAYMENT_REFUNDS, due, key=self.booking_id)

    async def tick(self) -> None:
        """What the clock does in a worker, once: polls, planned captures, questions about refunds."""
        async with self.stage.database.transaction() as work:
            await work.execute(
                "UPDATE payments SET poll_at = now() WHERE poll_at IS NOT NULL AND id = $1", self.payment_id
            )
            await work.execute(
                "UPDATE refunds SET check_at = now() WHERE check_at IS NOT NULL AND payment_id = $1", self.payment_id
            )
        for name in ("payment.poll", "payment.captures_due", "payment.charges_due", "payment.refund_checks"):
            periodic = next(p for p in self.stage.application.periodics if p.name == name)
            await periodic.run(self.stage.database)

    async def row(self, columns: str) -> Any:
        """Columns of our payment."""
        return (
            await samples.rows(self.stage.database, f"SELECT {columns} FROM payments WHERE id = $1", self.payment_id)
        )[0]

    async def becomes(self, status: str, *, ticking: bool = False, seconds: float = 20.0) -> None:
        """Wait until our payment is `status`; with `ticking` the clock's jobs run meanwhile."""

        async def there() -> bool:
            if ticking:
                await self.tick()
            return bool((await self.row("status"))[0] == status)

        await eventually(there, seconds, what=f"payment {status}")

    async def refunds(self) -> list[tuple[str, int]]:
        """State and amount of our refunds, largest first: refunds owed at the same moment have no order."""
        found = await samples.rows(
            self.stage.database,
            "SELECT status, amount_minor FROM refunds WHERE payment_id = $1 ORDER BY amount_minor DESC",
            self.payment_id,
        )
        return [(status, amount) for status, amount in found]

    async def refunds_become(self, *wanted: tuple[str, int]) -> None:
        """Wait until our refunds are `wanted`, the clock's jobs running meanwhile."""

        async def there() -> bool:
            await self.tick()
            return await self.refunds() == list(wanted)

        await eventually(there, 20.0, what=f"refunds {wanted}")

    async def cases(self) -> set[str]:
        """The kinds of the cases of this booking."""
        found = await samples.rows(self.stage.database, "SELECT kind FROM cases WHERE booking_id = $1", self.booking_id)
        return {kind for (kind,) in found}

    async def told(self) -> list[str]:
        """What was told of this booking."""
        found = await samples.rows(
            self.stage.database, "SELECT type FROM events WHERE key = $1 ORDER BY id", self.booking_id
        )
        return [kind for (kind,) in found]

    async def books(self) -> list[Taken]:
        """The vendor's own books of this payment's orders."""
        state = (await self.stage.simulator.get("/control/state")).json()[self.vendor.name]
        ours = await samples.rows(
            self.stage.database, "SELECT gateway_order_id FROM gateway_orders WHERE payment_id = $1", self.payment_id
        )
        known = {order_id for (order_id,) in ours}
        return [taken for taken in self.vendor.books(state) if taken.order_id in known]

    async def books_agree(self) -> None:
        """Ours equal the vendor's, to the minor unit (M-5)."""
        theirs = await self.books()
        ours = await self.row("captured_minor, refunded_minor")
        captured, refunded = sum(t.captured for t in theirs), sum(t.refunded for t in theirs)
        assert (captured, refunded) == tuple(ours)
        booked = await samples.rows(
            self.stage.database,
            """SELECT coalesce(sum(e.amount_minor), 0)::int FROM ledger_entries e JOIN journals j ON j.id = e.journal_id
               WHERE j.payment_id = $1 AND (e.account LIKE 'gateway:%' OR e.account LIKE 'fees:%')""",
            self.payment_id,
        )
        assert booked == [(captured - refunded,)], "the ledger"

    async def fault(self, kind: str, **more: Any) -> None:
        """A misbehaviour of this vendor."""
        await self.stage.fault(kind, vendor=self.vendor.name, **more)

    async def at_once(self, times: int) -> list[httpx2.Response]:
        """The same create-order, `times` at the same moment."""
        answers = await asyncio.gather(*(self.create() for _ in range(times)))
        return list(answers)
