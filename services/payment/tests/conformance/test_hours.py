"""Ten simulated hours without one webhook, and hours with nothing but forged, doubled and reordered ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from services.payment.tests.conformance.purchase import Purchase
from services.payment.tests.conformance.vendors import AT, order_of
from services.payment.tests.samples import AMOUNT, rows

pytestmark = [pytest.mark.db, pytest.mark.asyncio(loop_scope="module")]
Make = Callable[..., Purchase]
HOUR_SECONDS = 3600


async def pass_an_hour(one: Purchase) -> None:
    """The vendors' clock goes on an hour, and ours: what our rows wait for comes an hour nearer."""
    await one.stage.simulator.post("/control/clock", json={"advance_seconds": HOUR_SECONDS})
    async with one.stage.database.transaction() as work:
        await work.execute(
            """UPDATE payments SET expires_at = expires_at - interval '1 hour', poll_at = poll_at - interval '1 hour',
                      capture_at = capture_at - interval '1 hour', capture_before = capture_before - interval '1 hour',
                      charge_at = charge_at - interval '1 hour', authorize_at = authorize_at - interval '1 hour'
               WHERE id IN (SELECT id FROM payments ORDER BY id FOR UPDATE)"""
        )
        await work.execute("UPDATE refunds SET check_at = check_at - interval '1 hour'")
    for name in ("payment.poll", "payment.captures_due", "payment.charges_due", "payment.refund_checks"):
        periodic = next(p for p in one.stage.application.periodics if p.name == name)
        while await periodic.run(one.stage.database):
            pass


async def test_without_any_webhook_for_ten_hours_every_payment_reaches_its_end(purchase: Make) -> None:
    """One paid, one declined, one whose bank decides after two hours, and one that nobody pays."""
    paid, declined, slow, left = [await purchase().open() for _ in range(4)]
    await paid.pay(webhooks="lost")
    await declined.pay("decline", webhooks="lost")
    await slow.pay("pending", webhooks="lost")
    try:
        for hour in range(10):
            await pass_an_hour(paid)
            if hour == 1:
                await settle(slow)
    finally:
        await paid.stage.simulator.post("/control/clock", json={"advance_seconds": -10 * HOUR_SECONDS})
    ends = [(await one.row("status"))[0] for one in (paid, declined, slow, left)]
    assert ends == ["captured", "expired", "captured", "expired"]
    for one in (paid, slow):
        await one.books_agree()
        assert (await one.told()).count("payment.secured") == 1
    for one in (declined, left):
        assert "payment.secured" not in await one.told()
        assert (await one.told()).count("payment.expired") == 1


async def settle(one: Purchase) -> None:
    """The bank says yes to what it kept open, and tells nobody."""
    order_id = await order_of(one.stage, str(one.payment_id))
    if one.vendor.name == "razorpay":
        state = (await one.stage.simulator.get("/control/state")).json()["razorpay"]
        attempt = next(p["id"] for p in state["payments"] if p["order_id"] == order_id)
        path, act = f"/control/razorpay/payments/{attempt}/settle", "authorize"
    else:
        path = one.vendor.control(order_id).removesuffix("pay") + "settle"
        act = "authorize" if one.vendor.name == "stripe" else "success"
    answer = await one.stage.simulator.post(path, json={"act": act, "webhooks": "lost"})
    assert answer.status_code == 200, answer.text


async def test_forged_doubled_and_reordered_webhooks_move_nothing_that_should_not(purchase: Make) -> None:
    made = [await purchase().open() for _ in range(6)]
    for number, one in enumerate(made):
        await one.pay(webhooks=("forged", "twice", "reordered")[number % 3])
    for _ in range(2):
        await pass_an_hour(made[0])
    await made[0].stage.simulator.post("/control/clock", json={"advance_seconds": -2 * HOUR_SECONDS})
    for one in made:
        await one.becomes("captured", ticking=True)
        await one.books_agree()
        assert await one.told() == ["payment.secured", "payment.captured"]
    sql = "SELECT count(*)::int FROM gateway_payments WHERE payment_id = $1 AND captured_minor = $2"
    for one in made:
        assert await rows(one.stage.database, sql, one.payment_id, AMOUNT) == [(1,)]
    assert made[0].vendor in AT
