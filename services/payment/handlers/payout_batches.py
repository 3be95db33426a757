"""What partners are due, by the clock: one transfer for each partner whose batch has come, and questions about slow ones."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid5

from chassis.ids import uuid7
from chassis.work import Database, Row, Work
from contracts.topics import PAYMENT_PAYOUTS
from services.payment.domain.payouts import Payout, PayoutEffects, PayoutLine, request
from services.payment.handlers.messages import PayoutRun
from services.payment.handlers.payouts import Paying
from services.payment.settings import PaymentSettings
from services.payment.storage import payout_accounts, payouts

_ACCOUNTS = 100


class PayoutBatches:
    """Makes payouts and asks about them. Safe in several processes at once: an account is claimed by its row's lock."""

    def __init__(self, settings: PaymentSettings, paying: Paying) -> None:
        self._settings, self._paying = settings, paying

    async def make(self, database: Database) -> int:
        """A payout for each account whose batch is due and whose balance is worth one. Returns the accounts looked at.

        What is negative is taken off first; a balance below the minimum is carried on to the next batch.
        """
        async with database.transaction() as work:
            accounts = await payout_accounts.claim(work, _ACCOUNTS, self._settings.payment_payout_every_seconds)
            if accounts:
                await self._request(work, accounts)
        return len(accounts)

    async def check(self, database: Database) -> int:
        """Schedule a question about each payout that has been with its gateway for long. Returns how many."""
        async with database.transaction() as work:
            again = 4 * self._settings.payment_payout_check_seconds
            rows = await payouts.to_check(work, _ACCOUNTS, again)
            for row in rows:
                run = PayoutRun(payout_id=row.id)
                # One question at a time: while the last one waits for its turn, nothing was called since.
                work.schedule(PAYMENT_PAYOUTS, run, key=row.partner_id, message_id=uuid5(row.id, f"check-{row.calls}"))
        return len(rows)

    async def _request(self, work: Work, accounts: Iterable[Row]) -> None:
        made = {
            (a.partner_id, a.currency): Payout(uuid7(), a.partner_id, a.gateway, a.destination, 0, a.currency)
            for a in accounts
        }
        for row in await payout_accounts.dues(work, list(accounts), self._settings.payment_payout_hold_seconds):
            payout = made[row.partner_id, row.currency]
            payout.lines.append(PayoutLine(row.payment_id, row.line_id, row.due_minor))
            payout.amount_minor += row.due_minor
        effects = PayoutEffects()
        for payout in made.values():
            if payout.amount_minor >= self._settings.payment_payout_minimum_minor:
                request(payout, effects)
        await self._paying.save(work, effects)
        for payout in effects.touched.values():
            work.schedule(PAYMENT_PAYOUTS, PayoutRun(payout_id=payout.id), key=payout.partner_id)
