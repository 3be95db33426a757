"""Batches of payouts in the database: what is due, what waits, what is carried on, and only once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from chassis.testing import Server
from services.payment.domain.observation import DisputePart, PayoutPart, PayoutSeen, RefundPart, RefundSeen, Seen
from services.payment.handlers.payouts import Paying
from services.payment.storage import payout_accounts
from services.payment.tests.booked import balances, observe, sold
from services.payment.tests.samples import rows, seen
from services.payment.tests.stage import Stage, staged

pytestmark = pytest.mark.db
HOLD_SECONDS = 7 * 86_400.0


@pytest.fixture
async def stage(postgres_server: Server) -> AsyncIterator[Stage]:
    """Payment without a vendor and without a runner of tasks: payouts are made and what is said of them is told by hand."""
    async with staged(postgres_server, with_simulator=False, payment_payout_hold_seconds=HOLD_SECONDS) as made:
        made.tasks[1].cancel()
        await asyncio.gather(made.tasks[1], return_exceptions=True)
        yield made


async def account(stage: Stage, destination: str = "acc_00000000000001") -> None:
    """Where expert-1's money goes; a pause ends."""
    async with stage.database.transaction() as work:
        await payout_accounts.put(work, "expert-1", "INR", "razorpay", destination, "ada")


async def refunded(
    stage: Stage, payment_id: UUID, total_minor: int, minor: int, status: RefundSeen = RefundSeen.PROCESSED
) -> None:
    """The gateway says that `minor` of a payment of `total_minor` goes back."""
    part = RefundPart(f"rfnd_{payment_id.hex[-10:]}", None, status, minor)
    await observe(stage, seen(payment_id, amount_minor=total_minor, refund=part))


async def batch(stage: Stage, times: int = 1) -> list[tuple[Any, ...]]:
    """What the clock does, `times` at once; the payouts so far as (partner, minor units, status)."""
    async with stage.database.transaction() as work:
        await work.execute("UPDATE payout_accounts SET next_batch_at = now()")
    make = next(p for p in stage.application.periodics if p.name == "payment.payouts").run
    await asyncio.gather(*(make(stage.database) for _ in range(times)))
    return await rows(stage.database, "SELECT partner_id, amount_minor, status FROM payouts ORDER BY id")


async def days_later(stage: Stage, days: int = 8) -> None:
    """Move everything that was shared out and served into the past."""
    async with stage.database.transaction() as work:
        for sql in ("line_shares SET shared_at = shared_at", "payments SET service_ends_at = service_ends_at"):
            await work.execute(f"UPDATE {sql} - make_interval(days => $1)", days)


async def said(stage: Stage, status: PayoutSeen, returned_minor: int = 0) -> None:
    """The gateway says something of the newest payout."""
    sql = "SELECT id, amount_minor, currency, destination FROM payouts ORDER BY id DESC LIMIT 1"
    ((payout_id, amount, currency, destination),) = await rows(stage.database, sql)
    part = PayoutPart(f"trf_{payout_id.hex[-14:]}", payout_id, status, amount, currency, destination, returned_minor)
    paying = Paying(stage.application.settings)  # type: ignore[arg-type]
    async with stage.database.transaction() as work:
        await paying.observe(work, "razorpay", [part], "webhook")


async def partner(stage: Stage) -> dict[str, Any]:
    """How expert-1 stands; what is owed is what the ledger says (M-1)."""
    answer = await stage.api.get("/api/v1/admin/partners", headers=stage.account("o", "ops"))
    assert answer.status_code == 200, answer.text
    (found,) = [row for row in answer.json()["partners"] if row["partner_id"] == "expert-1"]
    assert found["owed_minor"] == -(await balances(stage)).get("partner:expert-1", 0)
    return dict(found)


async def test_a_partner_is_sent_what_was_shared_in_one_transfer_after_its_time(stage: Stage) -> None:
    for _ in range(3):
        await sold(stage, (100_000, "expert-1"), (50_000, None))
    await account(stage)
    assert await batch(stage) == []
    assert (await partner(stage))["held_minor"] == 240_000
    await days_later(stage)
    assert await batch(stage, times=5) == [("expert-1", 240_000, "requested")]
    assert (await balances(stage))["payouts:razorpay"] == -240_000
    await said(stage, PayoutSeen.PAID)
    found = await balances(stage)
    assert (found["gateway:razorpay"], "partner:expert-1" in found, "payouts:razorpay" in found) == (
        210_000,
        False,
        False,
    )
    assert await batch(stage) == [("expert-1", 240_000, "paid")]
    assert (await partner(stage))["paid_out_minor"] == 240_000


async def test_a_service_that_is_still_to_come_holds_its_money(stage: Stage) -> None:
    await sold(stage, (100_000, "expert-1"), service_ends_at=datetime.now(UTC) + timedelta(days=30))
    await account(stage)
    await days_later(stage, 20)
    assert await batch(stage) == []
    await days_later(stage, 18)
    assert await batch(stage) == [("expert-1", 80_000, "requested")]


async def test_without_an_account_the_money_stays_owed_and_is_shown(stage: Stage) -> None:
    await sold(stage, (100_000, "expert-1"))
    await days_later(stage)
    assert await batch(stage) == []
    found = await partner(stage)
    assert (found["owed_minor"], found["gateway"]) == (80_000, None)


async def test_a_refund_after_the_payout_is_carried_on_until_it_is_earned_again(stage: Stage) -> None:
    first = await sold(stage, (100_000, "expert-1"))
    await account(stage)
    await days_later(stage)
    await batch(stage)
    await said(stage, PayoutSeen.PAID)
    await refunded(stage, first, 100_000, 50_000)
    assert (await partner(stage))["owed_minor"] == -40_000
    await sold(stage, (60_000, "expert-1"))
    await days_later(stage)
    assert await batch(stage) == [("expert-1", 80_000, "paid")], "8,000 are less than the minimum"
    await sold(stage, (10_000, "expert-1"))
    await days_later(stage)
    assert await batch(stage) == [("expert-1", 80_000, "paid"), ("expert-1", 16_000, "requested")]
    lines = (
        "SELECT amount_minor FROM payout_lines WHERE payout_id = (SELECT max(id::text)::uuid FROM payouts) ORDER BY 1"
    )
    assert await rows(stage.database, lines) == [(-40_000,), (8_000,), (48_000,)]
    assert (await partner(stage))["owed_minor"] == 0


async def test_a_dispute_and_a_refund_on_its_way_freeze_their_lines_and_no_others(stage: Stage) -> None:
    disputed, other = await sold(stage, (100_000, "expert-1")), await sold(stage, (50_000, "expert-1"))
    await account(stage)
    await days_later(stage)
    await observe(
        stage, seen(disputed, Seen.DISPUTE_OPENED, amount_minor=100_000, dispute=DisputePart("disp_1", 100_000))
    )
    await refunded(stage, other, 50_000, 10_000, RefundSeen.PENDING)
    assert await batch(stage) == []
    assert (await partner(stage))["frozen_minor"] == 120_000
    await refunded(stage, other, 50_000, 10_000)
    assert await batch(stage) == [("expert-1", 32_000, "requested")]
    await said(stage, PayoutSeen.PAID)
    await observe(stage, seen(disputed, Seen.DISPUTE_WON, amount_minor=100_000, dispute=DisputePart("disp_1", 100_000)))
    assert await batch(stage) == [("expert-1", 32_000, "paid"), ("expert-1", 80_000, "requested")]


@pytest.mark.parametrize("end", [PayoutSeen.FAILED, PayoutSeen.RETURNED])
@pytest.mark.parametrize("paid_before", [False, True])
async def test_what_came_back_is_owed_again_and_waits_for_a_person(
    stage: Stage, end: PayoutSeen, paid_before: bool
) -> None:
    await sold(stage, (100_000, "expert-1"))
    await account(stage)
    await days_later(stage)
    await batch(stage)
    if paid_before:
        await said(stage, PayoutSeen.PAID)
    await said(stage, end)
    await said(stage, end)
    ((_, _, status),) = await batch(stage)
    assert status == ("failed" if end is PayoutSeen.FAILED and not paid_before else "returned")
    found = await partner(stage)
    assert (found["owed_minor"], found["paid_out_minor"], found["paused_reason"] is None) == (80_000, 0, False)
    assert (await balances(stage)).get("payouts:razorpay", 0) == 0
    assert await rows(stage.database, "SELECT kind FROM cases") == [(f"payout-{status}",)]
    await account(stage, "acc_00000000000002")
    assert (await batch(stage))[1:] == [("expert-1", 80_000, "requested")]


async def test_a_payout_of_nobody_here_is_a_case(stage: Stage) -> None:
    part = PayoutPart("trf_stranger", None, PayoutSeen.PAID, 5_000, "INR", "acc_00000000000009")
    paying = Paying(stage.application.settings)  # type: ignore[arg-type]
    async with stage.database.transaction() as work:
        assert await paying.observe(work, "razorpay", [part, part], "webhook") == ["refused: no payout of ours"] * 2
    assert await rows(stage.database, "SELECT kind, seen_minor, currency FROM cases") == [
        ("payout-unknown", 5_000, "INR")
    ]


async def test_a_pause_stops_the_sending_until_the_account_is_set_again(stage: Stage) -> None:
    await sold(stage, (100_000, "expert-1"))
    await account(stage)
    await days_later(stage)
    path = "/api/v1/admin/partners/expert-1/payout-accounts/INR/pause"
    paused = await stage.api.post(path, json={"reason": "the contract ended"}, headers=stage.account("ada", "admin"))
    assert paused.json()["paused_reason"] == "the contract ended"
    assert await batch(stage) == []
    await account(stage)
    assert await batch(stage) == [("expert-1", 80_000, "requested")]
