"""What PhonePe takes in a pay request and what it refuses, field by field (gateways.md 3.3)."""

from __future__ import annotations

from typing import Any

import pytest

from simulators.tests.phonepe_calls import Merchant, pay_body, state

BAD_REQUEST = {"code": "BAD_REQUEST", "message": "Please check the inputs you have provided."}
FLOW = pay_body()["paymentFlow"]
CARD = {"type": "CARD"}


@pytest.fixture
def merchant(base: str) -> Merchant:
    """A merchant."""
    return Merchant(base)


def _flow(**fields: Any) -> dict[str, Any]:
    return {**FLOW, **fields}


def _modes(**config: Any) -> dict[str, Any]:
    return {"paymentFlow": _flow(paymentModeConfig=config)}


@pytest.mark.parametrize(
    "fields",
    [
        {"merchantOrderId": ...},
        {"merchantOrderId": ""},
        {"merchantOrderId": "x" * 64},
        {"merchantOrderId": "order 1"},
        {"merchantOrderId": "order.1\n"},
        {"merchantOrderId": 5},
        {"amount": ...},
        {"amount": 99},
        {"amount": -100},
        {"amount": "150000"},
        {"amount": 1500.0},
        {"amount": True},
        {"expireAfter": 299},
        {"expireAfter": 3601},
        {"expireAfter": "1200"},
        {"expireAfter": True},
        {"disablePaymentRetry": "yes"},
        {"metaInfo": "text"},
        {"metaInfo": {"udf16": "x"}},
        {"metaInfo": {"order": "x"}},
        {"metaInfo": {"udf1": 5}},
        {"metaInfo": {"udf1": "x" * 257}},
        {"metaInfo": {"udf11": "x" * 51}},
        {"metaInfo": {"udf11": "semi;colon"}},
        {"paymentFlow": ...},
        {"paymentFlow": "PG_CHECKOUT"},
        {"paymentFlow": _flow(type="PG")},
        {"paymentFlow": _flow(message=5)},
        {"paymentFlow": _flow(merchantUrls={})},
        {"paymentFlow": _flow(merchantUrls={"redirectUrl": "javascript:alert(1)"})},
        {"paymentFlow": _flow(merchantUrls={"redirectUrl": "/back"})},
        {"paymentFlow": _flow(merchantUrls={"redirectUrl": "http://[::1"})},
        {"paymentFlow": _flow(paymentModeConfig=[])},
        _modes(enabledPaymentModes=[CARD], disabledPaymentModes=[CARD]),
        _modes(enabledPaymentModes=[]),
        _modes(enabledPaymentModes=[{"type": "CHEQUE"}]),
        _modes(enabledPaymentModes=["CARD"]),
        _modes(enabledPaymentModes={"type": "CARD"}),
        _modes(enabledPaymentModes=[{**CARD, "cardTypes": ["GIFT_CARD"]}]),
        _modes(
            disabledPaymentModes=[{"type": t} for t in ("CARD", "NET_BANKING", "UPI_QR", "UPI_COLLECT", "UPI_INTENT")]
        ),
    ],
)
async def test_each_wrong_field_is_a_bad_request_and_makes_nothing(
    base: str, merchant: Merchant, fields: dict[str, Any]
) -> None:
    before = len((await state(base))["orders"])
    answer = await merchant.call("POST", "/checkout/v2/pay", json=pay_body(**fields))
    assert (answer.status_code, answer.json()) == (400, BAD_REQUEST)
    assert next(iter(fields)) in answer.headers["x-simulated-reason"]
    assert len((await state(base))["orders"]) == before


@pytest.mark.parametrize(
    "fields",
    [
        {"merchantOrderId": "x" * 60 + "_-9"},
        {"amount": 100},
        {"expireAfter": 300},
        {"expireAfter": 3600},
        {"expireAfter": None, "metaInfo": None, "disablePaymentRetry": None},
        {"metaInfo": {"udf1": "ü" * 256, "udf15": "a_-+@. Z9"}},
        {"paymentFlow": _flow(message=None, paymentModeConfig=None)},
        _modes(enabledPaymentModes=[{**CARD, "cardTypes": ["DEBIT_CARD"]}], disabledPaymentModes=None),
        _modes(disabledPaymentModes=[{"type": "NET_BANKING"}]),
        {"somethingNew": 1},
    ],
)
async def test_what_is_at_the_edge_of_the_rules_is_taken(merchant: Merchant, fields: dict[str, Any]) -> None:
    order_id, answer = await merchant.order(**fields)
    assert set(answer) == {"orderId", "state", "expireAt", "redirectUrl"}
    assert (await merchant.status(order_id))["state"] == "PENDING"


async def test_a_body_that_is_no_object_is_a_bad_request(merchant: Merchant) -> None:
    for content in (b"", b"[]", b"{", b"null", b"\xff"):
        answer = await merchant.call("POST", "/checkout/v2/pay", content=content)
        assert (answer.status_code, answer.json()) == (400, BAD_REQUEST)


async def test_a_used_order_id_is_refused_and_is_no_replay(base: str, merchant: Merchant) -> None:
    body = pay_body()
    assert (await merchant.call("POST", "/checkout/v2/pay", json=body)).status_code == 200
    for again in (body, {**body, "amount": 100}):
        answer = await merchant.call("POST", "/checkout/v2/pay", json=again)
        assert (answer.status_code, answer.json()) == (400, BAD_REQUEST)
    mine = [o for o in (await state(base))["orders"] if o["merchantOrderId"] == body["merchantOrderId"]]
    assert [order["amount"] for order in mine] == [150000]
