"""Payouts in the gateway's own book: what we did not hear of is heard now, what still differs is for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from chassis.work import Database
from services.payment.adapters.gateways.port import Gateway, PayoutOrder, Payouts
from services.payment.domain.observation import PayoutPart, Source
from services.payment.domain.payouts import Payout, matched
from services.payment.domain.reconciling import Difference, compare_payout
from services.payment.handlers.payouts import Paying
from services.payment.storage import payouts

_BATCH = 200


@dataclass(slots=True)
class Compared:
    """How many payouts were compared, what differed and agrees now, and what still differs."""

    payouts: int = 0
    mended: list[Difference] = field(default_factory=list)
    left: list[Difference] = field(default_factory=list)


class PayoutComparison:
    """Compares the payouts of a period. Works in transactions of its own; the gateway is asked outside of them."""

    def __init__(self, paying: Paying) -> None:
        self._paying = paying

    async def compare(self, database: Database, gateway: Gateway, since: datetime, until: datetime) -> Compared:
        """Both books of the period. Raises `GatewayError`."""
        way = gateway.payouts
        if way is None:
            return Compared()
        theirs = {part.gateway_payout_id: part for part in await way.between(since, until)}
        ours = await _ours(database, gateway.name, since, until, list(theirs))
        await _ask_for_missing(way, ours, theirs)
        before = _differences(ours, theirs)
        known = [theirs[d.gateway_payment_id] for d in before if d.gateway_payment_id in theirs]
        # A stranger's is told by the difference itself; heard, it would be a second case for the same.
        await self._hear(database, gateway.name, [part for part in known if part.payout_id is not None])
        after = _differences(await _ours(database, gateway.name, since, until, list(theirs)), theirs)
        still = {(d.kind, d.gateway_payment_id) for d in after}
        mended = [d for d in before if (d.kind, d.gateway_payment_id) not in still]
        return Compared(len(set(theirs) | {p.gateway_payout_id for p in ours.values()}), mended, after)

    async def _hear(self, database: Database, gateway: str, parts: Sequence[PayoutPart]) -> None:
        for start in range(0, len(parts), _BATCH):
            async with database.transaction() as work:
                await self._paying.observe(work, gateway, parts[start : start + _BATCH], Source.POLL)


async def _ours(
    database: Database, gateway: str, since: datetime, until: datetime, listed: Sequence[str]
) -> dict[UUID, Payout]:
    async with database.transaction() as work:
        return await payouts.of_period(work, gateway, since, until, listed)


async def _ask_for_missing(way: Payouts, ours: dict[UUID, Payout], theirs: dict[str, PayoutPart]) -> None:
    """What the list lacks may lie just outside its period: each is asked for by its own id before it counts as missing."""
    for payout in ours.values():
        if payout.gateway_payout_id is not None and payout.gateway_payout_id not in theirs:
            order = PayoutOrder(payout.id, payout.destination, payout.amount_minor, payout.currency)
            if (part := await way.find(order)) is not None:
                theirs[part.gateway_payout_id] = part


def _differences(ours: dict[UUID, Payout], theirs: dict[str, PayoutPart]) -> list[Difference]:
    found: list[Difference] = []
    parts = list(theirs.values())
    for mine, part in zip(matched(ours, parts), parts, strict=True):
        found += compare_payout(mine, part)
    for payout in ours.values():
        if payout.gateway_payout_id not in theirs:
            found += compare_payout(payout, None)
    return found
