"""Many deliveries in one transaction end as they would one by one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from uuid import UUID

import pytest

from chassis import testing
from chassis.ids import uuid7
from chassis.steps import Message
from chassis.work import Database
from services.notification.adapters.mail import MailOffice, Paper
from services.notification.adapters.smtp import Mailer, MailServer
from services.notification.app import MIGRATIONS
from services.notification.domain.delivery import Answer
from services.notification.domain.notices import SendDelivery
from services.notification.handlers.sending import Intent, Sending
from services.notification.tests import samples
from services.notification.tests.conftest import LINKS

pytestmark = pytest.mark.db
_OWED = """
INSERT INTO deliveries (delivery_id, booking_id, kind, recipient, about, facts, tries_unsettled, state)
SELECT d.* FROM (VALUES
    ($1::uuid, 'bk-1', 'refund', 'buyer', 'to send', $7::jsonb, 0, 'queued'),
    ($2::uuid, 'bk-1', 'allocation-pending', 'buyer', 'declined', $7, 0, 'queued'),
    ($3::uuid, 'bk-1', 'refund', 'device:0199a1f2-6c1b-7c3a-9f43-2f6d7c8a9b01', 'no device', $7, 0, 'queued'),
    ($4::uuid, 'bk-2', 'refund', 'buyer', 'nobody knows the buyer', $7, 0, 'queued'),
    ($5::uuid, 'bk-1', 'refund', 'buyer', 'tried three times', $7, 3, 'queued'),
    ($6::uuid, 'bk-1', 'refund', 'buyer', 'sent before', $7, 0, 'sent')
) AS d
"""
_ROWS = "SELECT about, state, reason, tries_unsettled, address_masked FROM deliveries ORDER BY about"
_MOVES = "SELECT about, trigger, to_state, t.reason FROM delivery_transitions t JOIN deliveries USING (delivery_id) ORDER BY about"


async def _owed(database: Database) -> list[UUID]:
    await samples.know_buyers(database, [samples.confirmed("bk-1")])
    ids = [uuid7() for _ in range(6)]
    async with database.transaction() as work:
        await work.execute("INSERT INTO preferences (owner, push, optional_mail) VALUES ('student-1', true, false)")
        await work.execute(_OWED, *ids, "{}")
    return ids


async def _sent(database: Database, groups: Sequence[Sequence[UUID]]) -> tuple[object, ...]:
    """Intend and conclude `groups`, each in one transaction; what is in the tables then."""
    office = MailOffice(Paper(LINKS), Mailer(MailServer("127.0.0.1", 1, "none")), "bookings@payfirst.example")
    sending = Sending(lambda: database, office, None)
    decided: list[str] = []
    for group in groups:
        messages = [Message(uuid7(), SendDelivery.type, "bk-1", SendDelivery(delivery_id=each)) for each in group]
        async with database.transaction() as work:
            intents = await sending.intend_many(work, messages)
        decided += [type(intent).__name__ for intent in intents]
        made = [(m, i, Answer(True, "250")) for m, i in zip(messages, intents, strict=True) if isinstance(i, Intent)]
        async with database.transaction() as work:
            await sending.conclude_many(work, made)
    return decided, await samples.rows(database, _ROWS), await samples.rows(database, _MOVES)


async def test_many_at_once_end_as_one_by_one(postgres_server: testing.Server) -> None:
    async with AsyncExitStack() as stack:
        together, singly = [
            await stack.enter_async_context(testing.fresh_database(postgres_server, MIGRATIONS)) for _ in range(2)
        ]
        seen = await _sent(together, [await _owed(together)])
        assert seen == await _sent(singly, [[each] for each in await _owed(singly)])
    assert seen[0] == ["Intent", "NoneType", "NoneType", "RetryAfter", "Dead", "NoneType"]
    assert seen[2] == [
        ("declined", "opted_out", "suppressed", "mail-declined"),
        ("no device", "refused", "failed", "device-unregistered"),
        ("to send", "accepted", "sent", "250"),
    ]
