"""Create-order: the payment's row first, then the gateway's order, looked for before it is made again (P-16)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from chassis.ids import uuid7
from chassis.problems import Problem
from chassis.work import Database
from services.payment.adapters.checkout_token import Checkout
from services.payment.adapters.gateways.port import (
    Gateway,
    GatewayError,
    GatewayOrder,
    Misconfigured,
    NewOrder,
    Rejected,
    Unknown,
)
from services.payment.domain.deciding import move
from services.payment.domain.payment import Case, Effects
from services.payment.domain.states import SECURED, PaymentState, PaymentTrigger
from services.payment.handlers.observations import Observing
from services.payment.settings import PaymentSettings
from services.payment.storage import orders, payments

_WAIT_SECONDS = 3.0
_LOOK_EVERY_SECONDS = 0.1
_PAYABLE = frozenset({PaymentState.CREATED, PaymentState.PENDING, PaymentState.FAILED, PaymentState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Opened:
    """A payment whose gateway order exists: what the browser is given. `fresh`: the order was made by this request."""

    payment_id: UUID
    gateway_order_id: str
    amount_minor: int
    currency: str
    status: PaymentState
    fresh: bool


@dataclass(frozen=True, slots=True)
class _Begun:
    payment_id: UUID
    status: PaymentState
    gateway_order_id: str | None
    asked_before: bool
    busy: bool


class Ordering:
    """Opens payments. One request at a time makes a payment's order; the others wait for it."""

    def __init__(self, database: Database, settings: PaymentSettings, observing: Observing) -> None:
        self._database, self._settings, self._observing = database, settings, observing

    async def open(self, checkout: Checkout, gateway: Gateway) -> Opened:
        """The payment of `checkout` with its order at `gateway`; the same again for the same checkout.

        Raises the problems `state-conflict` (another amount, paid elsewhere, ended, policy not offered),
        `idempotency-in-progress` and `gateway-unavailable`; after the last the row stays and a repeat goes on.
        """
        if checkout.capture_policy not in gateway.capabilities.capture_policies:
            raise Problem("state-conflict", f"{gateway.name} can't collect this offer; choose another gateway.")
        begun = await self._begin(checkout, gateway)
        if begun.gateway_order_id is not None:
            return self._opened(checkout, begun, begun.gateway_order_id, fresh=False)
        if begun.busy:
            return self._opened(checkout, begun, await self._awaited(begun.payment_id), fresh=False)
        order = NewOrder(begun.payment_id, checkout.booking_id, checkout.amount_minor, checkout.currency)
        try:
            made = await self._order(gateway, order, ask_first=begun.asked_before)
        except GatewayError as error:
            await self._note_failure(begun.payment_id, error)
            detail = "The payment is kept; send the same request again in a moment."
            raise Problem("gateway-unavailable", detail, booking_id=checkout.booking_id) from error
        except BaseException:
            await asyncio.shield(self._release(begun.payment_id))
            raise
        return self._opened(checkout, begun, await self._keep(order, made, checkout), fresh=True)

    async def _begin(self, checkout: Checkout, gateway: Gateway) -> _Begun:
        async with self._database.transaction() as work:
            row = await orders.insert(work, checkout, gateway.name)
            status = PaymentState(row.status)
            if (row.amount_minor, row.currency) != (checkout.amount_minor, checkout.currency):
                raise Problem(
                    "state-conflict", "This booking's payment was opened for another amount; check out again."
                )
            if await orders.secured_elsewhere(work, checkout.booking_id, row.id):
                raise Problem("state-conflict", "This booking is paid already.", booking_id=checkout.booking_id)
            if status not in _PAYABLE and status not in SECURED:
                raise Problem("state-conflict", f"This payment has ended as {status}; check out again.")
            if row.fresh:
                await orders.note_created(work, row.id)
            if row.gateway_order_id is None and not row.leased:
                settings = self._settings
                lease_seconds = settings.payment_order_lease_seconds
                await orders.lease(work, row.id, lease_seconds, settings.payment_poll_first_seconds)
        return _Begun(row.id, status, row.gateway_order_id, row.order_calls > 0, row.leased)

    async def _order(self, gateway: Gateway, order: NewOrder, *, ask_first: bool) -> GatewayOrder:
        if ask_first and (found := await gateway.find_order(order)) is not None:
            return found
        try:
            return await gateway.create_order(order)
        except (Unknown, Rejected) as error:
            # A timeout may have made the order; a refusal may say that an earlier call did (gateways.md 2.3).
            found = await gateway.find_order(order)
            if found is None:
                raise error
            return found

    async def _keep(self, order: NewOrder, made: GatewayOrder, checkout: Checkout) -> str:
        async with self._database.transaction() as work:
            loaded = await payments.lock(work, [order.payment_id])
            payment = loaded.by_id[order.payment_id]
            effects = Effects(loaded.now or datetime.now(UTC), uuid7)
            agrees = (made.amount_minor, made.currency) == (order.amount_minor, order.currency)
            if agrees:
                move(payment, PaymentTrigger.ORDER_FOUND, "reply", effects)
                await self._observing.settle(work, effects)
                poll_seconds = self._settings.payment_poll_first_seconds
                kept = await orders.store_order(work, payment.id, made.gateway_order_id, poll_seconds)
            else:
                kept = None
                detail = (
                    f"The gateway's order {made.gateway_order_id} has another amount or currency than was asked for."
                )
                dedupe = f"order-amount/{made.gateway_order_id}"
                effects.open_case(
                    Case("amount-mismatch", dedupe, detail, payment, order.amount_minor, made.amount_minor)
                )
                await self._observing.settle(work, effects)
                await orders.release(work, payment.id)
        if kept is None:
            raise Problem("gateway-unavailable", "The gateway's answer was wrong.", booking_id=checkout.booking_id)
        return kept

    async def _note_failure(self, payment_id: UUID, error: GatewayError) -> None:
        async with self._database.transaction() as work:
            loaded = await payments.lock(work, [payment_id])
            payment = loaded.by_id[payment_id]
            effects = Effects(loaded.now or datetime.now(UTC), uuid7)
            if isinstance(error, Unknown):
                move(payment, PaymentTrigger.OUTCOME_UNKNOWN, "reply", effects)
            if isinstance(error, Misconfigured | Rejected):
                detail = f"{payment.gateway} refuses to make orders: {error}."
                effects.open_case(Case("order-refused", f"order-refused/{payment.id}", detail, payment))
            await self._observing.settle(work, effects)
            await orders.release(work, payment_id)

    async def _release(self, payment_id: UUID) -> None:
        async with self._database.transaction() as work:
            await orders.release(work, payment_id)

    async def _awaited(self, payment_id: UUID) -> str:
        """The order that another request is making. Raises `idempotency-in-progress` when that takes too long."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _WAIT_SECONDS
        while loop.time() < until:
            async with self._database.transaction() as work:
                row = await orders.order_of(work, payment_id)
            if row is not None and row.gateway_order_id is not None:
                found: str = row.gateway_order_id
                return found
            if row is None or not row.leased:
                break
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
        raise Problem(
            "idempotency-in-progress", "The first request is still running; send again.", retry_after_seconds=2
        )

    def _opened(self, checkout: Checkout, begun: _Begun, gateway_order_id: str, *, fresh: bool) -> Opened:
        return Opened(begun.payment_id, gateway_order_id, checkout.amount_minor, checkout.currency, begun.status, fresh)
