"""One history: a booking that is paid at one or two gateways, by a buyer, a bank and an administrator who do anything."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from chassis.ids import uuid7
from contracts.booking_events import BookingRescheduled, SessionCompleted
from contracts.topics import PAYMENT_BOOKINGS
from services.payment.tests.conformance.purchase import Purchase
from services.payment.tests.conformance.vendors import AT, order_of
from services.payment.tests.samples import AMOUNT
from services.payment.tests.stage import Stage

OUTCOMES = ("success", "success", "success", "decline", "dismiss", "pending", "late_success")
MANNERS = ("normal", "normal", "twice", "reordered", "late", "lost", "forged")
FAULTS = ("drop_after_commit", "error_500", "rate_limited", "malformed_json", "unreachable", "timeout_after_success")
ROUTES = ("", "order", "payment", "capture", "refund", "status", "cancel")


@dataclass
class History:
    """What happens by `seed`: the same seed wants the same. `trail` is what happened, for whom it fails."""

    stage: Stage
    seed: int
    booking_id: str = field(default_factory=lambda: str(uuid7()))
    purchases: list[Purchase] = field(default_factory=list)
    answers: list[tuple[Purchase, dict[str, Any]]] = field(default_factory=list)
    trail: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Act until the seed says that it is enough. Raises `AssertionError` for an answer that must not be."""
        self.rng = random.Random(self.seed)
        claims: dict[str, Any] = {}
        if self.rng.random() < 0.4:
            ends = datetime.now(UTC) + timedelta(days=self.rng.choice([0, 1, 60]))
            claims = {"capture_policy": "after_service", "service_ends_at": ends.isoformat()}
        for vendor in self.rng.sample(AT, self.rng.choice([1, 1, 2])):
            self.purchases.append(Purchase(self.stage, vendor, self.booking_id, claims))
        acts: list[Callable[[], Awaitable[None]]] = [self.create, self.pay, self.pay, self.verify, self.owe]
        acts += [self.misbehave, self.manner_of_refunds, self.by_hand, self.move, self.complete]
        await self.create()
        for _ in range(self.rng.randint(2, 9)):
            await self.rng.choice(acts)()

    async def create(self) -> None:
        """The buyer opens, or opens again."""
        answer = await self.rng.choice(self.purchases).create()
        self._note("create", answer, {200, 201, 409, 503})

    async def pay(self) -> None:
        """The buyer tries to pay, in any manner."""
        opened = [purchase for purchase in self.purchases if purchase.opened]
        if not opened:
            return
        purchase = self.rng.choice(opened)
        order_id = await order_of(self.stage, str(purchase.payment_id))
        outcome, manner = self.rng.choice(OUTCOMES), self.rng.choice(MANNERS)
        body = {"outcome": outcome, "webhooks": manner, "delay_seconds": self.rng.choice([0.0, 0.0, 0.5])}
        answer = await self.stage.simulator.post(purchase.vendor.control(order_id), json=body)
        self._note(f"pay {purchase.vendor.name} {outcome} {manner}", answer, None)
        if answer.status_code < 300:
            self.answers.append((purchase, answer.json()))

    async def verify(self) -> None:
        """The browser returns, with what it was given or with something else."""
        if not self.answers:
            return
        purchase, given = self.rng.choice(self.answers)
        try:
            fields = purchase.vendor.given(given, str(purchase.payment_id))
        except KeyError:
            return
        if self.rng.random() < 0.2:
            fields = {name: value[::-1] for name, value in fields.items()}
        answer = await self.stage.api.post("/api/v1/payments/public/verify", json=fields)
        self._note("verify", answer, {200, 202, 400, 401, 403, 404, 409, 422, 503})

    async def owe(self) -> None:
        """Booking owes some of it, or more than all, or the same again."""
        opened = [purchase for purchase in self.purchases if purchase.opened]
        if opened:
            purchase = self.rng.choice(opened)
            minor, key = self.rng.choice([AMOUNT, AMOUNT // 2, 1_000, AMOUNT + 1]), self.rng.choice(["a", "b", "c"])
            await purchase.owe(minor, key)
            self.trail.append(f"owe {purchase.vendor.name} {minor} {key}")

    async def move(self) -> None:
        """Booking moves the session: over by now, near, or farther than anybody holds money."""
        ends_at = datetime.now(UTC) + timedelta(days=self.rng.choice([-1, 0, 2, 90]))
        changed = {"starts_at": ends_at - timedelta(hours=1), "ends_at": ends_at, "service_ends_at": ends_at}
        now = {"previous_starts_at": datetime.now(UTC), "rescheduled_at": datetime.now(UTC)}
        fields: dict[str, Any] = {"reference": "BK-449034CB", "line_id": "line", "title": "Session", **changed, **now}
        await self._told(BookingRescheduled(booking_id=self.booking_id, **fields))
        self.trail.append(f"move to {ends_at}")

    async def complete(self) -> None:
        """The expert says that it took place, or that the buyer did not come."""
        outcome: Any = self.rng.choice(["took_place", "buyer_absent"])
        said = {
            "line_id": "line",
            "outcome": outcome,
            "last": self.rng.random() < 0.8,
            "completed_at": datetime.now(UTC),
        }
        await self._told(SessionCompleted(booking_id=self.booking_id, **said))
        self.trail.append(f"session {outcome}")

    async def _told(self, event: BookingRescheduled | SessionCompleted) -> None:
        async with self.stage.database.transaction() as work:
            work.schedule(PAYMENT_BOOKINGS, event, key=self.booking_id)

    async def misbehave(self) -> None:
        """A vendor's interface fails the next calls, whoever makes them."""
        vendor, kind = self.rng.choice(AT).name, self.rng.choice(FAULTS)
        more = {"times": self.rng.randint(1, 3), "route": self.rng.choice(ROUTES), "until_seconds": 3.0}
        await self.stage.fault(kind, vendor, delay_seconds=1.5, **more)
        self.trail.append(f"fault {vendor} {kind} {more['route']}")

    async def manner_of_refunds(self) -> None:
        """A vendor's next refund waits, or fails at the bank."""
        vendor, how = self.rng.choice(AT), self.rng.choice(["pending", "failed"])
        await vendor.next_refund(self.stage, how)
        self.trail.append(f"next refund {vendor.name} {how}")

    async def by_hand(self) -> None:
        """An administrator captures or gives back."""
        opened = [purchase for purchase in self.purchases if purchase.opened]
        if not opened:
            return
        payment_id = self.rng.choice(opened).payment_id
        admin = self.stage.account("ada", "admin")
        path, body = f"/api/v1/admin/payments/{payment_id}", {"reason": "a random act"}
        if self.rng.random() < 0.5:
            answer = await self.stage.api.post(f"{path}/capture", json=body, headers=admin)
        else:
            wanted = {**body, "amount_minor": self.rng.choice([1_000, AMOUNT])}
            answer = await self.stage.api.post(f"{path}/refunds", json=wanted, headers=admin)
        self._note("by hand", answer, {202, 409})

    def _note(self, what: str, answer: httpx2.Response, allowed: set[int] | None) -> None:
        self.trail.append(f"{what} → {answer.status_code}")
        assert allowed is None or answer.status_code in allowed, f"{what}: {answer.status_code} {answer.text}"
