"""Payouts: each is called once for its id, asked about until it has ended, and what the gateway says takes one path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.outcomes import Dead
from chassis.steps import Message
from chassis.work import Work
from services.payment.adapters.gateways.port import (
    Declined,
    Misconfigured,
    PayoutOrder,
    Payouts,
    Rejected,
    Unknown,
)
from services.payment.adapters.gateways.registry import Gateways
from services.payment.domain import payouts as deciding
from services.payment.domain.observation import PayoutPart
from services.payment.domain.payouts import Payout, PayoutCase, PayoutEffects
from services.payment.handlers.outward import outward
from services.payment.settings import PaymentSettings
from services.payment.storage import payouts


@dataclass(frozen=True, slots=True)
class PayoutIntent:
    """One payout on its way."""

    order: PayoutOrder
    gateway: str


@dataclass(frozen=True, slots=True)
class PayoutResult:
    """What came of it: what the gateway shows, or why it refused."""

    part: PayoutPart | None = None
    refused: str | None = None


class Paying:
    """What gateways say of payouts, whatever way it came. Works in the transaction that it is given."""

    def __init__(self, settings: PaymentSettings) -> None:
        self._settings = settings

    async def observe(self, work: Work, gateway: str, parts: Sequence[PayoutPart], source: str) -> list[str]:
        """Apply `parts` in order; a verdict in words for each. A payout that is none of ours is a case (M-5)."""
        found = await payouts.lock_seen(work, gateway, parts)
        effects = PayoutEffects()
        verdicts = []
        for payout, part in zip(deciding.matched(found, parts), parts, strict=True):
            if payout is None:
                effects.cases.append(_stranger(gateway, part))
                verdicts.append("refused: no payout of ours")
                continue
            verdicts.append(deciding.observe(payout, part, source, effects))
        await self.save(work, effects)
        return verdicts

    async def save(self, work: Work, effects: PayoutEffects) -> None:
        """Write `effects`."""
        await payouts.save(work, effects, self._settings.payment_case_deadline_hours)


class PayoutCalls:
    """The handler of `payment.payouts`: intent, call, outcome; run again to ask about one that takes long."""

    def __init__(self, settings: PaymentSettings, gateways: Gateways, paying: Paying) -> None:
        self._settings, self._gateways, self._paying = settings, gateways, paying

    async def intend(self, work: Work, message: Message) -> PayoutIntent | None:
        """The payout if it is still to be made or asked about; None when it has ended."""
        payout = await self._locked(work, message)
        effects = PayoutEffects()
        if not deciding.call(payout, effects):
            return None
        await self._paying.save(work, effects)
        await payouts.count_call(work, payout.id, self._settings.payment_payout_check_seconds)
        order = PayoutOrder(payout.id, payout.destination, payout.amount_minor, payout.currency)
        return PayoutIntent(order, payout.gateway)

    async def call(self, message: Message, intent: PayoutIntent) -> PayoutResult:
        """Send under our payout id, once however often it is called. Raises to climb the ladder."""
        gateway = self._gateways.get(intent.gateway)
        if gateway is None or gateway.payouts is None:
            raise Dead(f"{intent.gateway} is not configured to send money to partners")
        return await outward(intent.gateway, _sent(gateway.payouts, intent.order))

    async def conclude(self, work: Work, message: Message, intent: PayoutIntent, result: PayoutResult) -> None:
        """What the gateway shows as every observation; a refusal gives the money back to the partner's balance."""
        if result.part is not None:
            await self._paying.observe(work, intent.gateway, [result.part], "reply")
        elif result.refused is not None:
            effects = PayoutEffects()
            deciding.refuse(await self._locked(work, message), result.refused, effects)
            await self._paying.save(work, effects)

    async def _locked(self, work: Work, message: Message) -> Payout:
        payout_id: UUID = message.event.payout_id
        payout = (await payouts.lock(work, [payout_id])).get(payout_id)
        if payout is None:
            raise Dead(f"no payout {payout_id}")
        return payout


async def _sent(way: Payouts, order: PayoutOrder) -> PayoutResult:
    try:
        return PayoutResult(await way.send(order))
    except (Rejected, Declined, Unknown) as error:
        # The refusal may be of a repeat, the timeout after success: look before believing either.
        part = await way.find(order)
        if part is not None:
            return PayoutResult(part)
        if isinstance(error, Unknown):
            raise
        return PayoutResult(refused=error.reason)
    except Misconfigured as error:
        raise Dead(str(error)) from error


def _stranger(gateway: str, part: PayoutPart) -> PayoutCase:
    detail = (
        f"{gateway} shows payout {part.gateway_payout_id} of {part.amount_minor} {part.currency} to {part.destination}, "
        "which we did not make: find who did, and book it by hand."
    )
    dedupe = f"payout-unknown/{gateway}/{part.gateway_payout_id}"
    return PayoutCase("payout-unknown", dedupe, detail, 0, part.amount_minor, part.currency)
