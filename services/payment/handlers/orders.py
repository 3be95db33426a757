"""Create-order: the payment's row first, then the gateway's order, looked for before it is made again (P-16)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import orjson

from chassis.ids import uuid7
from chassis.problems import Problem
from chassis.work import Database, Row, Work
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
from services.payment.domain.capabilities import Capabilities
from services.payment.domain.moving import move
from services.payment.domain.payment import Case, Effects
from services.payment.domain.planning import Collection, Plan, plan
from services.payment.domain.states import SECURED, OrderPurpose, PaymentState, PaymentTrigger
from services.payment.handlers.observations import Observing
from services.payment.settings import PaymentSettings
from services.payment.storage import orders, payments

_WAIT_SECONDS = 3.0
_LOOK_EVERY_SECONDS = 0.1
_PAYABLE = frozenset(
    {
        PaymentState.CREATED,
        PaymentState.PENDING,
        PaymentState.METHOD_SAVED,
        PaymentState.FAILED,
        PaymentState.UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A payment whose gateway order exists: what the browser is given. `fresh`: the order was made by this request.
    `charge_at`: when the method that this order saves is charged; None where the order is paid."""

    payment_id: UUID
    gateway_order_id: str
    checkout: Mapping[str, str]
    amount_minor: int
    currency: str
    status: PaymentState
    fresh: bool
    charge_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Begun:
    """`order` is there already, or `wanted` is to be made; neither: another request, or a charge, is making it."""

    payment_id: UUID
    status: PaymentState
    order: tuple[str, Mapping[str, str]] | None
    wanted: NewOrder | None
    asked_before: bool = False
    charge_at: datetime | None = None


class Ordering:
    """Opens payments. One request at a time makes a payment's order; the others wait for it."""

    def __init__(self, database: Database, settings: PaymentSettings, observing: Observing) -> None:
        self._database, self._settings, self._observing = database, settings, observing

    async def open(self, checkout: Checkout, gateway: Gateway) -> Opened:
        """The payment of `checkout` with its order at `gateway`; the same again for the same checkout.

        Raises the problems `state-conflict` (another amount, paid elsewhere, ended, policy or currency not offered),
        `idempotency-in-progress` and `gateway-unavailable`; after the last the row stays and a repeat goes on.
        """
        begun = await self._begin(checkout, gateway)
        if begun.order is None and begun.wanted is None:
            await self._awaited(begun.payment_id)
            begun = await self._begin(checkout, gateway)
        if begun.order is not None:
            return _opened(checkout, begun, *begun.order, fresh=False)
        if begun.wanted is None:
            raise _still_running()
        try:
            made = await self._make(gateway, begun.wanted, ask_first=begun.asked_before)
        except GatewayError as error:
            await self._note_failure(begun.payment_id, error)
            detail = "The payment is kept; send the same request again in a moment, or choose another way to pay."
            raise Problem("gateway-unavailable", detail, booking_id=checkout.booking_id) from error
        except BaseException:
            await asyncio.shield(self._release(begun.payment_id))
            raise
        return _opened(checkout, begun, made.gateway_order_id, made.checkout, fresh=True)

    async def _begin(self, checkout: Checkout, gateway: Gateway) -> _Begun:
        can = gateway.capabilities
        planned = plan(checkout.capture_policy, checkout.service_ends_at, can, datetime.now(UTC))
        if planned is None or not can.takes(checkout.currency):
            raise Problem("state-conflict", f"{gateway.name} can't collect this offer; choose another gateway.")
        async with self._database.transaction() as work:
            row = await orders.insert(work, checkout, gateway.name, planned)
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
            last = await orders.last(work, row.id)
            if last is not None and _is_open(last, row, status, can):
                charge_at = row.authorize_at if last.purpose == OrderPurpose.SAVE else None
                order = (last.gateway_order_id, orjson.loads(last.checkout))
                return _Begun(row.id, status, order, None, charge_at=charge_at)
            if row.leased or (last is not None and _is_charging(last, status)):
                return _Begun(row.id, status, None, None)
            asked_before = last is not None and last.gateway_order_id is None and not last.ended
            number = 1 if last is None else last.number + (not asked_before)
            wanted = self._order(row, checkout, planned, number)
            await self._lease(work, wanted)
        charge_at = row.authorize_at if wanted.purpose is OrderPurpose.SAVE else None
        return _Begun(row.id, status, None, wanted, asked_before, charge_at)

    def _order(self, row: Row, checkout: Checkout, planned: Plan, number: int) -> NewOrder:
        """What is to be made: as was planned when the payment was opened; where a saved method was not enough, the buyer
        pays by what is possible now."""
        collection = Collection(row.collection)
        saves = collection is Collection.SAVE_METHOD
        return NewOrder(
            row.id,
            checkout.booking_id,
            checkout.reference,
            checkout.amount_minor,
            checkout.currency,
            checkout.expires_at,
            (planned if saves else Plan(collection, "")).capture_mode,
            number,
            self._settings.return_url(row.id, checkout.booking_id),
            OrderPurpose.SAVE if saves and row.saved_method is None else OrderPurpose.PAY,
        )

    async def _lease(self, work: Work, order: NewOrder) -> None:
        settings = self._settings
        lease_seconds, poll_seconds = settings.payment_order_lease_seconds, settings.payment_poll_first_seconds
        await orders.lease(work, order.payment_id, order.number, lease_seconds, poll_seconds, order.purpose)

    async def _make(self, gateway: Gateway, order: NewOrder, *, ask_first: bool) -> GatewayOrder:
        """The order, kept. One that exists but can't be paid any more is kept too, and another made beside it."""
        made = await self._ask(gateway, order, ask_first=ask_first)
        await self._keep(order, made)
        if made.payable:
            return made
        order = replace(order, number=order.number + 1)
        async with self._database.transaction() as work:
            await self._lease(work, order)
        made = await gateway.create_order(order)
        await self._keep(order, made)
        return made

    async def _ask(self, gateway: Gateway, order: NewOrder, *, ask_first: bool) -> GatewayOrder:
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

    async def _keep(self, order: NewOrder, made: GatewayOrder) -> None:
        async with self._database.transaction() as work:
            loaded = await payments.lock(work, [order.payment_id])
            payment = loaded.by_id[order.payment_id]
            effects = Effects(loaded.now or datetime.now(UTC), uuid7)
            agrees = (made.amount_minor, made.currency) == (order.amount_minor, order.currency)
            if agrees:
                move(payment, PaymentTrigger.ORDER_FOUND, "reply", effects)
                await self._observing.settle(work, effects)
                poll_seconds = self._settings.payment_poll_first_seconds
                await orders.store_order(work, payment.id, order.number, made, poll_seconds)
            else:
                detail = (
                    f"The gateway's order {made.gateway_order_id} has another amount or currency than was asked for."
                )
                dedupe = f"order-amount/{made.gateway_order_id}"
                effects.open_case(
                    Case("amount-mismatch", dedupe, detail, payment, order.amount_minor, made.amount_minor)
                )
                await self._observing.settle(work, effects)
                await orders.release(work, payment.id)
        if not agrees:
            raise Problem("gateway-unavailable", "The gateway's answer was wrong.", booking_id=order.booking_id)

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

    async def _awaited(self, payment_id: UUID) -> None:
        """Return when no other request makes the order any more. Raises `idempotency-in-progress` when that takes long."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _WAIT_SECONDS
        while loop.time() < until:
            async with self._database.transaction() as work:
                if not await orders.is_leased(work, payment_id):
                    return
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
        raise _still_running()


def _is_open(last: Row, row: Row, status: PaymentState, can: Capabilities) -> bool:
    """Whether the buyer is led to the newest order again: there is nothing left to do by it, or it can still be done."""
    if last.gateway_order_id is None:
        return False
    if status in SECURED or status is PaymentState.METHOD_SAVED:
        return True
    if last.ended or last.purpose == OrderPurpose.CHARGE or (last.purpose == OrderPurpose.SAVE and row.saved_method):
        return False
    return status is not PaymentState.FAILED or can.order_takes_retries


def _is_charging(last: Row, status: PaymentState) -> bool:
    """Whether the saved method is being charged at the moment: the buyer must not pay beside it."""
    unanswered = last.gateway_order_id is None and not last.ended
    return last.purpose == OrderPurpose.CHARGE and (unanswered or status is PaymentState.PENDING)


def _still_running() -> Problem:
    return Problem("idempotency-in-progress", "The first request is still running; send again.", retry_after_seconds=2)


def _opened(
    checkout: Checkout, begun: _Begun, gateway_order_id: str, fields: Mapping[str, str], *, fresh: bool
) -> Opened:
    return Opened(
        begun.payment_id,
        gateway_order_id,
        fields,
        checkout.amount_minor,
        checkout.currency,
        begun.status,
        fresh,
        begun.charge_at,
    )
