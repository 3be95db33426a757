"""Conformance: capturing by plan, letting go, refunding, and equal books at every gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from chassis.testing import eventually
from services.payment.domain.capabilities import CaptureMode
from services.payment.tests.conformance.purchase import Purchase
from services.payment.tests.samples import AMOUNT, rows

pytestmark = [pytest.mark.db, pytest.mark.asyncio(loop_scope="module")]
Make = Callable[..., Purchase]
REPLY_LOST = "drop_after_commit"


def session(days: float = 1.0) -> dict[str, str]:
    """The claims of a session that ends in so many days and is captured after it."""
    ends = datetime.now(UTC) + timedelta(days=days)
    return {"capture_policy": "after_service", "service_ends_at": ends.isoformat()}


async def authorized(purchase: Make, **claims: str) -> Purchase | None:
    """A session's payment, authorized and waiting for its capture; None where the gateway has no such thing.

    A gateway that can't is not offered for a session: that is the scenario there.
    """
    one = purchase(**(claims or session()))
    answer = await one.create()
    if CaptureMode.MANUAL not in one.gateway.capabilities.capture_modes:
        assert answer.status_code == 409, answer.text
        assert await rows(one.stage.database, "SELECT 1 FROM payments WHERE booking_id = $1", one.booking_id) == []
        return None
    assert answer.status_code == 201, answer.text
    await one.pay()
    await one.becomes("authorized", ticking=True)
    return one


async def captured(purchase: Make) -> Purchase:
    """A payment whose money was taken."""
    one = await purchase().open()
    await one.pay()
    await one.becomes("captured", ticking=True)
    return one


async def test_a_session_is_authorized_and_its_capture_planned_before_the_deadline(purchase: Make) -> None:
    one = await authorized(purchase)
    if one is None:
        return
    capture_at, capture_before, status = await one.row("capture_at, capture_before, status")
    assert status == "authorized"
    assert capture_before is not None
    assert capture_at < capture_before
    assert abs(capture_at - datetime.now(UTC) - timedelta(days=1, minutes=30)) < timedelta(minutes=5)
    assert await one.told() == ["payment.secured"]
    assert [(t.captured, t.held) for t in await one.books()] == [(0, True)]


async def test_the_planned_capture_takes_the_money_once(purchase: Make) -> None:
    one = await authorized(purchase)
    if one is None:
        return
    await due(one)
    await one.becomes("captured", ticking=True)
    await one.tick()
    await one.books_agree()
    assert (await one.told()).count("payment.captured") == 1


@pytest.mark.parametrize("kind", [REPLY_LOST, "error_500", "malformed_json", "rate_limited", "unreachable"])
async def test_a_capture_that_fails_on_the_way_is_made_once_in_the_end(purchase: Make, kind: str) -> None:
    one = await authorized(purchase)
    if one is None:
        return
    await one.fault(kind, times=2, route="capture", method="POST")
    await due(one)
    await one.becomes("captured", ticking=True, seconds=30)
    await one.books_agree()


async def test_an_authorization_that_the_gateway_let_expire_is_seen_and_a_case(purchase: Make) -> None:
    one = await authorized(purchase)
    if one is None:
        return
    await one.stage.simulator.post("/control/clock", json={"advance_seconds": 8 * 86_400})
    try:
        await one.becomes("voided", ticking=True)
    finally:
        await one.stage.simulator.post("/control/clock", json={"advance_seconds": -8 * 86_400})
    assert (await one.row("captured_minor"))[0] == 0
    assert "authorization-lapsed" in await one.cases()


async def test_a_session_cancelled_before_its_capture_keeps_nothing(purchase: Make) -> None:
    one = await authorized(purchase)
    if one is None:
        return
    await one.owe(AMOUNT)
    await one.refunds_become(("succeeded", AMOUNT))
    await one.books_agree()
    (taken,) = await one.books()
    assert taken.captured == taken.refunded
    assert (taken.captured == 0) == one.gateway.capabilities.void
    assert await one.cases() == set()


async def test_a_session_cancelled_in_part_before_its_capture_keeps_the_rest(purchase: Make) -> None:
    one = await authorized(purchase)
    if one is None:
        return
    await one.owe(AMOUNT // 2)
    await one.refunds_become(("succeeded", AMOUNT // 2))
    await one.books_agree()
    (taken,) = await one.books()
    assert taken.captured - taken.refunded == AMOUNT - AMOUNT // 2
    assert (taken.refunded == 0) == one.gateway.capabilities.partial_capture


async def test_a_release_whose_reply_was_lost_is_made_once(purchase: Make) -> None:
    one = await authorized(purchase)
    if one is None:
        return
    await one.fault(REPLY_LOST, times=2, method="POST")
    await one.owe(AMOUNT)
    await one.refunds_become(("succeeded", AMOUNT))
    await one.books_agree()


async def test_a_session_beyond_what_can_be_held_is_saved_for_later_captured_now_or_not_offered(purchase: Make) -> None:
    one = purchase(**session(days=60))
    answer = await one.create()
    if CaptureMode.MANUAL not in one.gateway.capabilities.capture_modes:
        assert answer.status_code == 409
        return
    assert answer.status_code == 201, answer.text
    await one.pay()
    if one.gateway.capabilities.saves_methods:
        await one.becomes("method_saved", ticking=True)
        assert (await one.row("collection, authorized_minor, secured_at")) == ("save_method", 0, None)
        assert await one.books() == []
        return
    await one.becomes("captured", ticking=True)
    collection, why = await one.row("collection, plan_why")
    assert (collection, "refund policy" in why) == ("capture_now", True)


async def test_a_full_refund_goes_back_once_and_is_told(purchase: Make) -> None:
    one = await captured(purchase)
    await one.owe(AMOUNT)
    await one.owe(AMOUNT)
    await one.refunds_become(("succeeded", AMOUNT))
    await one.becomes("refunded", ticking=True)
    await one.books_agree()
    assert (await one.told()).count("refund.succeeded") == 1


async def test_refunds_in_parts_add_up(purchase: Make) -> None:
    one = await captured(purchase)
    await one.owe(30_000, "first")
    await one.owe(20_000, "second")
    await one.refunds_become(("succeeded", 30_000), ("succeeded", 20_000))
    await one.becomes("partially_refunded", ticking=True)
    await one.books_agree()


async def test_more_than_was_captured_is_never_asked_back(purchase: Make) -> None:
    one = await captured(purchase)
    await one.owe(AMOUNT - 100, "most")
    await one.refunds_become(("succeeded", AMOUNT - 100))
    await one.owe(200, "too-much")

    async def seen() -> bool:
        return "refund-impossible" in await one.cases()

    await eventually(seen, what="the case")
    assert await one.refunds() == [("succeeded", AMOUNT - 100)]
    await one.books_agree()


@pytest.mark.parametrize("kind", [REPLY_LOST, "error_500", "malformed_json", "rate_limited", "timeout_after_success"])
async def test_a_refund_that_fails_on_the_way_is_made_once_in_the_end(purchase: Make, kind: str) -> None:
    one = await captured(purchase)
    await one.fault(kind, times=1, route="refund", method="POST", delay_seconds=2.0)
    await one.owe(AMOUNT)
    await one.refunds_become(("succeeded", AMOUNT))
    await one.books_agree()


async def test_a_refund_that_takes_long_is_asked_about_until_it_ends(purchase: Make) -> None:
    one = await captured(purchase)
    await one.vendor.next_refund(one.stage, "pending")
    await one.owe(50_000)
    await one.refunds_become(("sent", 50_000))
    assert (await one.row("refunded_minor"))[0] == 0
    await one.vendor.end_refund(one.stage, "processed")
    await one.refunds_become(("succeeded", 50_000))
    await one.books_agree()


async def test_a_refund_that_fails_at_the_bank_is_told_and_a_case(purchase: Make) -> None:
    one = await captured(purchase)
    await one.vendor.next_refund(one.stage, "pending")
    await one.owe(50_000)
    await one.refunds_become(("sent", 50_000))
    await one.vendor.end_refund(one.stage, "failed")
    await one.refunds_become(("failed", 50_000))
    assert "refund.failed" in await one.told()
    assert "refund-failed" in await one.cases()
    await one.books_agree()


async def test_ten_refunds_owed_at_the_same_moment_never_exceed_the_captured_money(purchase: Make) -> None:
    one = await captured(purchase)
    await asyncio.gather(*(one.owe(AMOUNT // 4, f"part-{n}") for n in range(10)))
    part = ("succeeded", AMOUNT // 4)
    await one.refunds_become(part, part, part, part)
    await one.books_agree()
    assert AMOUNT % 4 == 0


async def test_the_books_agree_after_everything(purchase: Make) -> None:
    """Runs last in this file: every purchase above, compared with the vendor's own book by the product itself."""
    one = await captured(purchase)
    body = {
        "gateway": one.vendor.name,
        "since": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
        "until": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        "reason": "conformance",
    }
    admin = one.stage.account("ada", "admin")
    periodic = next(p for p in one.stage.application.periodics if p.name == "payment.reconciliation")
    for _ in range(2):
        asked = await one.stage.api.post("/api/v1/admin/reconciliation/runs", json=body, headers=admin)
        while await periodic.run(one.stage.database):
            pass
    shown = (await one.stage.api.get("/api/v1/admin/reconciliation", headers=admin)).json()
    run = next(run for run in shown["runs"] if run["id"] == asked.json()["run_id"])
    assert (run["failure"], run["differing"], run["mended"]) == (None, 0, 0), shown["differences"][-5:]
    assert run["compared"] > 5


async def due(one: Purchase) -> None:
    """Let the planned time of the capture come."""
    async with one.stage.database.transaction() as work:
        await work.execute("UPDATE payments SET capture_at = now() WHERE id = $1", one.payment_id)
