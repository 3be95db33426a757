"""`kill -9` around the call that sends a partner their money, the reply lost as well: it arrives once, and both books agree."""

from __future__ import annotations

import pytest

from chassis.ids import uuid7
from services.payment.tests.booked import sold
from services.payment.tests.crashes.killed import POINTS, Killed
from services.payment.tests.payees import PAYEES, Payee
from services.payment.tests.samples import rows

pytestmark = [pytest.mark.db, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("payee", PAYEES, ids=lambda payee: payee.gateway)
@pytest.mark.parametrize("point", POINTS)
async def test_a_payout_that_was_killed_is_sent_once(payment: Killed, payee: Payee, point: str) -> None:
    partner_id = f"expert-{uuid7().hex[-12:]}"
    await payee.open(payment.simulator)
    await sold(payment, (100_000, partner_id), gateway=payee.gateway)
    await payment.lose_a_reply(payee.gateway, payee.transfers_path)
    before = payment.deaths
    payment.arm(point)
    path = f"/api/v1/admin/partners/{partner_id}/payout-accounts/INR"
    body = {"gateway": payee.gateway, "destination": payee.destination, "reason": "by contract"}

    async def told() -> bool:
        return (await payment.api.put(path, json=body, headers=payment.admin)).status_code == 200

    await payment.until(told, "the account is set")
    await payment.died(before)

    async def paid() -> bool:
        sql = "SELECT status FROM payouts WHERE partner_id = $1"
        return await rows(payment.database, sql, partner_id) == [("paid",)]

    await payment.until(paid, "the payout paid")
    await books_agree(payment, payee, partner_id)


async def books_agree(payment: Killed, payee: Payee, partner_id: str) -> None:
    """The vendor has one transfer of what our payout, our lines and our ledger say."""
    sql = "SELECT id::text, amount_minor FROM payouts WHERE partner_id = $1"
    ((payout_id, amount),) = await rows(payment.database, sql, partner_id)
    state = (await payment.simulator.get("/control/state")).json()
    arrived = [(t.amount, t.returned) for t in payee.arrived(state) if t.payout_id == payout_id]
    assert (arrived, amount) == ([(80_000, 0)], 80_000)
    due = "SELECT sum(due_minor)::bigint, sum(paid_out_minor)::bigint FROM line_shares WHERE partner_id = $1"
    assert await rows(payment.database, due, partner_id) == [(0, 80_000)]
    booked = """SELECT e.account, sum(e.amount_minor)::bigint FROM ledger_entries e JOIN journals j ON j.id = e.journal_id
                WHERE j.payout_id = $1::uuid GROUP BY e.account ORDER BY e.account"""
    owed, sent = (f"partner:{partner_id}", 80_000), (f"gateway:{payee.gateway}", -80_000)
    assert await rows(payment.database, booked, payout_id) == sorted([owed, sent, (f"payouts:{payee.gateway}", 0)])
