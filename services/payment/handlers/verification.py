"""Verify: what the browser brought back, checked, asked about and answered within two seconds, whatever happens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from uuid import UUID

from chassis import telemetry
from chassis.outcomes import failure_of
from chassis.problems import Problem
from chassis.work import Database, Row
from services.payment.adapters.gateways.port import Gateway, GatewayError
from services.payment.adapters.gateways.registry import Gateways
from services.payment.domain.observation import Source
from services.payment.domain.states import AWAITED, PaymentState
from services.payment.handlers.observations import Observing
from services.payment.settings import PaymentSettings
from services.payment.storage import polls, views

log = logging.getLogger(__name__)
_FIRST_LOOK_SECONDS = 0.02


class Verification:
    """Checks returns of checkouts. The caller's ids are never trusted: the order is the one that we stored (P-21)."""

    def __init__(self, database: Database, settings: PaymentSettings, gateways: Gateways, observing: Observing) -> None:
        self._database, self._settings, self._gateways, self._observing = database, settings, gateways, observing

    async def verify(self, fields: Mapping[str, str]) -> Row:
        """What is known of the payment, after at most `payment_verify_answer_seconds`.

        Raises `validation` for fields of no gateway here, `not-found` for an order that is not ours and
        `signature-invalid`, which leaves nothing but the attempt's record.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.payment_verify_answer_seconds
        found = self._gateways.of_return(fields)
        if found is None:
            raise Problem("validation", "Send exactly what the checkout gave.", errors=[])
        gateway, returned = found
        async with self._database.transaction() as work:
            row = await views.returned(work, gateway.name, returned)
        if row is None or row.returned_order_id is None:
            raise Problem("not-found", "No payment has this order.")
        genuine = gateway.return_is_authentic(fields, row.returned_order_id)
        async with self._database.transaction() as work:
            await views.record_verification(work, row.id, returned.gateway_payment_id, signature_ok=genuine)
        if not genuine:
            telemetry.SECURITY_EVENTS.labels("payment", "return-signature").inc()
            raise Problem("signature-invalid", "This was not signed by the gateway; pay again or contact us.")
        try:
            async with asyncio.timeout_at(deadline):
                another = returned.gateway_payment_id not in (None, row.gateway_payment_id)
                if PaymentState(row.status) in AWAITED or another:
                    await self._ask(gateway, row.id, row.returned_order_id)
                return await self._settled(row.id, deadline - loop.time())
        except TimeoutError:
            async with self._database.transaction() as work:
                return await views.payment(work, row.id) or row

    async def _ask(self, gateway: Gateway, payment_id: UUID, gateway_order_id: str) -> None:
        within = self._settings.payment_verify_fetch_seconds
        try:
            async with asyncio.timeout(within):
                seen = await gateway.observe_order(gateway_order_id, Source.VERIFY, within_seconds=within)
        except (GatewayError, TimeoutError) as error:
            log.info("verify could not ask %s: %s", gateway.name, failure_of(error).message)
            async with self._database.transaction() as work:
                await polls.hurry(work, payment_id)
            return
        async with self._database.transaction() as work:
            await self._observing.observe(work, seen)

    async def _settled(self, payment_id: UUID, seconds: float) -> Row:
        """The payment once its booking is known, or as it is when the time is up (C13)."""
        loop = asyncio.get_running_loop()
        until, wait = loop.time() + seconds - 0.2, _FIRST_LOOK_SECONDS
        while True:
            async with self._database.transaction() as work:
                row = await views.payment(work, payment_id)
            assert row is not None
            if row.book_status is not None or row.secured_at is None or row.duplicate_of is not None:
                return row
            if loop.time() + wait > until:
                return row
            await asyncio.sleep(wait)
            wait = min(wait * 2, 0.2)
