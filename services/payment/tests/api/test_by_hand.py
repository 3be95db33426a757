"""Refunds and captures by hand: reasons, limits, second persons, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from chassis.ids import uuid7
from chassis.testing import Server
from services.payment.domain.observation import Seen
from services.payment.handlers.observations import Observing
from services.payment.tests.samples import AMOUNT, add_payment, rows, seen
from services.payment.tests.stage import Stage, staged

pytestmark = pytest.mark.db
LIMIT = 50_000


@pytest.fixture
async def stage(postgres_server: Server) -> AsyncIterator[Stage]:
    """Payment without a vendor."""
    async with staged(postgres_server, with_simulator=False, payment_second_person_minor=LIMIT) as made:
        yield made


async def captured(stage: Stage, status: Seen = Seen.CAPTURED) -> UUID:
    """A payment whose money was taken, or held."""
    payment_id = await add_payment(stage.database, collection="authorize_now")
    observing = Observing(stage.application.settings, stage.application.state["gateways"])  # type: ignore[arg-type]
    async with stage.database.transaction() as work:
        await observing.observe(work, [seen(payment_id, status)])
    return payment_id


async def act(
    stage: Stage, path: str, body: dict[str, Any] | None = None, who: str = "ada", role: str = "admin"
) -> Any:
    """An administrator's POST."""
    return await stage.api.post(f"/api/v1/admin/{path}", json=body or {}, headers=stage.account(who, role))


async def test_a_refund_by_hand_is_asked_for_with_its_reason_on_record(stage: Stage) -> None:
    payment_id = await captured(stage)
    answer = await act(stage, f"payments/{payment_id}/refunds", {"amount_minor": 1000, "reason": "a kind gesture"})
    assert answer.status_code == 202, answer.text
    assert await rows(stage.database, "SELECT amount_minor, reason FROM refunds") == [(1000, "a kind gesture")]
    assert ("ada", "refund", "a kind gesture") in await rows(stage.database, "SELECT actor, action, reason FROM audit")


async def test_above_the_limit_a_second_person_has_to_approve(stage: Stage) -> None:
    payment_id = await captured(stage)
    asked = await act(stage, f"payments/{payment_id}/refunds", {"amount_minor": LIMIT + 1, "reason": "a large one"})
    approval = asked.json()["approval_id"]
    assert await rows(stage.database, "SELECT 1 FROM refunds") == []
    shown = (await stage.api.get("/api/v1/admin/approvals", headers=stage.account("ada", "admin"))).json()["approvals"]
    assert [(item["id"], item["asked_by"], item["amount_minor"]) for item in shown] == [(approval, "ada", LIMIT + 1)]
    assert (await act(stage, f"approvals/{approval}/approve")).status_code == 403
    assert await rows(stage.database, "SELECT 1 FROM refunds") == []
    assert (await act(stage, f"approvals/{approval}/approve", who="grace")).status_code == 200
    assert (await act(stage, f"approvals/{approval}/approve", who="grace")).status_code == 409
    assert await rows(stage.database, "SELECT amount_minor FROM refunds") == [(LIMIT + 1,)]


async def test_a_refused_act_is_not_done(stage: Stage) -> None:
    payment_id = await captured(stage)
    asked = await act(stage, f"payments/{payment_id}/refunds", {"amount_minor": LIMIT + 1, "reason": "a large one"})
    assert (await act(stage, f"approvals/{asked.json()['approval_id']}/refuse", who="grace")).json()[
        "status"
    ] == "refused"
    assert await rows(stage.database, "SELECT 1 FROM refunds") == []


async def test_what_was_refunded_meanwhile_is_not_refunded_again_by_an_old_approval(stage: Stage) -> None:
    payment_id = await captured(stage)
    wanted = {"amount_minor": LIMIT + 1, "reason": "a large one"}
    first, second = [
        (await act(stage, f"payments/{payment_id}/refunds", wanted)).json()["approval_id"] for _ in range(2)
    ]
    assert (await act(stage, f"approvals/{first}/approve", who="grace")).status_code == 200
    assert (await act(stage, f"approvals/{second}/approve", who="grace")).status_code == 409
    assert await rows(stage.database, "SELECT amount_minor FROM refunds") == [(LIMIT + 1,)]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"amount_minor": 0, "reason": "nothing"}, 422),
        ({"amount_minor": -5, "reason": "negative"}, 422),
        ({"amount_minor": "100", "reason": "text"}, 422),
        ({"amount_minor": 10.5, "reason": "float"}, 422),
        ({"amount_minor": 100}, 422),
        ({"amount_minor": 100, "reason": "unknown field", "currency": "USD"}, 422),
        ({"amount_minor": AMOUNT + 1, "reason": "more than was paid"}, 409),
        ({"amount_minor": 10**16, "reason": "huge"}, 422),
    ],
)
async def test_a_bad_refund_is_refused_and_changes_nothing(stage: Stage, body: dict[str, Any], status: int) -> None:
    payment_id = await captured(stage)
    answer = await act(stage, f"payments/{payment_id}/refunds", body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert await rows(stage.database, "SELECT 1 FROM refunds") == []


async def test_only_administrators_act_and_only_on_what_is_there(stage: Stage) -> None:
    payment_id, wanted = await captured(stage), {"amount_minor": 100, "reason": "not allowed"}
    path = f"payments/{payment_id}/refunds"
    assert (await act(stage, path, wanted, role="ops")).status_code == 403
    assert (await act(stage, path, wanted, role="buyer")).status_code == 403
    assert (await stage.api.post(f"/api/v1/admin/{path}", json=wanted)).status_code == 401
    assert (await act(stage, f"payments/{uuid7()}/refunds", wanted)).status_code == 404
    assert (await act(stage, f"approvals/{uuid7()}/approve")).status_code == 404


async def test_a_capture_by_hand_makes_the_planned_one_due(stage: Stage) -> None:
    payment_id = await captured(stage, Seen.AUTHORIZED)
    assert (await act(stage, f"payments/{payment_id}/capture", {"reason": "it took place"})).status_code == 202
    assert await rows(stage.database, "SELECT capture_at <= now() FROM payments") == [(True,)]
    taken = await captured(stage)
    assert (await act(stage, f"payments/{taken}/capture", {"reason": "once more"})).status_code == 409


async def test_the_same_key_refunds_once(stage: Stage) -> None:
    payment_id = await captured(stage)
    headers = {**stage.account("ada", "admin"), "idempotency-key": "refund-of-the-day"}
    path, body = f"/api/v1/admin/payments/{payment_id}/refunds", {"amount_minor": 100, "reason": "once"}
    answers = [await stage.api.post(path, json=body, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(await rows(stage.database, "SELECT 1 FROM refunds")) == 1
