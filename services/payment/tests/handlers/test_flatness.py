"""What a purchase costs does not depend on how many were before it."""

from __future__ import annotations

import time
from uuid import UUID

import pytest

from chassis.ids import uuid7
from chassis.testing import Server, fresh_database
from chassis.work import Database
from services.payment.app import MIGRATIONS
from services.payment.domain.ledger import Entry, Journal
from services.payment.domain.states import JournalKind
from services.payment.storage import books
from services.payment.tests.samples import add_payment

pytestmark = pytest.mark.db
_BEFORE, _BATCH, _TIMED = 60_000, 5_000, 40


def journal(payment_id: UUID) -> Journal:
    """A capture of one rupee."""
    entries = (Entry("gateway:razorpay", 100), Entry("buyers", -100))
    return Journal(JournalKind.CAPTURE, str(uuid7()), payment_id, "booking", "INR", entries)


async def seconds(database: Database, payment_id: UUID) -> float:
    """How long it takes to book, each journal in a transaction of its own."""
    started = time.perf_counter()
    for _ in range(_TIMED):
        async with database.transaction() as work:
            await books.write(work, [journal(payment_id)])
    return time.perf_counter() - started


async def test_booking_costs_the_same_in_books_that_grew_before_anybody_analyzed_them(postgres_server: Server) -> None:
    """On one connection, whose plans were made while the books were empty: looking for a row must not read them all."""
    async with fresh_database(postgres_server, MIGRATIONS, connections=1) as database:
        payment_id = await add_payment(database)
        async with database.transaction() as work:
            await work.execute("ALTER TABLE journals SET (autovacuum_enabled = false)")
        await seconds(database, payment_id)
        empty = min([await seconds(database, payment_id) for _ in range(3)])
        for _ in range(_BEFORE // _BATCH):
            async with database.transaction() as work:
                await books.write(work, [journal(payment_id) for _ in range(_BATCH)])
        full = min([await seconds(database, payment_id) for _ in range(3)])
    assert full < 3 * empty, (
        f"{full / _TIMED * 1000:.2f} ms a journal after {_BEFORE}, {empty / _TIMED * 1000:.2f} before"
    )
