"""Reconciliation against Razorpay's simulator: what we missed is mended, what can't be is a case with a proposed act."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.testing import Server
from services.payment.handlers.reconciliation import Reconciliation
from services.payment.tests.samples import AMOUNT, checkout_token, rows
from services.payment.tests.stage import Stage, staged

pytestmark = pytest.mark.db


@pytest.fixture
async def stage(postgres_server: Server) -> AsyncIterator[Stage]:
    """Payment with Razorpay's simulator; the poller does not run."""
    async with staged(postgres_server, payment_gateway_timeout_seconds=1.0) as made:
        yield made


async def bought(stage: Stage, webhooks: str = "normal") -> dict[str, Any]:
    """A purchase paid at the gateway, told of or not."""
    order: dict[str, Any] = (await stage.create(checkout_token())).json()
    await stage.pay(order["razorpay_order_id"], webhooks=webhooks)
    if webhooks == "normal":
        await stage.until("SELECT status = 'captured' FROM payments WHERE id = $1", order["payment_id"])
    return order


async def reconciled(stage: Stage, reason: str = "the books of today") -> dict[str, Any]:
    """A comparison of the last and the next hour, as an administrator asks for it and reads it."""
    period = {"since": _at(-3600), "until": _at(3600)}
    body = {"gateway": "razorpay", "reason": reason, **period}
    admin = stage.account("ada", "admin")
    asked = await stage.api.post("/api/v1/admin/reconciliation/runs", json=body, headers=admin)
    assert asked.status_code == 202, asked.text
    periodic = next(p for p in stage.application.periodics if p.name == "payment.reconciliation")
    assert isinstance(periodic.run.__self__, Reconciliation)  # type: ignore[attr-defined]
    while await periodic.run(stage.database):
        pass
    shown: dict[str, Any] = (await stage.api.get("/api/v1/admin/reconciliation", headers=admin)).json()
    run = next(run for run in shown["runs"] if run["id"] == asked.json()["run_id"])
    return {**run, "differences": [d for d in shown["differences"] if d["run_id"] == run["id"]]}


async def test_equal_books_have_no_differences(stage: Stage) -> None:
    await bought(stage)
    await bought(stage)
    await reconciled(stage, "fees are learned")
    run = await reconciled(stage)
    assert (run["compared"], run["mended"], run["differing"], run["failure"]) == (2, 0, 0, None)


async def test_a_payment_whose_webhooks_were_lost_is_mended(stage: Stage) -> None:
    order = await bought(stage, webhooks="lost")
    run = await reconciled(stage)
    assert {d["kind"] for d in run["differences"]} == {"missing_here"}
    assert all(d["mended"] for d in run["differences"])
    assert await rows(stage.database, "SELECT status, captured_minor FROM payments") == [("captured", AMOUNT)]
    assert (await reconciled(stage))["differences"] == []
    assert order["payment_id"]


async def test_the_fee_is_learned_from_the_gateways_book(stage: Stage) -> None:
    await bought(stage)
    # Each of Razorpay's three webhooks brings the fee; one that is still on its way would bring it again.
    await stage.until("SELECT count(handled_at) = 3 FROM gateway_events")
    async with stage.database.transaction() as work:
        await work.execute("UPDATE gateway_payments SET fee_minor = 0")
        await work.execute("UPDATE payments SET fee_minor = 0")
    run = await reconciled(stage)
    assert [(d["kind"], d["mended"]) for d in run["differences"]] == [("fee", True)]
    assert await rows(stage.database, "SELECT fee_minor FROM payments") == [(AMOUNT * 2 // 100,)]


async def test_a_refund_made_in_the_gateways_dashboard_is_booked(stage: Stage) -> None:
    order = await bought(stage)
    key, secret = "rzp_test_tests", "key-secret-of-the-tests"
    (payment,) = await rows(stage.database, "SELECT gateway_payment_id FROM payments")
    path = f"/razorpay/v1/payments/{payment[0]}/refund"
    answer = await stage.simulator.post(path, json={"amount": 5000}, auth=(key, secret))
    assert answer.status_code == 200
    await stage.until("SELECT refunded_minor = 5000 FROM payments WHERE id = $1", order["payment_id"])
    assert (await reconciled(stage))["differing"] == 0


async def test_money_that_the_gateway_does_not_have_is_a_case_with_a_proposed_act(stage: Stage) -> None:
    await bought(stage)
    await stage.simulator.post("/control/reset", json={})
    run = await reconciled(stage)
    assert [(d["kind"], d["mended"], d["theirs"]) for d in run["differences"]] == [("missing_there", False, "nothing")]
    assert await rows(stage.database, "SELECT kind FROM cases") == [("books-differ-missing-there",)]
    assert await rows(stage.database, "SELECT status FROM payments") == [("captured",)]


async def test_an_amount_that_differs_is_a_case_that_shows_the_money(stage: Stage) -> None:
    await bought(stage)
    async with stage.database.transaction() as work:
        await work.execute("UPDATE gateway_payments SET captured_minor = captured_minor - 1")
    run = await reconciled(stage)
    assert [(d["kind"], d["mended"]) for d in run["differences"]] == [("captured", False)]
    assert run["differences"][0]["proposed"]
    cases = await rows(stage.database, "SELECT kind, expected_minor, seen_minor FROM cases")
    assert cases == [("books-differ-captured", AMOUNT - 1, AMOUNT)]
    await reconciled(stage)
    assert len(await rows(stage.database, "SELECT 1 FROM cases")) == 1


async def test_only_administrators_ask_and_a_wrong_period_is_refused(stage: Stage) -> None:
    body = {"gateway": "razorpay", "since": _at(0), "until": _at(-10), "reason": "backwards"}
    path = "/api/v1/admin/reconciliation/runs"
    assert (await stage.api.post(path, json=body)).status_code == 401
    assert (await stage.api.post(path, json=body, headers=stage.account("o", "ops"))).status_code == 403
    admin = stage.account("ada", "admin")
    assert (await stage.api.post(path, json=body, headers=admin)).status_code == 422
    other = {**body, "until": _at(10), "gateway": "nobody"}
    assert (await stage.api.post(path, json=other, headers=admin)).status_code == 422
    assert await rows(stage.database, "SELECT 1 FROM reconciliation_runs") == []


async def test_the_daily_run_begins_by_itself_once(stage: Stage) -> None:
    periodic = next(p for p in stage.application.periodics if p.name == "payment.reconciliation")
    assert await periodic.run(stage.database) == 3
    assert await periodic.run(stage.database) == 0
    assert set(await rows(stage.database, "SELECT gateway, reason, ended_at IS NOT NULL FROM reconciliation_runs")) == {
        (gateway, "daily", True) for gateway in ("razorpay", "stripe", "phonepe")
    }


def _at(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
