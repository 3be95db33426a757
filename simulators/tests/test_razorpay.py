"""The vendor's own SDK, unpatched but for its address, against the simulator; signatures computed independently."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import Any

import httpx2
import pytest
import razorpay

from chassis.testing import eventually
from simulators.tests.conftest import KEYS, Shop

ORDER = {"amount": 150000, "currency": "INR"}


def _client(base: str, secret: str = KEYS["RAZORPAY_KEY_SECRET"]) -> Any:
    return razorpay.Client(auth=(KEYS["RAZORPAY_KEY_ID"], secret), base_url=base)


async def _pay(base: str, order_id: str, **how: Any) -> dict[str, Any]:
    async with httpx2.AsyncClient() as client:
        answer: dict[str, Any] = (await client.post(f"{base}/control/razorpay/orders/{order_id}/pay", json=how)).json()
    return answer


async def test_the_sdk_makes_an_order_and_finds_its_payment_captured(base: str) -> None:
    sdk = _client(base)
    order = await asyncio.to_thread(sdk.order.create, {**ORDER, "receipt": "r-1"})
    triple = await _pay(base, order["id"])
    assert sdk.utility.verify_payment_signature(triple)
    message = f"{order['id']}|{triple['razorpay_payment_id']}".encode()
    expected = hmac.new(KEYS["RAZORPAY_KEY_SECRET"].encode(), message, hashlib.sha256).hexdigest()
    assert triple["razorpay_signature"] == expected
    payments = await asyncio.to_thread(sdk.order.payments, order["id"])
    assert [(p["status"], p["amount"]) for p in payments["items"]] == [("captured", 150000)]
    assert (await asyncio.to_thread(sdk.order.fetch, order["id"]))["status"] == "paid"


async def test_a_used_receipt_is_refused_and_its_order_is_found_by_it(base: str) -> None:
    sdk = _client(base)
    first = await asyncio.to_thread(sdk.order.create, {**ORDER, "receipt": "r-2"})
    with pytest.raises(razorpay.errors.BadRequestError, match="already been processed"):
        await asyncio.to_thread(sdk.order.create, {**ORDER, "receipt": "r-2"})
    found = await asyncio.to_thread(sdk.order.all, {"receipt": "r-2"})
    assert [order["id"] for order in found["items"]] == [first["id"]]


@pytest.mark.parametrize(
    "body", [{"amount": 99, "currency": "INR"}, {"amount": "x", "currency": "INR"}, {**ORDER, "receipt": "r" * 41}]
)
async def test_bad_orders_are_refused(base: str, body: dict[str, Any]) -> None:
    with pytest.raises(razorpay.errors.BadRequestError):
        await asyncio.to_thread(_client(base).order.create, body)


async def test_a_wrong_key_opens_nothing(base: str) -> None:
    with pytest.raises(razorpay.errors.BadRequestError, match="Authentication failed"):
        await asyncio.to_thread(_client(base, "wrong").order.create, ORDER)


async def test_manual_capture_takes_the_whole_amount_once(base: str) -> None:
    sdk = _client(base)
    order = await asyncio.to_thread(sdk.order.create, {**ORDER, "payment": {"capture": "manual"}})
    payment_id = (await _pay(base, order["id"]))["razorpay_payment_id"]
    assert (await asyncio.to_thread(sdk.payment.fetch, payment_id))["status"] == "authorized"
    with pytest.raises(razorpay.errors.BadRequestError, match="equal to the amount authorized"):
        await asyncio.to_thread(sdk.payment.capture, payment_id, 1, {"currency": "INR"})
    captured = await asyncio.to_thread(sdk.payment.capture, payment_id, 150000, {"currency": "INR"})
    assert captured["status"] == "captured"
    with pytest.raises(razorpay.errors.BadRequestError, match="already been captured"):
        await asyncio.to_thread(sdk.payment.capture, payment_id, 150000, {"currency": "INR"})


async def test_a_refund_key_refunds_once_and_never_more_than_was_captured(base: str) -> None:
    sdk = _client(base)
    order = await asyncio.to_thread(sdk.order.create, ORDER)
    payment_id = (await _pay(base, order["id"]))["razorpay_payment_id"]
    key = {"X-Refund-Idempotency": "refund-key-1234"}
    first = await asyncio.to_thread(sdk.payment.refund, payment_id, {"amount": 50000}, headers=key)
    again = await asyncio.to_thread(sdk.payment.refund, payment_id, {"amount": 50000}, headers=key)
    assert first["id"] == again["id"]
    with pytest.raises(razorpay.errors.BadRequestError, match="Different request body"):
        await asyncio.to_thread(sdk.payment.refund, payment_id, {"amount": 1}, headers=key)
    with pytest.raises(razorpay.errors.BadRequestError, match="greater than"):
        await asyncio.to_thread(sdk.payment.refund, payment_id, {"amount": 100001})
    assert (await asyncio.to_thread(sdk.payment.fetch, payment_id))["amount_refunded"] == 50000


async def _hooks(shop: Shop, order_id: str, count: int) -> list[tuple[dict[str, str], dict[str, Any]]]:
    async def mine() -> Any:
        found = [(headers, json.loads(body)) for headers, body in shop.received if order_id.encode() in body]
        return found if len(found) >= count else None

    found: list[tuple[dict[str, str], dict[str, Any]]] = await eventually(mine, 20, what=f"{count} webhooks")
    return found


async def test_webhooks_are_signed_and_come_again_until_they_are_taken(base: str, shop: Shop) -> None:
    order = await asyncio.to_thread(_client(base).order.create, ORDER)
    shop.refuse(order["id"], 1)
    await _pay(base, order["id"])
    hooks = await _hooks(shop, order["id"], 3)
    assert {body["event"] for _, body in hooks} == {"payment.authorized", "payment.captured", "order.paid"}
    raw = next(
        body
        for headers, body in shop.received
        if headers.get("x-razorpay-event-id") == hooks[0][0]["x-razorpay-event-id"]
    )
    expected = hmac.new(KEYS["RAZORPAY_WEBHOOK_SECRET"].encode(), raw, hashlib.sha256).hexdigest()
    assert hooks[0][0]["x-razorpay-signature"] == expected


async def test_twice_means_the_same_event_id_and_reordered_the_other_way_round(base: str, shop: Shop) -> None:
    sdk = _client(base)
    twice = await asyncio.to_thread(sdk.order.create, ORDER)
    await _pay(base, twice["id"], webhooks="twice")
    ids = [headers["x-razorpay-event-id"] for headers, _ in await _hooks(shop, twice["id"], 6)]
    assert sorted(ids[:3]) == sorted(ids[3:])
    other = await asyncio.to_thread(sdk.order.create, ORDER)
    await _pay(base, other["id"], webhooks="reordered")
    events = [body["event"] for _, body in await _hooks(shop, other["id"], 3)]
    assert events == ["order.paid", "payment.captured", "payment.authorized"]


async def test_drop_after_commit_changes_the_books_and_answers_nothing(base: str) -> None:
    merchant = (KEYS["RAZORPAY_KEY_ID"], KEYS["RAZORPAY_KEY_SECRET"])
    fault = {"vendor": "razorpay", "kind": "drop_after_commit", "route": "orders"}
    async with httpx2.AsyncClient(auth=merchant) as client:
        await client.post(f"{base}/control/faults", json=fault)
        try:
            lost = await client.post(f"{base}/razorpay/v1/orders", json={**ORDER, "receipt": "r-lost"})
            assert lost.status_code >= 500
        except httpx2.TransportError:
            pass
    async with httpx2.AsyncClient(auth=merchant) as client:
        found = (await client.get(f"{base}/razorpay/v1/orders", params={"receipt": "r-lost"})).json()
    assert found["count"] == 1


async def test_an_authorization_expires_when_the_clock_moves_past_its_window(base: str) -> None:
    sdk = _client(base)
    order = await asyncio.to_thread(sdk.order.create, {**ORDER, "payment": {"capture": "manual"}})
    payment_id = (await _pay(base, order["id"], webhooks="lost"))["razorpay_payment_id"]
    async with httpx2.AsyncClient() as client:
        await client.post(f"{base}/control/clock", json={"advance_seconds": 6 * 86_400})
        payment = await asyncio.to_thread(sdk.payment.fetch, payment_id)
        await client.post(f"{base}/control/clock", json={"advance_seconds": -6 * 86_400})
    assert (payment["status"], payment["captured"]) == ("refunded", False)


async def test_a_late_success_follows_a_failure(base: str, shop: Shop) -> None:
    order = await asyncio.to_thread(_client(base).order.create, ORDER)
    answer = await _pay(base, order["id"], outcome="late_success", delay_seconds=0.3)
    assert answer["error"]["reason"] == "payment_timed_out"
    hooks = await _hooks(shop, order["id"], 4)
    assert hooks[0][1]["event"] == "payment.failed"
    assert hooks[-1][1]["payload"]["payment"]["entity"]["late_authorized"] is True
