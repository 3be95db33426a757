"""Payments through Razorpay's simulator: real HTTP, real signatures, its webhooks and its misbehaviour."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from chassis.ids import uuid7
from chassis.testing import Server
from contracts.booking_events import RefundDue
from contracts.topics import PAYMENT_REFUNDS
from services.payment.tests.samples import AMOUNT, checkout_token, rows, told
from services.payment.tests.stage import Stage, staged

pytestmark = pytest.mark.db


@pytest.fixture
async def stage(postgres_server: Server) -> AsyncIterator[Stage]:
    """Payment with Razorpay's simulator."""
    async with staged(postgres_server, payment_gateway_timeout_seconds=1.0) as made:
        yield made


async def opened(stage: Stage, booking_id: str | None = None) -> dict[str, Any]:
    """A payment that was opened, with the booking id it is for."""
    booking_id = booking_id or str(uuid7())
    answer = await stage.create(checkout_token(booking_id=booking_id))
    assert answer.status_code == 201, answer.text
    return {**answer.json(), "booking_id": booking_id}


async def books(stage: Stage) -> dict[str, Any]:
    """Razorpay's own books."""
    state: dict[str, Any] = (await stage.simulator.get("/control/state")).json()
    found: dict[str, Any] = state["razorpay"]
    return found


async def test_a_purchase_paid_and_seen_by_its_webhook(stage: Stage) -> None:
    order = await opened(stage)
    assert (order["status"], order["amount"], order["amount_minor"], order["currency"]) == (
        "created",
        AMOUNT,
        AMOUNT,
        "INR",
    )
    assert order["key_id"] == "rzp_test_tests"
    await stage.pay(order["razorpay_order_id"])
    await stage.until("SELECT status = 'captured' FROM payments")
    assert await told(stage.database) == ["payment.secured", "payment.captured"]
    (receipt,) = [item["receipt"] for item in (await books(stage))["orders"]]
    assert UUID(receipt) == UUID(order["payment_id"])


async def test_the_same_token_gives_the_same_payment_and_order_also_at_once(stage: Stage) -> None:
    token = checkout_token()
    answers = await asyncio.gather(*(stage.create(token) for _ in range(8)))
    again = await stage.create(token)
    assert sorted({answer.status_code for answer in answers}) == [200, 201]
    assert again.status_code == 200
    assert all(answer.json() == again.json() for answer in answers)
    assert len((await books(stage))["orders"]) == 1


async def test_an_idempotency_key_gives_the_answer_again_and_refuses_another_body(stage: Stage) -> None:
    token, key = checkout_token(), {"Idempotency-Key": "key-1"}
    first, second = await stage.create(token, **key), await stage.create(token, **key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert (second.headers["idempotent-replayed"], second.json()) == ("true", first.json())
    other = await stage.create(checkout_token(), **key)
    assert (other.status_code, other.json()["type"].rsplit("/", 1)[-1]) == (422, "idempotency-key-reused")
    assert await rows(stage.database, "SELECT count(*) FROM payments") == [(1,)]


async def test_an_order_whose_answer_was_lost_is_found_by_its_receipt_and_not_made_again(stage: Stage) -> None:
    await stage.fault("timeout_after_success", method="POST", delay_seconds=3)
    answer = await stage.create(checkout_token())
    assert answer.status_code == 201
    assert [item["id"] for item in (await books(stage))["orders"]] == [answer.json()["razorpay_order_id"]]


async def test_verify_webhook_and_poller_at_once_are_one_transition(stage: Stage) -> None:
    order = await opened(stage)
    given = await stage.pay(order["razorpay_order_id"], webhooks="twice")
    answers, *_ = await asyncio.gather(
        asyncio.gather(*(stage.verify(given) for _ in range(5))),
        stage.polling.poll(stage.database),
        stage.polling.poll(stage.database),
    )
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert {(answer.json()["success"], answer.json()["payment_status"]) for answer in answers} == {(True, "captured")}
    await stage.until("SELECT count(*) = 0 FROM tasks WHERE step = 'payment.observations'")
    assert await told(stage.database) == ["payment.secured", "payment.captured"]
    moves = await rows(stage.database, "SELECT count(*) FROM payment_transitions WHERE to_status = 'captured'")
    assert moves == [(1,)]


async def test_verify_answers_with_the_booking_as_soon_as_it_is_known(stage: Stage) -> None:
    order = await opened(stage)
    given = await stage.pay(order["razorpay_order_id"], webhooks="lost")
    async with stage.database.transaction() as work:
        await work.execute(
            """INSERT INTO payment_bookings (booking_id, reference, status, amount_minor, currency, changed_at)
               VALUES ($1, 'BK-449034CB', 'CONFIRMED', 99900, 'INR', now())""",
            order["booking_id"],
        )
    answer = await stage.verify(given)
    assert answer.status_code == 200
    assert answer.json()["booking"] == {
        "book_id": "BK-449034CB",
        "booking_id": order["booking_id"],
        "status": "CONFIRMED",
        "total_amount": AMOUNT,
    }


async def test_a_lost_webhook_is_healed_by_the_poller(stage: Stage) -> None:
    order = await opened(stage)
    await stage.pay(order["razorpay_order_id"], webhooks="lost")
    await poll_until(stage, "SELECT status = 'captured' FROM payments")
    assert await rows(stage.database, "SELECT source FROM payment_evidence") == [("poll",)]


async def poll_until(stage: Stage, sql: str) -> None:
    """Run the poller until the first column of `sql` is true."""

    async def forever() -> None:
        while True:
            await stage.polling.poll(stage.database)
            await asyncio.sleep(0.05)

    polling = asyncio.create_task(forever())
    try:
        await stage.until(sql)
    finally:
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)


async def test_a_decline_fails_the_attempt_and_the_buyer_pays_the_same_order_again(stage: Stage) -> None:
    order = await opened(stage)
    await stage.pay(order["razorpay_order_id"], outcome="decline:card_declined")
    await stage.until("SELECT status = 'failed' FROM payments")
    assert (await stage.create(checkout_token(booking_id=order["booking_id"]))).json()["status"] == "created"
    await stage.pay(order["razorpay_order_id"])
    await stage.until("SELECT status = 'captured' FROM payments")
    assert await told(stage.database) == ["payment.failed", "payment.secured", "payment.captured"]


async def test_nobody_pays_and_the_payment_expires_once_but_is_watched(stage: Stage) -> None:
    await opened(stage)
    async with stage.database.transaction() as work:
        await work.execute("UPDATE payments SET expires_at = now() - interval '1 second', poll_at = now()")
    await poll_until(stage, "SELECT status = 'expired' FROM payments")
    assert await told(stage.database) == ["payment.expired"]
    watched = "SELECT poll_at > now() + interval '30 minutes' FROM payments"
    assert await rows(stage.database, watched) == [(True,)]


async def test_a_success_after_the_deadline_counts_as_late(stage: Stage) -> None:
    order = await opened(stage)
    async with stage.database.transaction() as work:
        await work.execute("UPDATE payments SET expires_at = now() - interval '1 second', poll_at = now()")
    await poll_until(stage, "SELECT status = 'expired' FROM payments")
    await stage.pay(order["razorpay_order_id"])
    await stage.until("SELECT status = 'captured' FROM payments")
    late = await rows(stage.database, "SELECT reason FROM payment_transitions WHERE from_status = 'expired'")
    assert late == [("late_authorization",)]


async def owe(stage: Stage, order: dict[str, Any], key: str, amount_minor: int) -> None:
    """Booking says that `amount_minor` is owed back."""
    due = RefundDue(
        booking_id=order["booking_id"],
        payment_id=order["payment_id"],
        refund_key=key,
        amount_minor=amount_minor,
        currency="INR",
        reason="place gone",
    )
    async with stage.database.transaction() as work:
        work.schedule(PAYMENT_REFUNDS, due, key=order["booking_id"])


async def paid(stage: Stage) -> dict[str, Any]:
    """A captured payment."""
    order = await opened(stage)
    await stage.pay(order["razorpay_order_id"])
    await stage.until("SELECT status = 'captured' FROM payments WHERE id = $1", UUID(order["payment_id"]))
    return order


async def test_a_refund_is_made_once_however_often_it_is_owed(stage: Stage) -> None:
    order = await paid(stage)
    for _ in range(3):
        await owe(stage, order, "place-gone", AMOUNT)
    await stage.until("SELECT status = 'refunded' FROM payments")
    await stage.until("SELECT count(*) = 0 FROM tasks")
    assert [item["amount"] for item in (await books(stage))["refunds"]] == [AMOUNT]
    assert await rows(stage.database, "SELECT status, amount_minor FROM refunds") == [("succeeded", AMOUNT)]
    assert (await told(stage.database)).count("refund.succeeded") == 1


async def test_a_refund_whose_answer_was_lost_is_asked_about_and_not_made_twice(stage: Stage) -> None:
    order = await paid(stage)
    await stage.fault("timeout_after_success", method="POST", delay_seconds=3)
    await owe(stage, order, "place-gone", 50_000)
    await stage.until("SELECT status = 'succeeded' FROM refunds")
    await stage.until("SELECT status = 'partially_refunded' FROM payments")
    assert [item["amount"] for item in (await books(stage))["refunds"]] == [50_000]


async def test_more_than_was_captured_is_never_given_back(stage: Stage) -> None:
    order = await paid(stage)
    await owe(stage, order, "first", 60_000)
    await owe(stage, order, "second", 60_000)
    await stage.until("SELECT count(*) = 1 FROM cases WHERE kind = 'refund-impossible'")
    await stage.until("SELECT status = 'partially_refunded' FROM payments")
    assert [item["amount"] for item in (await books(stage))["refunds"]] == [60_000]


async def test_the_payment_shows_its_attempts_refunds_and_trail(stage: Stage) -> None:
    order = await paid(stage)
    await owe(stage, order, "part", 100)
    await stage.until("SELECT status = 'partially_refunded' FROM payments")
    answer = await stage.api.get(f"/api/v1/payments/{order['payment_id']}", headers=stage.guest(order["booking_id"]))
    shown = answer.json()
    assert (shown["status"], shown["captured_minor"], shown["refunded_minor"]) == ("partially_refunded", AMOUNT, 100)
    assert [item["status"] for item in shown["attempts"]] == ["captured"]
    assert [item["status"] for item in shown["refunds"]] == ["succeeded"]
    trail = [item["to_status"] for item in shown["transitions"] if item["to_status"] != "authorized"]
    assert trail == ["created", "captured", "partially_refunded"]
    assert shown["created_at"].endswith("Z")


@pytest.mark.parametrize("webhooks", ["twice", "reordered", "late"])
async def test_webhooks_in_any_order_and_number_end_in_the_same_state(stage: Stage, webhooks: str) -> None:
    order = await opened(stage)
    await stage.pay(order["razorpay_order_id"], webhooks=webhooks)
    await stage.until("SELECT status = 'captured' FROM payments")
    await stage.until("SELECT count(*) >= 3 FROM gateway_events WHERE outcome IS NOT NULL")
    assert await told(stage.database) == ["payment.secured", "payment.captured"]


async def test_forged_webhooks_move_nothing_and_the_poller_heals(stage: Stage) -> None:
    order = await opened(stage)
    await stage.pay(order["razorpay_order_id"], webhooks="forged")
    await poll_until(stage, "SELECT status = 'captured' FROM payments")
    assert await rows(stage.database, "SELECT count(*) FROM gateway_events") == [(0,)]


async def test_a_late_success_after_a_failure_is_taken_as_late(stage: Stage) -> None:
    order = await opened(stage)
    await stage.pay(order["razorpay_order_id"], outcome="late_success")
    await stage.until("SELECT status = 'captured' FROM payments")
    assert (await told(stage.database))[:2] == ["payment.failed", "payment.secured"]
    assert await rows(stage.database, "SELECT late FROM gateway_payments") == [(True,)]


async def test_another_amount_than_ours_is_a_case_and_secures_nothing(stage: Stage) -> None:
    order = await opened(stage)
    given = await stage.pay(order["razorpay_order_id"], amount_minor=100)
    await stage.until("SELECT count(*) = 1 FROM cases WHERE kind = 'amount-mismatch'")
    answer = await stage.verify(given)
    assert (answer.status_code, answer.json()["success"]) == (202, False)
    assert await told(stage.database) == []


async def test_a_webhook_that_comes_before_the_order_is_stored_is_joined_by_our_own_id(stage: Stage) -> None:
    order = await opened(stage)
    async with stage.database.transaction() as work:
        await work.execute("UPDATE gateway_orders SET gateway_order_id = NULL")
    await stage.pay(order["razorpay_order_id"])
    await stage.until("SELECT status = 'captured' FROM payments")
    assert await rows(stage.database, "SELECT gateway_order_id FROM payments") == [(order["razorpay_order_id"],)]


async def test_a_gateway_that_hangs_does_not_hold_verify_over_two_seconds(stage: Stage) -> None:
    order = await opened(stage)
    given = await stage.pay(order["razorpay_order_id"], webhooks="lost")
    await stage.fault("slow", times=None, until_seconds=10, delay_seconds=5)
    started = asyncio.get_running_loop().time()
    answer = await stage.verify(given)
    assert asyncio.get_running_loop().time() - started < 2
    assert (answer.status_code, answer.json()["success"]) == (202, False)


async def test_server_errors_make_create_order_say_503_and_a_repeat_goes_on(stage: Stage) -> None:
    token = checkout_token()
    await stage.fault("error_500", times=8)
    assert (await stage.create(token)).status_code == 503
    await stage.simulator.delete("/control/faults")
    answer = await stage.create(token)
    assert answer.status_code in (200, 201)
    assert len((await books(stage))["orders"]) == 1
