"""Conformance: opening, paying and proving a payment at every gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from chassis.testing import eventually
from services.payment.tests.conformance.purchase import Purchase
from services.payment.tests.conformance.vendors import AT, order_of
from services.payment.tests.samples import AMOUNT, rows

pytestmark = [pytest.mark.db, pytest.mark.asyncio(loop_scope="module")]
Make = Callable[..., Purchase]


async def test_an_order_carries_our_amount_and_the_browser_gets_what_it_needs(purchase: Make) -> None:
    one = await purchase().open()
    assert (one.opened["amount_minor"], one.opened["currency"], one.opened["status"]) == (AMOUNT, "INR", "created")
    needed = one.gateway.checkout_fields("order", {"client_secret": "s", "payment_url": "u"})
    assert set(needed) <= set(one.opened)
    assert all(one.opened[name] for name in needed)
    assert await rows(
        one.stage.database,
        "SELECT count(*)::int FROM gateway_orders o JOIN payments p ON p.id = o.payment_id"
        " WHERE p.booking_id = $1 AND o.created_at >= p.created_at",
        one.booking_id,
    ) == [(1,)]


async def test_the_same_checkout_gives_the_same_payment_and_the_same_page(purchase: Make) -> None:
    one = await purchase().open()
    again = await one.create()
    assert again.status_code == 200
    assert again.json() == one.opened


async def test_ten_at_once_make_one_order(purchase: Make) -> None:
    one = purchase()
    answers = await one.at_once(10)
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({answer.json()["payment_id"] for answer in answers}) == 1
    assert await rows(
        one.stage.database, "SELECT count(*)::int FROM gateway_orders WHERE payment_id = $1", one.payment_id
    ) == [(1,)]


@pytest.mark.parametrize("kind", ["error_500", "rate_limited", "malformed_json", "unreachable", "drop_after_commit"])
async def test_a_failing_gateway_is_said_at_once_and_the_repeat_is_payable(purchase: Make, kind: str) -> None:
    one = purchase()
    await one.fault(kind, times=12, until_seconds=20.0)
    refused = await one.create()
    assert refused.status_code in (201, 503), refused.text
    assert refused.headers["content-type"].startswith("application/" + ("json" if one.opened else "problem+json"))
    await one.stage.simulator.delete("/control/faults")
    assert (await one.create()).status_code in (200, 201)
    state = (await one.stage.simulator.get("/control/state")).json()[one.vendor.name]
    assert one.vendor.orders(state, one.payment_id) == 1
    await one.pay()
    await one.becomes("captured", ticking=True)
    await one.books_agree()
    assert len(await one.books()) == 1


async def test_a_currency_that_the_gateway_does_not_take_is_refused_before_any_row(purchase: Make) -> None:
    one = purchase(currency="KWD", amount_minor=12340)
    answer = await one.create()
    if one.gateway.capabilities.takes("KWD"):
        assert answer.status_code == 201, answer.text
        await one.pay()
        await one.becomes("captured", ticking=True)
        assert (await one.row("captured_minor, currency")) == (12340, "KWD")
    else:
        assert answer.status_code == 409
        assert await rows(one.stage.database, "SELECT 1 FROM payments WHERE booking_id = $1", one.booking_id) == []


async def test_paid_and_told_by_webhook(purchase: Make) -> None:
    one = await purchase().open()
    await one.pay()
    await one.becomes("captured", ticking=not one.gateway.capabilities.webhooks_prove)
    assert await one.told() == ["payment.secured", "payment.captured"]
    await one.books_agree()


async def test_paid_and_proved_by_the_browsers_return(purchase: Make) -> None:
    one = await purchase().open()
    answer = await one.verify(await one.pay(webhooks="lost"))
    assert answer.status_code in (200, 202)
    assert (answer.json()["success"], answer.json()["payment_status"]) == (True, "captured")
    await one.books_agree()


async def test_paid_and_found_by_the_poller(purchase: Make) -> None:
    one = await purchase().open()
    await one.pay(webhooks="lost")
    await one.becomes("captured", ticking=True)
    assert await one.told() == ["payment.secured", "payment.captured"]


@pytest.mark.parametrize("webhooks", ["twice", "reordered", "late"])
async def test_webhooks_in_any_manner_secure_once(purchase: Make, webhooks: str) -> None:
    one = await purchase().open()
    await one.pay(webhooks=webhooks, delay_seconds=0.2)
    await one.becomes("captured", ticking=True)
    await one.tick()
    assert await one.told() == ["payment.secured", "payment.captured"]
    assert (
        len(await rows(one.stage.database, "SELECT 1 FROM gateway_payments WHERE payment_id = $1", one.payment_id)) == 1
    )


async def test_webhook_verify_and_poll_at_the_same_moment_secure_once(purchase: Make) -> None:
    one = await purchase().open()
    given = await one.pay()
    await asyncio.gather(one.verify(given), one.tick(), one.verify(given), one.tick(), return_exceptions=False)
    await one.becomes("captured", ticking=True)
    assert await one.told() == ["payment.secured", "payment.captured"]


async def test_forged_webhooks_are_refused_and_move_nothing(purchase: Make) -> None:
    one = await purchase().open()
    await one.pay(webhooks="forged")

    async def refused() -> bool:
        sent = (await one.stage.simulator.get("/control/state")).json()[one.vendor.name]["webhooks"]
        order_id = await order_of(one.stage, str(one.payment_id))
        mine = [item for item in sent if order_id in item["body"]]
        return bool(mine) and all((item["status"], item["state"]) == (401, "given up") for item in mine)

    await eventually(refused, what="the forged webhooks refused")
    assert (await one.row("status"))[0] == "created"
    await one.becomes("captured", ticking=True)


async def test_a_decline_is_told_in_the_gateways_code_and_the_next_try_counts(purchase: Make) -> None:
    one = await purchase().open()
    await one.pay(
        "decline:" + {"stripe": "insufficient_funds", "phonepe": "Z9"}.get(one.vendor.name, "insufficient_fund")
    )
    await one.becomes("failed", ticking=True)
    assert await one.told() == ["payment.failed"]
    reasons = await rows(
        one.stage.database, "SELECT reason FROM gateway_payments WHERE payment_id = $1", one.payment_id
    )
    assert reasons[0][0] in ("insufficient_funds", "Z9", "insufficient_fund")
    again = await one.create()
    assert again.status_code in (200, 201), again.text
    await one.pay()
    await one.becomes("captured", ticking=True)
    await one.books_agree()
    assert await one.cases() == set()


async def test_a_buyer_who_leaves_the_checkout_moves_nothing(purchase: Make) -> None:
    one = await purchase().open()
    await one.pay("dismiss")
    await one.tick()
    assert (await one.row("status"))[0] == "created"
    assert await one.told() == []


async def test_a_payment_that_the_bank_keeps_open_is_pending_until_the_bank_decides(purchase: Make) -> None:
    one = await purchase().open()
    await one.pay("pending")
    await one.tick()
    assert (await one.row("status"))[0] in ("created", "pending")
    order_id = await order_of(one.stage, str(one.payment_id))
    if one.vendor.name == "razorpay":
        state = (await one.stage.simulator.get("/control/state")).json()["razorpay"]
        attempt = next(p["id"] for p in state["payments"] if p["order_id"] == order_id)
        path, body = f"/control/razorpay/payments/{attempt}/settle", {"act": "authorize"}
    else:
        path = one.vendor.control(order_id).removesuffix("pay") + "settle"
        body = {"act": "authorize" if one.vendor.name == "stripe" else "success"}
    answer = await one.stage.simulator.post(path, json=body)
    assert answer.status_code == 200, answer.text
    await one.becomes("captured", ticking=True)


async def test_a_success_after_the_deadline_is_a_late_one_and_counts(purchase: Make) -> None:
    one = await purchase().open()
    async with one.stage.database.transaction() as work:
        await work.execute("UPDATE payments SET expires_at = now() - interval '1 second' WHERE id = $1", one.payment_id)
    await one.becomes("expired", ticking=True)
    await one.pay()
    await one.becomes("captured", ticking=True)
    trail = await rows(
        one.stage.database,
        "SELECT reason FROM payment_transitions WHERE payment_id = $1 AND from_status = 'expired'",
        one.payment_id,
    )
    assert trail == [("late_authorization",)]
    assert await one.told() == ["payment.expired", "payment.secured", "payment.captured"]


async def test_another_amount_than_ours_secures_nothing_and_is_a_case(purchase: Make) -> None:
    one = await purchase().open()
    await one.pay(amount_minor=AMOUNT // 2)

    async def seen() -> bool:
        await one.tick()
        return "amount-mismatch" in await one.cases()

    await eventually(seen, what="the case")
    assert await one.told() == []
    assert (await one.row("captured_minor"))[0] == 0


async def test_somebody_elses_return_proves_nothing(purchase: Make) -> None:
    mine, theirs = await purchase().open(), await purchase().open()
    paid = await theirs.pay(webhooks="lost")
    given = theirs.vendor.given(paid, str(theirs.payment_id))
    forged = {name: "0" * 64 for name in given if name.endswith("signature")}
    if forged:
        answer = await theirs.verify(paid, **forged)
        assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (400, "signature-invalid")
        swapped = await theirs.verify(paid, razorpay_order_id=await order_of(mine.stage, str(mine.payment_id)))
        assert swapped.status_code == 400
    assert (await mine.row("status"))[0] == "created"
    unknown = {
        name: ("pi_unknown" if name != "payment_id" else mine.booking_id) for name in given if "signature" not in name
    }
    if len(unknown) == 1:
        answer = await mine.stage.api.post("/api/v1/payments/public/verify", json=unknown)
        assert answer.status_code == 404, answer.text


async def test_a_gateway_that_hangs_holds_verify_no_longer_than_two_seconds(purchase: Make) -> None:
    one = await purchase().open()
    paid = await one.pay(webhooks="lost")
    await one.fault("slow", times=None, until_seconds=10.0, delay_seconds=5.0)
    started = asyncio.get_running_loop().time()
    answer = await one.verify(paid)
    assert asyncio.get_running_loop().time() - started < 2
    assert (answer.status_code, answer.json()["success"]) == (202, False)
    await one.stage.simulator.delete("/control/faults")
    await one.becomes("captured", ticking=True)


async def test_paying_twice_at_two_gateways_keeps_one_and_gives_the_other_back(purchase: Make) -> None:
    one = await purchase().open()
    elsewhere = next(vendor for vendor in AT if vendor.name != one.vendor.name)
    other = await Purchase(one.stage, elsewhere, one.booking_id).open()
    await one.pay()
    await one.becomes("captured", ticking=True)
    await other.pay()
    await other.refunds_become(("succeeded", AMOUNT))
    await one.books_agree()
    assert (await one.row("refunded_minor"))[0] == 0
    assert [t.refunded for t in await other.books()] == [AMOUNT]
    assert "second-payment" in await one.cases()
    assert (await one.told()).count("payment.secured") == 1
