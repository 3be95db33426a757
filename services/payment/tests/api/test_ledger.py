"""The books in the database: one journal for each movement, shares when booking confirms, and nothing rewritten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from chassis.ids import uuid7
from chassis.testing import Server
from services.payment.domain.observation import RefundSeen, Seen, Source
from services.payment.tests import samples
from services.payment.tests.booked import balances, confirm, observe
from services.payment.tests.samples import AMOUNT, add_payment, rows, seen
from services.payment.tests.stage import Stage, staged

pytestmark = pytest.mark.db


@pytest.fixture
async def stage(postgres_server: Server) -> AsyncIterator[Stage]:
    """Payment without a vendor: what the gateway says is told by hand."""
    async with staged(postgres_server, with_simulator=False) as made:
        yield made


async def test_a_capture_and_its_fee_are_booked_once_however_often_they_are_seen(stage: Stage) -> None:
    payment_id = await add_payment(stage.database)
    for source in (Source.WEBHOOK, Source.POLL, Source.VERIFY):
        await observe(stage, seen(payment_id, fee_minor=2_000, source=source), seen(payment_id, fee_minor=2_000))
    assert await balances(stage) == {"gateway:razorpay": AMOUNT - 2_000, "fees:razorpay": 2_000, "buyers": -AMOUNT}


async def test_the_confirmed_booking_shares_the_money_out_line_by_line(stage: Stage) -> None:
    payment_id = await add_payment(stage.database)
    await observe(stage, seen(payment_id))
    await confirm(stage, payment_id, (59_901, "expert-1"), (AMOUNT - 59_901, None))
    await confirm(stage, payment_id, (59_901, "expert-1"), (AMOUNT - 59_901, None))
    assert await balances(stage) == {
        "gateway:razorpay": AMOUNT,
        "partner:expert-1": -47_920,
        "platform": -(AMOUNT - 47_920),
    }


async def test_a_capture_after_the_confirmation_is_shared_too(stage: Stage) -> None:
    payment_id = await add_payment(stage.database, collection="authorize_now")
    await observe(stage, seen(payment_id, Seen.AUTHORIZED))
    await confirm(stage, payment_id, (AMOUNT, "expert-1"))
    assert await balances(stage) == {}
    await observe(stage, seen(payment_id, captured_minor=AMOUNT // 2))
    assert await balances(stage) == {"gateway:razorpay": 49_950, "partner:expert-1": -39_960, "platform": -9_990}


async def test_refunds_reverse_the_shares_and_a_bounced_one_restores_them(stage: Stage) -> None:
    payment_id = await add_payment(stage.database)
    await observe(stage, seen(payment_id))
    await confirm(stage, payment_id, (AMOUNT, "expert-1"))
    before = await balances(stage)
    await observe(stage, samples.refund_seen(payment_id, 33_333))
    assert sum((await balances(stage)).values()) == 0
    assert (await balances(stage))["gateway:razorpay"] == AMOUNT - 33_333
    await observe(stage, samples.refund_seen(payment_id, 33_333, RefundSeen.FAILED))
    assert await balances(stage) == before
    await observe(stage, samples.refund_seen(payment_id, AMOUNT, gateway_refund_id="rfnd_all"))
    assert await balances(stage) == {}


async def test_a_disputed_amount_leaves_the_gateway_and_a_lost_one_the_owners(stage: Stage) -> None:
    payment_id = await add_payment(stage.database)
    await observe(stage, seen(payment_id))
    await confirm(stage, payment_id, (AMOUNT, "expert-1"))
    await observe(stage, seen(payment_id, Seen.DISPUTE_OPENED))
    assert (await balances(stage))["disputes:razorpay"] == AMOUNT
    await observe(stage, seen(payment_id, Seen.DISPUTE_LOST))
    assert await balances(stage) == {}


async def test_the_journals_of_a_booking_are_shown_to_staff_alone(stage: Stage) -> None:
    payment_id = await add_payment(stage.database)
    await observe(stage, seen(payment_id))
    ((booking_id,),) = await rows(stage.database, "SELECT booking_id FROM payments")
    path = f"/api/v1/admin/ledger?booking_id={booking_id}"
    shown = (await stage.api.get(path, headers=stage.account("o", "ops"))).json()
    assert [(j["kind"], len(j["entries"])) for j in shown["journals"]] == [("capture", 2)]
    assert shown["next_page_token"] is None
    assert (await stage.api.get(path, headers=stage.account("b", "buyer"))).status_code == 403
    assert (await stage.api.get(path)).status_code == 401
    assert (await stage.api.get("/api/v1/admin/ledger?since=now", headers=stage.account("o", "ops"))).status_code == 422


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE ledger_entries SET amount_minor = amount_minor + 1",
        "DELETE FROM ledger_entries",
        "TRUNCATE ledger_entries",
        "UPDATE journals SET reference = 'another'",
        "DELETE FROM journals",
    ],
)
async def test_nothing_in_the_books_can_be_rewritten(stage: Stage, sql: str) -> None:
    payment_id = await add_payment(stage.database)
    await observe(stage, seen(payment_id))
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        async with stage.database.transaction() as work:
            await work.execute(sql)


@pytest.mark.parametrize(
    "entries",
    [
        ((1, "INR"), (-2, "INR")),
        ((5, "INR"),),
        ((5, "INR"), (-5, "USD")),
        ((5, "USD"), (-5, "USD")),
    ],
)
async def test_a_journal_that_does_not_balance_is_refused_by_the_database(
    stage: Stage, entries: tuple[tuple[int, str], ...]
) -> None:
    payment_id = await add_payment(stage.database)
    with pytest.raises(asyncpg.PostgresError, match="does not balance"):
        await book(stage, payment_id, entries)
    assert await rows(stage.database, "SELECT 1 FROM journals") == []


async def book(stage: Stage, payment_id: UUID, entries: tuple[tuple[int, str], ...]) -> None:
    """A journal by hand."""
    journal_id = uuid7()
    async with stage.database.transaction() as work:
        await work.execute(
            """INSERT INTO journals (id, kind, reference, payment_id, booking_id, currency)
               VALUES ($1, 'capture', 'by hand', $2, 'b', 'INR')""",
            journal_id,
            payment_id,
        )
        await work.execute(
            """INSERT INTO ledger_entries (journal_id, account, currency, amount_minor)
               SELECT $1, 'a', u.currency, u.amount FROM unnest($2::text[], $3::bigint[]) AS u (currency, amount)""",
            journal_id,
            [currency for _, currency in entries],
            [amount for amount, _ in entries],
        )
