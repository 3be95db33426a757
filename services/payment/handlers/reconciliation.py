"""Reconciliation: our books against the gateway's own, daily and on demand (M-5, P-23)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from chassis.outcomes import failure_of
from chassis.work import Database
from services.payment.adapters.gateways.port import Gateway, GatewayError, Rejected
from services.payment.adapters.gateways.registry import Gateways
from services.payment.domain.observation import Observation
from services.payment.domain.reconciling import Difference, Entry, compare, entries_of
from services.payment.handlers.observations import UNMATCHED, Observing
from services.payment.handlers.payout_comparison import PayoutComparison
from services.payment.handlers.payouts import Paying
from services.payment.settings import PaymentSettings
from services.payment.storage import reconciliations

log = logging.getLogger(__name__)
_LEASE_SECONDS = 900.0
_LAG_SECONDS = 120.0
"""What is younger is still on its way between the two books."""
_BATCH = 200


@dataclass(slots=True)
class _Run:
    """One comparison. `known`: our side by the gateway's payment id, as it is after the last batch."""

    id: UUID
    gateway: Gateway
    since: datetime
    until: datetime
    before: dict[str, tuple[Entry, UUID]] = field(default_factory=dict)
    compared: int = 0
    mended: list[tuple[Difference, UUID | None]] = field(default_factory=list)
    left: list[tuple[Difference, UUID | None]] = field(default_factory=list)


class Reconciliation:
    """Compares a period with each gateway's list; where we are behind, what the gateway says takes its usual path."""

    def __init__(self, settings: PaymentSettings, gateways: Gateways, observing: Observing) -> None:
        self._settings, self._gateways, self._observing = settings, gateways, observing
        self._payouts = PayoutComparison(Paying(settings))

    async def reconcile(self, database: Database) -> int:
        """One pass over the gateways: each run that is due, or was asked for, from beginning to end. Returns the runs."""
        done = 0
        for gateway in self._gateways:
            async with database.transaction() as work:
                row = await reconciliations.begin(
                    work,
                    gateway.name,
                    self._settings.payment_reconcile_seconds,
                    self._settings.payment_reconcile_overlap_seconds,
                    _LAG_SECONDS,
                    _LEASE_SECONDS,
                )
            if row is not None:
                await self._run(database, _Run(row.id, gateway, row.since, row.until))
                done += 1
        return done

    async def _run(self, database: Database, run: _Run) -> None:
        failure = None
        try:
            theirs = await self._listed(database, run)
            async with database.transaction() as work:
                run.before = await reconciliations.ours_between(work, run.gateway.name, run.since, run.until)
            ids = list(dict.fromkeys([*(seen.gateway_payment_id for seen in theirs), *run.before]))
            for start in range(0, len(ids), _BATCH):
                await self._compare(database, run, ids[start : start + _BATCH], theirs)
            compared = await self._payouts.compare(database, run.gateway, run.since, run.until)
            run.compared += compared.payouts
            run.mended += [(difference, None) for difference in compared.mended]
            run.left += [(difference, None) for difference in compared.left]
        except GatewayError as error:
            failure = failure_of(error).message[:300]
            log.warning("%s can't be reconciled now: %s", run.gateway.name, failure)
        differences = [(d, p, True) for d, p in run.mended] + [(d, p, False) for d, p in run.left]
        async with database.transaction() as work:
            await reconciliations.record(work, run.id, differences)
            if run.left:
                hours = self._settings.payment_case_deadline_hours
                await reconciliations.open_cases(work, run.gateway.name, run.left, hours)
            await reconciliations.end(work, run.id, run.compared, len(run.mended), len(run.left), failure)

    async def _listed(self, database: Database, run: _Run) -> list[Observation]:
        """The gateway's book of the period: its list, or what it says of each of our orders where it lists nothing."""
        if run.gateway.capabilities.lists_payments:
            return await run.gateway.observe_between(run.since, run.until)
        async with database.transaction() as work:
            order_ids = await reconciliations.orders_between(work, run.gateway.name, run.since, run.until)
        return [seen for order_id in order_ids for seen in await _asked(run.gateway, order_id)]

    async def _compare(self, database: Database, run: _Run, ids: list[str], theirs: list[Observation]) -> None:
        """What differs in a batch is heard again on the one path of observations; what still differs is asked about."""
        wanted = set(ids)
        said = [seen for seen in theirs if seen.gateway_payment_id in wanted]
        differing = await self._differing(database, run, ids, said)
        run.compared += len(ids)
        if not differing:
            return
        trouble = {d.gateway_payment_id for d, _ in differing}
        await self._hear(database, [seen for seen in said if seen.gateway_payment_id in trouble])
        still = await self._differing(database, run, sorted(trouble), said)
        orders = {d.gateway_payment_id: self._order(run, d, said) for d, _ in still}
        asked = [
            seen for order in sorted({o for o in orders.values() if o}) for seen in await _asked(run.gateway, order)
        ]
        await self._hear(database, asked)
        newest = [*said, *asked]
        run.left += (left := await self._differing(database, run, sorted(trouble), newest))
        open_ones = {(d.gateway_payment_id, d.kind) for d, _ in left}
        run.mended += [(d, p) for d, p in differing if (d.gateway_payment_id, d.kind) not in open_ones]

    async def _differing(
        self, database: Database, run: _Run, ids: list[str], said: list[Observation]
    ) -> list[tuple[Difference, UUID | None]]:
        async with database.transaction() as work:
            mine = await reconciliations.ours(work, run.gateway.name, ids)
        entries = entries_of(said)
        found: list[tuple[Difference, UUID | None]] = []
        for payment_id in ids:
            entry, owner = mine.get(payment_id, (None, None))
            found += [(difference, owner) for difference in compare(entry, entries.get(payment_id))]
        return found

    async def _hear(self, database: Database, said: list[Observation]) -> None:
        if not said:
            return
        async with database.transaction() as work:
            verdicts = await self._observing.observe(work, said)
        for seen, verdict in zip(said, verdicts, strict=True):
            if verdict == UNMATCHED:
                log.warning("%s lists payment %s of no order of ours", seen.gateway, seen.gateway_payment_id)

    def _order(self, run: _Run, difference: Difference, said: list[Observation]) -> str | None:
        for seen in said:
            if seen.gateway_payment_id == difference.gateway_payment_id:
                return seen.gateway_order_id
        known = run.before.get(difference.gateway_payment_id)
        return known[0].gateway_order_id or None if known is not None else None


async def _asked(gateway: Gateway, gateway_order_id: str) -> list[Observation]:
    """What the gateway says of an order; nothing for one that it does not have."""
    try:
        return await gateway.observe_order(gateway_order_id)
    except Rejected:
        return []
