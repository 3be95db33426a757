"""Money for partners through the real adapters: sent once, followed to its end, undone when it comes back, seen by whom it concerns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from chassis.ids import uuid7
from chassis.testing import Server, eventually
from services.payment.tests.booked import sold
from services.payment.tests.payees import PAYEES, AtRazorpay, AtStripe, Payee
from services.payment.tests.samples import rows
from services.payment.tests.stage import KEYS, Stage, staged

pytestmark = [pytest.mark.db, pytest.mark.asyncio(loop_scope="module")]
CLOCK = ("payment.payouts", "payment.payout_checks")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(postgres_server: Server) -> AsyncIterator[Stage]:
    """Payment with the vendors; what is shared is released at once."""
    async with staged(
        postgres_server,
        payment_gateway_timeout_seconds=1.0,
        payment_breaker_failures=100,
        payment_payout_hold_seconds=0.0,
        payment_payout_check_seconds=0.2,
    ) as made:
        yield made


@pytest.fixture(params=PAYEES, ids=lambda payee: payee.gateway)
def payee(request: pytest.FixtureRequest) -> Payee:
    """The vendor that sends."""
    found: Payee = request.param
    return found


async def put(stage: Stage, partner_id: str, body: dict[str, Any], currency: str = "INR", role: str = "admin") -> Any:
    """PUT of a payout account."""
    path = f"/api/v1/admin/partners/{partner_id}/payout-accounts/{currency}"
    return await stage.api.put(path, json=body, headers=stage.account("ada", role))


def account(payee: Payee, **changed: str) -> dict[str, str]:
    """Where a partner's money goes; `changed` replaces fields."""
    return {"gateway": payee.gateway, "destination": payee.destination, "reason": "by contract", **changed}


async def tick(stage: Stage) -> None:
    """What the clock does, now."""
    for sql in ("payout_accounts SET next_batch_at = now()", "payouts SET check_at = now() WHERE check_at IS NOT NULL"):
        async with stage.database.transaction() as work:
            await work.execute(f"UPDATE {sql}")
    for name in CLOCK:
        await next(p for p in stage.application.periodics if p.name == name).run(stage.database)


async def earned(stage: Stage, payee: Payee, minor: int = 100_000) -> str:
    """A new partner with an account at `payee` and a sale of `minor`; their id."""
    partner_id = f"expert-{uuid7().hex[-12:]}"
    await payee.open(stage.simulator)
    assert (await put(stage, partner_id, account(payee))).status_code == 200
    await sold(stage, (minor, partner_id), gateway=payee.gateway)
    return partner_id


async def payouts_of(stage: Stage, partner_id: str) -> list[dict[str, Any]]:
    """Their payouts as staff see them, oldest first."""
    path = f"/api/v1/admin/payouts?partner_id={partner_id}"
    answer = await stage.api.get(path, headers=stage.account("o", "ops"))
    assert answer.status_code == 200, answer.text
    return list(answer.json()["payouts"])[::-1]


async def become(stage: Stage, partner_id: str, *states: str) -> list[dict[str, Any]]:
    """Wait until their payouts are in `states`, the clock running meanwhile."""

    async def there() -> bool:
        await tick(stage)
        return [payout["status"] for payout in await payouts_of(stage, partner_id)] == list(states)

    await eventually(there, 20, what=f"payouts {states}")
    return await payouts_of(stage, partner_id)


async def arrived(stage: Stage, payee: Payee, payout: dict[str, Any]) -> list[tuple[int, int]]:
    """What the vendor has for this payout: sent and returned, in its own books."""
    state = (await stage.simulator.get("/control/state")).json()
    return [(t.amount, t.returned) for t in payee.arrived(state) if t.payout_id == payout["id"]]


async def owed(stage: Stage, partner_id: str) -> int:
    """What is owed to them, by lines and by the ledger, which agree."""
    shown = (await stage.api.get("/api/v1/admin/partners", headers=stage.account("o", "ops"))).json()["partners"]
    (minor,) = [row["owed_minor"] for row in shown if row["partner_id"] == partner_id]
    sql = "SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_entries WHERE account = $1"
    assert await rows(stage.database, sql, f"partner:{partner_id}") == [(-minor,)]
    return int(minor)


async def test_a_partner_is_sent_their_share_and_nothing_twice(stage: Stage, payee: Payee) -> None:
    partner_id = await earned(stage, payee)
    (payout,) = await become(stage, partner_id, "paid")
    assert (payout["amount_minor"], payout["gateway"], payout["lines"]) == (80_000, payee.gateway, 1)
    await tick(stage)
    assert await arrived(stage, payee, payout) == [(80_000, 0)]
    assert await owed(stage, partner_id) == 0


@pytest.mark.parametrize("kind", ["drop_after_commit", "error_500", "malformed_json", "rate_limited", "unreachable"])
async def test_a_payout_whose_call_fails_on_the_way_is_sent_once_in_the_end(
    stage: Stage, payee: Payee, kind: str
) -> None:
    await stage.fault(kind, payee.gateway, times=2, route=payee.transfers_path, method="POST")
    partner_id = await earned(stage, payee)
    (payout,) = await become(stage, partner_id, "paid")
    assert await arrived(stage, payee, payout) == [(80_000, 0)]
    await stage.simulator.delete("/control/faults")


async def test_a_payout_that_comes_back_is_owed_again_and_waits_for_a_person(stage: Stage, payee: Payee) -> None:
    partner_id = await earned(stage, payee)
    (payout,) = await become(stage, partner_id, "paid")
    await payee.give_back(stage.simulator, payout["gateway_payout_id"], 30_000)
    await reconcile(stage, payee)
    assert (await payouts_of(stage, partner_id))[0]["returned_minor"] == 30_000
    assert await owed(stage, partner_id) == 30_000
    await payee.give_back(stage.simulator, payout["gateway_payout_id"])
    await reconcile(stage, payee)
    await become(stage, partner_id, "returned")
    assert await owed(stage, partner_id) == 80_000
    kinds = "SELECT kind FROM cases WHERE dedupe LIKE '%' || $1 || '%' ORDER BY opened_at"
    assert await rows(stage.database, kinds, payout["id"]) == [("payout-partly-returned",), ("payout-returned",)]
    assert (await put(stage, partner_id, account(payee))).json()["paused_reason"] is None
    await become(stage, partner_id, "returned", "paid")
    assert await owed(stage, partner_id) == 0


async def test_a_payout_that_fails_at_the_vendor_is_owed_again(stage: Stage) -> None:
    await stage.simulator.post("/control/razorpay/transfers/next", json={"state": "failed"})
    partner_id = await earned(stage, AtRazorpay())
    (payout,) = await become(stage, partner_id, "failed")
    assert payout["reason"]
    assert await owed(stage, partner_id) == 80_000
    answer = await stage.api.get("/api/v1/admin/partners", headers=stage.account("o", "ops"))
    (paused,) = [row["paused_reason"] for row in answer.json()["partners"] if row["partner_id"] == partner_id]
    assert payout["id"] in paused


async def test_an_account_that_the_vendor_does_not_know_is_refused_and_owed_again(stage: Stage) -> None:
    payee = AtStripe()
    partner_id = await earned(stage, payee)
    assert (await put(stage, partner_id, account(payee, destination="acct_1Nobody"))).status_code == 200
    await become(stage, partner_id, "failed")
    assert await owed(stage, partner_id) == 80_000


async def test_a_balance_that_is_too_low_is_waited_for(stage: Stage) -> None:
    await stage.simulator.post("/control/stripe/balance", json={"short": True})
    partner_id = await earned(stage, AtStripe())
    await become(stage, partner_id, "sent")

    async def waits() -> bool:
        sql = "SELECT 1 FROM tasks WHERE step = 'payment.payouts' AND key = $1 AND state = 'ready' AND attempts = 1"
        return bool(await rows(stage.database, sql, partner_id))

    await eventually(waits, what="the payout waits for its next try")
    assert await owed(stage, partner_id) == 0
    await stage.simulator.post("/control/stripe/balance", json={"short": False})
    async with stage.database.transaction() as work:
        await work.execute("UPDATE tasks SET due_at = now() WHERE key = $1", partner_id)
    (payout,) = await become(stage, partner_id, "paid")
    assert await arrived(stage, AtStripe(), payout) == [(80_000, 0)]


async def reconcile(stage: Stage, payee: Payee) -> dict[str, Any]:
    """Both books of the last and the next hour."""
    now = datetime.now(UTC)
    period = {"since": (now - timedelta(hours=1)).isoformat(), "until": (now + timedelta(hours=1)).isoformat()}
    admin = stage.account("ada", "admin")
    body = {"gateway": payee.gateway, "reason": "payouts", **period}
    asked = await stage.api.post("/api/v1/admin/reconciliation/runs", json=body, headers=admin)
    periodic = next(p for p in stage.application.periodics if p.name == "payment.reconciliation")
    while await periodic.run(stage.database):
        pass
    shown = (await stage.api.get("/api/v1/admin/reconciliation", headers=admin)).json()
    run: dict[str, Any] = next(run for run in shown["runs"] if run["id"] == asked.json()["run_id"])
    return {**run, "found": [d for d in shown["differences"] if d["run_id"] == run["id"] and "payout" in d["kind"]]}


async def test_a_transfer_that_nobody_here_made_is_found_by_the_comparison(stage: Stage) -> None:
    payee = AtRazorpay()
    await payee.open(stage.simulator)
    body = {"account": payee.destination, "amount": 12_300, "currency": "INR"}
    auth = (KEYS["RAZORPAY_KEY_ID"], KEYS["RAZORPAY_KEY_SECRET"])
    made = await stage.simulator.post("/razorpay/v1/transfers", json=body, auth=auth)
    assert made.status_code == 200, made.text
    found = [d for d in (await reconcile(stage, payee))["found"] if d["gateway_payment_id"] == made.json()["id"]]
    assert [(d["kind"], d["mended"]) for d in found] == [("payout_missing_here", False)]
    assert found[0]["proposed"]


@pytest.mark.parametrize(
    ("body", "currency"),
    [
        ({"gateway": "phonepe", "destination": "acc_PayfirstTest01"}, "INR"),
        ({"gateway": "nobody", "destination": "acc_PayfirstTest01"}, "INR"),
        ({"gateway": "razorpay", "destination": "acct_1PayfirstPartner1"}, "INR"),
        ({"gateway": "razorpay", "destination": "acc_PayfirstTest01"}, "USD"),
        ({"gateway": "razorpay", "destination": "acc_PayfirstTest01"}, "rupees"),
        ({"gateway": "razorpay", "destination": "acc_PayfirstTest01", "reason": ""}, "INR"),
        ({"gateway": "razorpay", "destination": "acc_Payfirst Test01"}, "INR"),
        ({"gateway": "razorpay", "destination": "acc_PayfirstTest01", "iban": "DE00"}, "INR"),
        ({"gateway": "razorpay", "destination": 5}, "INR"),
    ],
)
async def test_a_payout_account_that_cannot_be_is_refused(stage: Stage, body: dict[str, Any], currency: str) -> None:
    answer = await put(stage, "expert-bad", {"reason": "by contract", **body}, currency)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    assert await rows(stage.database, "SELECT 1 FROM payout_accounts WHERE partner_id = 'expert-bad'") == []


async def test_who_may_do_and_see_what(stage: Stage) -> None:
    payee = AtStripe()
    partner_id = await earned(stage, payee)
    for role in ("ops", "expert", "vendor", "buyer"):
        assert (await put(stage, partner_id, account(payee), role=role)).status_code == 403
    for path in ("payouts", "partners"):
        assert (await stage.api.get(f"/api/v1/admin/{path}", headers=stage.account("e", "expert"))).status_code == 403
        assert (await stage.api.get(f"/api/v1/admin/{path}")).status_code == 401
    await become(stage, partner_id, "paid")
    mine = await stage.api.get("/api/v1/payouts", headers=stage.account(partner_id, "expert"))
    assert [(p["partner_id"], p["amount_minor"]) for p in mine.json()["payouts"]] == [(partner_id, 80_000)]
    assert [p["paid_out_minor"] for p in mine.json()["partners"]] == [80_000]
    other = (await stage.api.get("/api/v1/payouts", headers=stage.account("expert-other", "expert"))).json()
    assert (other["payouts"], other["partners"]) == ([], [])
    assert (await stage.api.get("/api/v1/payouts", headers=stage.account(partner_id, "buyer"))).status_code == 403


async def test_a_pause_of_an_account_that_is_not_there_is_not_found(stage: Stage) -> None:
    path = "/api/v1/admin/partners/nobody/payout-accounts/INR/pause"
    answer = await stage.api.post(path, json={"reason": "because"}, headers=stage.account("ada", "admin"))
    assert answer.status_code == 404
