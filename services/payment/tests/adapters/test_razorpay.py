"""Razorpay's words and answers, as a table; and the breaker's single probe."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from uuid import UUID

import pytest

from services.payment.adapters.gateways.breaker import Breaker
from services.payment.adapters.gateways.port import (
    Away,
    Declined,
    Misconfigured,
    Rejected,
    Transient,
    Unknown,
    UnreadableEvent,
)
from services.payment.adapters.gateways.razorpay.calls import checked
from services.payment.adapters.gateways.razorpay.mapping import read_event
from services.payment.adapters.gateways.wire import Answer
from services.payment.domain.observation import RefundSeen, Seen
from services.payment.tests.samples import payment_entity, webhook

OURS = UUID("0199a1f2-6c1b-7c3a-9f43-2f6d7c8a9b01")


def error(**fields: Any) -> dict[str, Any]:
    """An error body."""
    return {"error": {"code": "BAD_REQUEST_ERROR", "description": "text", **fields}}


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (400, error(source="business", reason="input_validation_failed"), Rejected),
        (400, error(source="customer", reason="payment_cancelled"), Declined),
        (400, error(code="GATEWAY_ERROR"), Unknown),
        (401, error(), Misconfigured),
        (404, error(), Rejected),
        (409, error(), Transient),
        (429, {}, Transient),
        (500, error(code="SERVER_ERROR"), Unknown),
        (502, {}, Unknown),
        (200, error(), Unknown),
        (302, {}, Unknown),
    ],
)
def test_each_bad_answer_is_one_of_the_ports_errors(status: int, body: dict[str, Any], raised: type[Exception]) -> None:
    with pytest.raises(raised):
        checked(Answer(status, body))


def test_a_thing_that_tells_its_own_error_is_a_good_answer() -> None:
    transfer = {"id": "trf_1", "entity": "transfer", "error": {"code": None, "reason": None}}
    assert checked(Answer(200, transfer)) == transfer


@pytest.mark.parametrize(
    ("kind", "status", "change", "expected"),
    [
        ("payment.authorized", "authorized", {}, Seen.AUTHORIZED),
        ("payment.captured", "captured", {}, Seen.CAPTURED),
        ("payment.captured", "refunded", {}, Seen.CAPTURED),
        ("payment.failed", "failed", {"error_reason": "card_declined"}, Seen.FAILED),
        ("payment.captured", "refunded", {"captured": False}, Seen.VOIDED),
        ("payment.captured", "a_word_from_the_future", {}, Seen.PENDING),
        ("payment.authorized", "created", {}, Seen.PENDING),
    ],
)
def test_only_explicit_words_mean_success_or_failure(
    kind: str, status: str, change: dict[str, Any], expected: Seen
) -> None:
    (found,) = read_event(webhook(kind, payment_entity(OURS, status, **change)), "raw")
    assert (found.status, found.account, found.reason) == (expected, "acc_tests", change.get("error_reason"))


def test_an_order_paid_event_carries_our_id_from_the_orders_receipt() -> None:
    order = {"id": "order_1", "amount": 1, "currency": "INR", "receipt": OURS.hex, "notes": []}
    (found,) = read_event(webhook("order.paid", payment_entity(OURS), order=order), "raw")
    assert found.payment_id == OURS


def test_a_refund_event_carries_our_refund_id_and_the_capture_that_it_implies() -> None:
    refund = {
        "id": "rfnd_1",
        "amount": 5,
        "payment_id": "pay_1",
        "status": "processed",
        "receipt": OURS.hex,
        "notes": [],
    }
    (found,) = read_event(webhook("refund.processed", payment_entity(OURS, "refunded"), refund=refund), "raw")
    assert found.status is Seen.CAPTURED
    assert found.refund is not None
    assert (found.refund.refund_id, found.refund.status, found.refund.amount_minor) == (OURS, RefundSeen.PROCESSED, 5)


def test_the_automatic_return_of_uncaptured_money_is_a_void_and_no_refund() -> None:
    refund = {"id": "rfnd_1", "amount": 5, "payment_id": "pay_1", "status": "processed"}
    (found,) = read_event(
        webhook("refund.processed", payment_entity(OURS, "refunded", captured=False), refund=refund), ""
    )
    assert (found.status, found.refund) == (Seen.VOIDED, None)


@pytest.mark.parametrize(
    "change", [{"amount": "99900"}, {"amount": 99.9}, {"amount": -1}, {"id": ""}, {"order_id": None}]
)
def test_an_event_with_a_field_of_another_kind_is_unreadable(change: dict[str, Any]) -> None:
    with pytest.raises(UnreadableEvent):
        read_event(webhook("payment.captured", payment_entity(OURS, **change)), "raw")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"event":"payment.captured"}', b'{"event":5}', b"\xff", b"null"])
def test_a_body_that_says_nothing_of_ours_has_no_observations_or_is_unreadable(body: bytes) -> None:
    with contextlib.suppress(UnreadableEvent):
        assert read_event(body, "raw") == ()


async def test_the_breaker_opens_probes_with_one_call_and_closes() -> None:
    breaker, calls, gate = Breaker("probe-test", threshold=2, open_seconds=0.05), [], asyncio.Event()

    async def fail() -> None:
        raise Unknown("timeout")

    async def succeed() -> str:
        calls.append(1)
        await gate.wait()
        return "well"

    for _ in range(2):
        with pytest.raises(Unknown):
            await breaker.run(fail)
    with pytest.raises(Away):
        await breaker.run(succeed)
    opened_until = asyncio.get_running_loop().time() + 0.1
    while asyncio.get_running_loop().time() < opened_until:
        await asyncio.sleep(0.01)
    probes = [asyncio.create_task(breaker.run(succeed)) for _ in range(5)]
    while not calls:
        await asyncio.sleep(0)
    gate.set()
    results = await asyncio.gather(*probes, return_exceptions=True)
    assert [result for result in results if result == "well"] == ["well"]
    assert sum(isinstance(result, Away) for result in results) == 4
    assert await breaker.run(succeed) == "well"


async def test_refusals_do_not_open_the_breaker() -> None:
    breaker = Breaker("refusal-test", threshold=1, open_seconds=60)

    async def refuse() -> None:
        raise Rejected("input_validation_failed")

    for _ in range(3):
        with pytest.raises(Rejected):
            await breaker.run(refuse)
