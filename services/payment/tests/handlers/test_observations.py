"""The one path of observations, on a real database: each alone, in batches, at once, wrong, and unknown."""

from __future__ import annotations

import asyncio
import random
from typing import Any
from uuid import UUID

import pytest

from chassis.runner import TaskRunner
from chassis.testing import Server, eventually, fresh_database
from chassis.work import Database
from services.payment.adapters.gateways.registry import Gateways
from services.payment.app import MIGRATIONS
from services.payment.consumers import steps
from services.payment.domain.observation import Observation, RefundSeen, Seen, Source
from services.payment.handlers.intake import Intake
from services.payment.handlers.observations import UNMATCHED, Observing
from services.payment.settings import PaymentSettings
from services.payment.tests import samples
from services.payment.tests.samples import AMOUNT, add_payment, rows, seen, told

pytestmark = pytest.mark.db


async def observe(database: Database, observing: Observing, *observations: Observation) -> list[str]:
    """Apply `observations` in one transaction."""
    async with database.transaction() as work:
        return await observing.observe(work, observations)


async def status(database: Database, payment_id: UUID) -> str:
    """The payment's state."""
    found = await rows(database, "SELECT status FROM payments WHERE id = $1", payment_id)
    return str(found[0][0])


async def test_a_captured_payment_is_told_as_secured_and_captured_once(
    database: Database, observing: Observing
) -> None:
    payment_id = await add_payment(database)
    first = await observe(database, observing, seen(payment_id))
    again = await observe(database, observing, seen(payment_id), seen(payment_id, source=Source.POLL))
    assert first == ["moved: captured"]
    assert all(verdict.startswith("ignored") for verdict in again)
    assert await told(database) == ["payment.secured", "payment.captured"]
    assert await rows(database, "SELECT status, authorized_minor, captured_minor, poll_at FROM payments") == [
        ("captured", AMOUNT, AMOUNT, None)
    ]


async def test_authorized_then_captured_is_secured_once_and_captured_once(
    database: Database, observing: Observing
) -> None:
    payment_id = await add_payment(database)
    await observe(database, observing, seen(payment_id, Seen.AUTHORIZED))
    await observe(database, observing, seen(payment_id, Seen.CAPTURED))
    assert await told(database) == ["payment.secured", "payment.captured"]
    evidence = await rows(
        database,
        """SELECT to_status, gateway_order_id, gateway_payment_id, amount_minor, currency, account, source, signature_ok
           FROM payment_evidence ORDER BY id""",
    )
    assert [row[0] for row in evidence] == ["authorized", "captured"]
    assert all(value is not None for row in evidence for value in row)


async def test_an_authorized_payment_that_arrives_after_captured_changes_nothing(
    database: Database, observing: Observing
) -> None:
    payment_id = await add_payment(database)
    await observe(
        database, observing, seen(payment_id), seen(payment_id, Seen.AUTHORIZED), seen(payment_id, Seen.FAILED)
    )
    assert await status(database, payment_id) == "captured"


async def test_a_late_success_after_a_failure_counts_as_a_late_authorization(
    database: Database, observing: Observing
) -> None:
    payment_id = await add_payment(database)
    await observe(database, observing, seen(payment_id, Seen.FAILED, reason="payment_timed_out"))
    await observe(database, observing, seen(payment_id, Seen.AUTHORIZED, late=True))
    assert await status(database, payment_id) == "authorized"
    assert await told(database) == ["payment.failed", "payment.secured"]
    trail = await rows(database, "SELECT to_status, reason FROM payment_transitions ORDER BY id")
    assert trail == [("failed", "payment_timed_out"), ("authorized", "late_authorization")]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"amount_minor": AMOUNT - 1}, "amount-mismatch"),
        ({"currency": "USD"}, "currency-mismatch"),
        ({"gateway_order_id": "order_foreign"}, "order-mismatch"),
    ],
)
async def test_a_mismatch_opens_one_case_and_moves_nothing(
    database: Database, observing: Observing, change: dict[str, Any], kind: str
) -> None:
    payment_id = await add_payment(database)
    wrong = seen(payment_id, payment_id=payment_id, **change)
    verdicts = await observe(database, observing, wrong, wrong) + await observe(database, observing, wrong)
    assert set(verdicts) == {f"refused: {kind}"}
    assert await status(database, payment_id) == "created"
    assert await told(database) == []
    assert await rows(database, "SELECT kind, seen_minor FROM cases") == [(kind, wrong.amount_minor)]


async def test_a_second_success_for_one_order_is_kept_and_given_back(database: Database, observing: Observing) -> None:
    payment_id = await add_payment(database)
    await observe(database, observing, seen(payment_id), seen(payment_id, gateway_payment_id="pay_second"))
    await observe(database, observing, seen(payment_id, gateway_payment_id="pay_second"))
    assert await told(database) == ["payment.secured", "payment.captured"]
    assert await rows(database, "SELECT gateway_payment_id, status, amount_minor FROM refunds") == [
        ("pay_second", "requested", AMOUNT)
    ]
    assert await rows(database, "SELECT step, type FROM tasks") == [("payment.refunds", "refund.run")]
    assert await rows(database, "SELECT kind FROM cases") == [("second-payment",)]
    assert await rows(database, "SELECT captured_minor FROM payments") == [(AMOUNT,)]


async def test_a_second_success_for_one_booking_is_a_duplicate_that_is_given_back(
    database: Database, observing: Observing
) -> None:
    first = await add_payment(database, booking_id="booking-1")
    second = await add_payment(database, booking_id="booking-1", gateway="stripe")
    await observe(database, observing, seen(first), seen(second, gateway="stripe"))
    assert await told(database) == ["payment.secured", "payment.captured"]
    assert await rows(database, "SELECT duplicate_of FROM payments WHERE id = $1", second) == [(first,)]
    assert await rows(database, "SELECT payment_id FROM refunds") == [(second,)]


async def test_an_order_that_is_not_stored_yet_is_joined_by_our_own_id(
    database: Database, observing: Observing
) -> None:
    payment_id = await add_payment(database, gateway_order_id=None)
    early = seen(payment_id, gateway_order_id="order_early", payment_id=payment_id)
    assert await observe(database, observing, early) == ["moved: captured"]
    assert await rows(database, "SELECT gateway_order_id, status FROM payments") == [("order_early", "captured")]


async def test_an_unknown_order_is_not_acknowledged_away(database: Database, observing: Observing) -> None:
    payment_id = await add_payment(database)
    stranger = seen(payment_id, gateway_order_id="order_of_nobody")
    assert await observe(database, observing, stranger, seen(payment_id)) == [UNMATCHED, "moved: captured"]


async def test_refunds_of_the_gateway_move_sums_and_state(database: Database, observing: Observing) -> None:
    payment_id = await add_payment(database)
    part = samples.refund_seen(payment_id, 10_000, gateway_refund_id="rfnd_a")
    rest = samples.refund_seen(payment_id, AMOUNT - 10_000, gateway_refund_id="rfnd_b")
    await observe(database, observing, part)
    assert await status(database, payment_id) == "partially_refunded"
    await observe(database, observing, part, rest)
    assert await rows(database, "SELECT status, refunded_minor FROM payments") == [("refunded", AMOUNT)]
    bounced = samples.refund_seen(payment_id, AMOUNT - 10_000, RefundSeen.FAILED, gateway_refund_id="rfnd_b")
    await observe(database, observing, bounced)
    assert await rows(database, "SELECT status, refunded_minor FROM payments") == [("partially_refunded", 10_000)]
    assert (await told(database))[2:] == ["refund.succeeded", "refund.succeeded", "refund.failed"]


async def test_a_refund_of_more_than_was_captured_opens_a_case(database: Database, observing: Observing) -> None:
    payment_id = await add_payment(database)
    verdicts = await observe(database, observing, samples.refund_seen(payment_id, AMOUNT + 1))
    assert verdicts == ["refused: refund-over-captured"]
    assert await rows(database, "SELECT refunded_minor FROM payments") == [(0,)]


async def test_an_authorization_that_lapsed_is_voided_and_a_case(database: Database, observing: Observing) -> None:
    payment_id = await add_payment(database)
    await observe(database, observing, seen(payment_id, Seen.AUTHORIZED), seen(payment_id, Seen.VOIDED))
    assert await rows(database, "SELECT status, captured_minor FROM payments") == [("voided", 0)]
    assert await rows(database, "SELECT kind FROM cases") == [("authorization-lapsed",)]


def _story(payment_id: UUID, rng: random.Random) -> list[Observation]:
    second = {"gateway_payment_id": f"pay_2{payment_id.hex[-10:]}"}
    story = [
        seen(payment_id, Seen.PENDING),
        seen(payment_id, Seen.FAILED, reason="card_declined"),
        seen(payment_id, Seen.AUTHORIZED),
        seen(payment_id, Seen.CAPTURED),
        seen(payment_id, Seen.CAPTURED, **second),
        seen(payment_id, Seen.CAPTURED, amount_minor=1),
        samples.refund_seen(payment_id, 500, gateway_refund_id=f"rfnd_a{payment_id.hex[-10:]}"),
        samples.refund_seen(payment_id, AMOUNT - 500, gateway_refund_id=f"rfnd_b{payment_id.hex[-10:]}"),
        seen(payment_id, Seen.DISPUTE_OPENED),
    ]
    return rng.sample(story, rng.randint(1, len(story)))


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_batch_gives_the_same_books_as_one_by_one(
    postgres_server: Server, observing: Observing, seed: int
) -> None:
    rng = random.Random(seed)
    ids = [UUID(int=rng.getrandbits(128)) for _ in range(40)]
    stories = [item for payment_id in ids for item in _story(payment_id, rng)]
    rng.shuffle(stories)
    found = []
    for batched in (True, False):
        async with fresh_database(postgres_server, MIGRATIONS, connections=4) as database:
            for payment_id in ids:
                await add_payment(database, id=payment_id, booking_id=str(payment_id))
            for group in [stories] if batched else [[one] for one in stories]:
                await observe(database, observing, *group)
            found.append(await samples.books(database))
    assert found[0] == found[1]


async def test_fifty_identical_webhooks_at_once_are_one_row_and_one_event(
    database: Database, settings: PaymentSettings, gateways: Gateways, observing: Observing
) -> None:
    payment_id = await add_payment(database)
    body = samples.webhook("payment.captured", samples.payment_entity(payment_id))
    intakes = [Intake(database), Intake(database)]
    await asyncio.gather(*(intakes[n % 2].accept(samples.raw_event(body, "event-1")) for n in range(50)))
    assert await rows(database, "SELECT count(*) FROM gateway_events") == [(1,)]
    await run_steps(database, settings, gateways, observing, "SELECT outcome = 'moved: captured' FROM gateway_events")
    assert await told(database) == ["payment.secured", "payment.captured"]


async def run_steps(
    database: Database, settings: PaymentSettings, gateways: Gateways, observing: Observing, until: str
) -> None:
    """Run payment's own tasks until the first column of `until` is true."""
    runner = TaskRunner(database, steps(settings, gateways, observing), poll=0.02)
    running = asyncio.create_task(runner.run())

    async def check() -> bool:
        found = await rows(database, until)
        return bool(found and found[0][0])

    try:
        await eventually(check, what=until)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_same_event_id_with_another_body_is_kept_beside_the_first(database: Database) -> None:
    payment_id = await add_payment(database)
    bodies = [samples.webhook(f"payment.{s}", samples.payment_entity(payment_id, s)) for s in ("captured", "failed")]
    intake = Intake(database)
    for body in [*bodies, *bodies]:
        await intake.accept(samples.raw_event(body, "event-1"))
    assert await rows(database, "SELECT count(*) FROM gateway_events") == [(2,)]
    assert await rows(database, "SELECT count(*) FROM tasks") == [(2,)]


async def test_the_same_body_under_new_event_ids_has_one_effect(
    database: Database, settings: PaymentSettings, gateways: Gateways, observing: Observing
) -> None:
    payment_id = await add_payment(database)
    body = samples.webhook("payment.captured", samples.payment_entity(payment_id))
    intake = Intake(database)
    await asyncio.gather(*(intake.accept(samples.raw_event(body)) for _ in range(10)))
    until = "SELECT count(*) = 10 FROM gateway_events WHERE outcome IS NOT NULL"
    await run_steps(database, settings, gateways, observing, until)
    assert await told(database) == ["payment.secured", "payment.captured"]


async def test_an_unknown_order_waits_on_the_ladder_and_is_worked_on_when_it_is_known(
    database: Database, settings: PaymentSettings, gateways: Gateways, observing: Observing
) -> None:
    payment_id = await add_payment(database, gateway_order_id=None)
    body = samples.webhook("payment.captured", samples.payment_entity(payment_id))
    await Intake(database).accept(samples.raw_event(body))
    await run_steps(database, settings, gateways, observing, "SELECT error_class = 'UnknownOrder' FROM tasks")
    async with database.transaction() as work:
        await work.execute("UPDATE gateway_orders SET gateway_order_id = $1", samples.order_of(payment_id))
        await work.execute("UPDATE tasks SET due_at = now()")
    await run_steps(database, settings, gateways, observing, "SELECT status = 'captured' FROM payments")


async def test_an_order_that_stays_unknown_ends_as_a_visible_dead_letter(
    database: Database, settings: PaymentSettings, gateways: Gateways, observing: Observing
) -> None:
    stranger = UUID(int=7)
    body = samples.webhook("payment.captured", samples.payment_entity(stranger))
    await Intake(database).accept(samples.raw_event(body))
    for attempt in range(1, 5):
        async with database.transaction() as work:
            await work.execute("UPDATE tasks SET due_at = now() WHERE state = 'ready'")
        await run_steps(database, settings, gateways, observing, f"SELECT attempts >= {attempt} FROM tasks")
    assert await rows(database, "SELECT state, disposition FROM tasks") == [("dead", "RETRIES_EXHAUSTED")]
    assert await rows(database, "SELECT type FROM events") == [("observation.received",)]
