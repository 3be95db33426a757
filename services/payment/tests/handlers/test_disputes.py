"""Disputes on a real database: recorded with their deadline, late and twice, won, lost, and beside refunds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chassis.work import Database
from services.payment.domain.observation import DisputePart, Observation, Seen
from services.payment.handlers.observations import Observing
from services.payment.tests import samples
from services.payment.tests.samples import AMOUNT, add_payment, rows, seen

pytestmark = pytest.mark.db


async def observe(database: Database, observing: Observing, *observations: Observation) -> list[str]:
    """Apply `observations` in one transaction."""
    async with database.transaction() as work:
        return await observing.observe(work, observations)


async def test_a_dispute_is_shown_and_a_won_one_gives_the_state_back(database: Database, observing: Observing) -> None:
    payment_id = await add_payment(database)
    await observe(database, observing, seen(payment_id), seen(payment_id, Seen.DISPUTE_OPENED))
    assert await rows(database, "SELECT status FROM payments") == [("disputed",)]
    await observe(database, observing, seen(payment_id, Seen.DISPUTE_WON))
    assert await rows(database, "SELECT status FROM payments") == [("captured",)]
    assert await rows(database, "SELECT status, amount_minor FROM disputes") == [("won", AMOUNT)]
    assert {row[0] for row in await rows(database, "SELECT kind FROM cases")} == {
        "dispute-needs-response",
        "dispute-won",
    }


async def test_the_case_of_a_dispute_has_the_banks_deadline(database: Database, observing: Observing) -> None:
    payment_id = await add_payment(database)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)
    part = DisputePart("disp_1", 500, until)
    await observe(database, observing, seen(payment_id), seen(payment_id, Seen.DISPUTE_OPENED, dispute=part))
    assert await rows(database, "SELECT deadline_at, seen_minor FROM cases") == [(until, 500)]
    assert await rows(database, "SELECT respond_by FROM disputes") == [(until,)]


async def test_words_of_a_dispute_that_come_late_or_twice_change_nothing(
    database: Database, observing: Observing
) -> None:
    payment_id = await add_payment(database)
    await observe(database, observing, seen(payment_id), seen(payment_id, Seen.DISPUTE_LOST))
    late = [seen(payment_id, kind) for kind in (Seen.DISPUTE_OPENED, Seen.DISPUTE_REVIEWED, Seen.DISPUTE_LOST)]
    await observe(database, observing, *late)
    assert await rows(database, "SELECT status FROM disputes") == [("lost",)]
    trail = await rows(database, "SELECT from_status, to_status FROM dispute_transitions ORDER BY id")
    assert trail == [(None, "needs_response"), ("needs_response", "lost")]


async def test_one_of_two_disputes_keeps_the_payment_disputed(database: Database, observing: Observing) -> None:
    payment_id = await add_payment(database)
    first, second = DisputePart("disp_1", 100), DisputePart("disp_2", 200)
    opened = [seen(payment_id, Seen.DISPUTE_OPENED, dispute=part) for part in (first, second)]
    await observe(database, observing, seen(payment_id), *opened)
    await observe(database, observing, seen(payment_id, Seen.DISPUTE_WON, dispute=first))
    assert await rows(database, "SELECT status FROM payments") == [("disputed",)]
    await observe(database, observing, seen(payment_id, Seen.DISPUTE_WON, dispute=second))
    assert await rows(database, "SELECT status FROM payments") == [("captured",)]


async def test_a_won_dispute_gives_the_refunded_state_back(database: Database, observing: Observing) -> None:
    payment_id = await add_payment(database)
    await observe(database, observing, seen(payment_id), samples.refund_seen(payment_id, 100))
    await observe(database, observing, seen(payment_id, Seen.DISPUTE_OPENED), seen(payment_id, Seen.DISPUTE_WON))
    assert await rows(database, "SELECT status FROM payments") == [("partially_refunded",)]
