"""The poller: what webhooks and browsers did not tell is asked for, until the payment is settled or too old (P-23)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid5

from chassis.ids import uuid7
from chassis.outcomes import failure_of
from chassis.work import Database, Row
from contracts.topics import PAYMENT_CAPTURES, PAYMENT_CHARGES, PAYMENT_REFUNDS
from services.payment.adapters.gateways.port import Gateway, GatewayError, GatewayOrder, NewOrder, SavedMethod
from services.payment.adapters.gateways.registry import Gateways
from services.payment.domain.moving import move, pass_deadline
from services.payment.domain.observation import Observation
from services.payment.domain.payment import Effects
from services.payment.domain.states import AWAITED, OrderPurpose, PaymentState, PaymentTrigger
from services.payment.handlers.messages import CaptureDue, ChargeDue, RefundRun
from services.payment.handlers.observations import Observing
from services.payment.settings import PaymentSettings
from services.payment.storage import orders, payments, polls

log = logging.getLogger(__name__)
_FACTORS = (1, 2, 4, 8, 20, 40, 120, 240)
"""Times the first wait: 15 s, 30 s, 1 m, 2 m, 5 m, 10 m, 30 m, 1 h."""
_DAY_SECONDS = 86_400.0
_SIDE_BY_SIDE = 8


class Polling:
    """Asks gateways about payments and refunds that are still open. Safe in several processes at once."""

    def __init__(self, settings: PaymentSettings, gateways: Gateways, observing: Observing) -> None:
        self._settings, self._gateways, self._observing = settings, gateways, observing
        self._side_by_side = {gateway.name: asyncio.Semaphore(_SIDE_BY_SIDE) for gateway in gateways}

    async def poll(self, database: Database) -> int:
        """One pass: claim, ask outside any transaction, observe all answers in one transaction. Returns the claimed."""
        lease_seconds = 3 * self._settings.payment_gateway_timeout_seconds + 30
        async with database.transaction() as work:
            due = await polls.claim(work, self._settings.payment_poll_batch_rows, lease_seconds)
        if not due:
            return 0
        answers = await asyncio.gather(*(self._ask(database, row) for row in due))
        await self._observe(database, [answer for answer in answers if answer])
        answered = [row for row, answer in zip(due, answers, strict=True) if answer is not None]
        async with database.transaction() as work:
            await self._expire(work, due, [row for row in answered if row.overdue])
            await polls.reschedule(work, [(row, self._wait(row)) for row in due])
        return len(due)

    async def _observe(self, database: Database, answers: list[list[Observation]]) -> None:
        """All answers in one transaction; if that fails, each by itself, so that one bad payment holds up no other."""
        try:
            async with database.transaction() as work:
                await self._observing.observe(work, [seen for answer in answers for seen in answer])
        except Exception as error:
            if len(answers) <= 1:
                log.error("a polled answer can't be recorded: %s", failure_of(error).message)
                return
            for answer in answers:
                await self._observe(database, [answer])

    async def capture_due(self, database: Database) -> int:
        """Schedule the captures whose planned time has come. Returns how many."""
        async with database.transaction() as work:
            rows = await polls.captures_due(work, self._settings.payment_poll_batch_rows)
            for row in rows:
                due = CaptureDue(
                    booking_id=row.booking_id, payment_id=row.id, amount_minor=row.amount_minor, currency=row.currency
                )
                work.schedule(PAYMENT_CAPTURES, due, key=row.booking_id)
        return len(rows)

    async def charge_due(self, database: Database) -> int:
        """Schedule the charges of saved methods whose time has come. Returns how many."""
        async with database.transaction() as work:
            again = self._settings.payment_charge_retry_seconds
            rows = await polls.charges_due(work, self._settings.payment_poll_batch_rows, again)
            for row in rows:
                due = ChargeDue(
                    booking_id=row.booking_id,
                    payment_id=row.id,
                    amount_minor=row.amount_minor,
                    currency=row.currency,
                    charges=row.charges,
                )
                work.schedule(PAYMENT_CHARGES, due, key=row.booking_id)
        return len(rows)

    async def check_refunds(self, database: Database) -> int:
        """Schedule a question about each refund that has been with the gateway for long. Returns how many."""
        async with database.transaction() as work:
            again = 4 * self._settings.payment_refund_check_seconds
            rows = await polls.refunds_to_check(work, self._settings.payment_poll_batch_rows, again)
            for row in rows:
                run = RefundRun(
                    booking_id=row.booking_id,
                    payment_id=row.payment_id,
                    refund_id=row.id,
                    amount_minor=row.amount_minor,
                    currency=row.currency,
                )
                # One question at a time: while the last one waits for its turn, nothing was called since.
                question = uuid5(row.id, f"check-{row.calls}")
                work.schedule(PAYMENT_REFUNDS, run, key=row.booking_id, message_id=question)
        return len(rows)

    async def _ask(self, database: Database, row: Row) -> list[Observation] | None:
        """What the gateway says of one payment; None when it could not be asked."""
        gateway = self._gateways.get(row.gateway)
        if gateway is None:
            return None
        try:
            async with self._side_by_side[row.gateway]:
                ids = list(row.order_ids)
                if row.awaited_number is not None or not ids:
                    found = await _find(gateway, row)
                    if found is not None:
                        await self._adopt(database, row, found)
                        ids.append(found.gateway_order_id)
                return [seen for order_id in ids for seen in await gateway.observe_order(order_id)]
        except GatewayError as error:
            log.info("%s can't be asked about %s: %s", row.gateway, row.id, failure_of(error).message)
            return None

    async def _adopt(self, database: Database, row: Row, found: GatewayOrder) -> None:
        """Keep the order whose making was never answered; one that was answered meanwhile is known, and moves nothing."""
        async with database.transaction() as work:
            loaded = await payments.lock(work, [row.id])
            payment = loaded.by_id[row.id]
            if found.gateway_order_id in payment.orders:
                return
            effects = Effects(loaded.now or datetime.now(UTC), uuid7)
            if row.awaited_purpose != OrderPurpose.CHARGE:
                move(payment, PaymentTrigger.ORDER_FOUND, "poll", effects)
            await self._observing.settle(work, effects)
            first = self._settings.payment_poll_first_seconds
            await orders.store_order(work, row.id, row.awaited_number or 1, found, first)

    async def _expire(self, work: Any, due: Sequence[Row], overdue: Sequence[Row]) -> None:
        """The deadline of the `overdue` has passed. Locks all that are `due`: locks taken in two steps can deadlock."""
        if not overdue:
            return
        loaded = await payments.lock(work, [row.id for row in due])
        effects = Effects(loaded.now or datetime.now(UTC), uuid7)
        for row in overdue:
            pass_deadline(loaded.by_id[row.id], effects)
        await self._observing.settle(work, effects)

    def _wait(self, row: Row) -> float | None:
        """Seconds until the next question: backing off, but at the deadline; slow after it; None when it is too late."""
        if PaymentState(row.status) not in AWAITED:
            return None
        gateway = self._gateways.get(row.gateway)
        late_days = gateway.capabilities.late_authorization_days if gateway is not None else 5
        if PaymentState(row.status) is PaymentState.METHOD_SAVED and not row.overdue:
            return float(row.seconds_left) + 0.05
        if row.seconds_left < -late_days * _DAY_SECONDS:
            return None
        if row.overdue and PaymentState(row.status) is not PaymentState.AUTHORIZED:
            return self._settings.payment_late_poll_seconds
        wait = self._settings.payment_poll_first_seconds * _FACTORS[min(row.polls, len(_FACTORS) - 1)]
        return float(min(wait, max(row.seconds_left, 0.0) + 0.05)) if not row.overdue else float(wait)


async def _find(gateway: Gateway, row: Row) -> GatewayOrder | None:
    """The order that was being made, if the gateway has it."""
    if row.awaited_purpose == OrderPurpose.CHARGE and gateway.saved is not None:
        saved = SavedMethod(row.saved_customer, row.saved_method)
        return await gateway.saved.find_charge(_awaited(row), saved)
    return await gateway.find_order(_awaited(row))


def _awaited(row: Row) -> NewOrder:
    """The order that is being made, as it was asked for: only its receipt and amount count for finding it."""
    return NewOrder(
        row.id,
        row.booking_id,
        row.reference,
        row.amount_minor,
        row.currency,
        row.expires_at,
        number=row.awaited_number or 1,
    )
