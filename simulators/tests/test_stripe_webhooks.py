"""Webhooks as the vendor sends them, checked by the vendor's SDK, and the buyer's outcomes that cause them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import stripe

from simulators.tests.conftest import Shop
from simulators.tests.stripe_calls import HELD, ORDER, SECRET, control, heard, later, paid, sdk, state
from simulators.webhooks import Delivery, Sender

CLIENT = stripe.StripeClient("sk_test_1")


def _signed(raw: bytes, headers: dict[str, str], secret: str = SECRET) -> stripe.Event:
    return CLIENT.construct_event(raw, headers["stripe-signature"], secret)


async def test_the_sdk_verifies_every_webhook_of_a_payments_life(base: str, shop: Shop) -> None:
    intents = sdk(base).payment_intents
    made = await intents.create_async({**HELD, "metadata": {"payment_id": "p-3"}})
    await intents.confirm_async(made.id, {"payment_method": "pm_card_visa"}, {"idempotency_key": "hook-confirm"})
    await intents.capture_async(made.id, {"amount_to_capture": 4000})
    await sdk(base).refunds.create_async({"payment_intent": made.id, "amount": 1000})
    hooks = await heard(shop, made.id, 7)
    events = [_signed(raw, headers) for headers, raw, _ in hooks]
    assert {event.type for event in events} == {
        *("charge.succeeded", "payment_intent.amount_capturable_updated", "charge.captured"),
        *("payment_intent.succeeded", "charge.refunded", "refund.created"),
    }
    capturable = next(event for event in events if event.type == "payment_intent.amount_capturable_updated")
    assert capturable.request is not None
    assert capturable.request.idempotency_key == "hook-confirm"
    assert capturable.data.object["metadata"]["payment_id"] == "p-3"
    assert (capturable.api_version, capturable.livemode) == ("2026-10-28.endive", False)


async def test_a_retry_is_signed_anew_and_keeps_its_id(base: str, shop: Shop) -> None:
    shop.refuse("a-retry", 2)
    intent = await paid(base, metadata={"note": "a-retry"})
    hooks = await heard(shop, intent.id, 2)
    for headers, raw, event in hooks:
        assert _signed(raw, headers).id == event["id"]
    sent = [item for item in (await state(base))["webhooks"] if intent.id in item["body"]]
    assert sum(item["attempts"] for item in sent) == 4


async def test_a_rolled_secret_signs_beside_the_old_one_for_a_day(base: str, shop: Shop) -> None:
    await control(base, "webhooks", roll_to="whsec_rolled")
    intent = await paid(base)
    headers, raw, _ = (await heard(shop, intent.id, 2))[0]
    assert _signed(raw, headers).id == _signed(raw, headers, "whsec_rolled").id
    async with later(base, 25 * 3600):
        after = await paid(base)
        headers, raw, _ = (await heard(shop, after.id, 2))[0]
    await control(base, "webhooks", roll_to=SECRET)
    with pytest.raises(stripe.SignatureVerificationError):
        _signed(raw, headers)
    assert _signed(raw, headers, "whsec_rolled").type


@pytest.mark.parametrize("mode", ["forged", "stale"])
async def test_forged_and_stale_webhooks_are_refused_by_the_sdk(base: str, shop: Shop, mode: str) -> None:
    made = await sdk(base).payment_intents.create_async(ORDER)
    await control(base, f"payment_intents/{made.id}/pay", webhooks=mode)
    for headers, raw, _ in await heard(shop, made.id, 2):
        with pytest.raises(stripe.SignatureVerificationError):
            _signed(raw, headers)
        if mode == "stale":
            assert CLIENT.construct_event(raw, headers["stripe-signature"], SECRET, tolerance=3600)


async def test_twice_has_the_same_event_ids_and_reordered_the_other_order(base: str, shop: Shop) -> None:
    intents = sdk(base).payment_intents
    twice, other = await intents.create_async(ORDER), await intents.create_async(ORDER)
    await control(base, f"payment_intents/{twice.id}/pay", webhooks="twice")
    ids = [event["id"] for _, _, event in await heard(shop, twice.id, 4)]
    assert sorted(ids[:2]) == sorted(ids[2:])
    await control(base, f"payment_intents/{other.id}/pay", webhooks="reordered")
    kinds = [event["type"] for _, _, event in await heard(shop, other.id, 2)]
    assert kinds == ["payment_intent.succeeded", "charge.succeeded"]


async def test_lost_webhooks_are_found_in_the_list_and_sent_again(base: str, shop: Shop) -> None:
    made = await sdk(base).payment_intents.create_async(ORDER)
    await control(base, f"payment_intents/{made.id}/pay", webhooks="lost")
    assert not [body for _, body in shop.received if made.id.encode() in body]
    events = (await sdk(base).events.list_async({"type": "payment_intent.succeeded", "limit": 5})).data
    event = next(item for item in events if item.data.object.id == made.id)
    await control(base, f"events/{event.id}/send")
    headers, raw, _ = (await heard(shop, made.id, 1))[0]
    assert _signed(raw, headers).id == event.id


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        ("success", "requires_capture", None),
        ("decline:insufficient_funds", "requires_payment_method", "card_declined"),
        ("decline:expired_card", "requires_payment_method", "expired_card"),
        ("decline", "requires_payment_method", "card_declined"),
        ("pending", "processing", None),
    ],
)
async def test_the_buyers_outcomes(base: str, outcome: str, status: str, code: str | None) -> None:
    made = await sdk(base).payment_intents.create_async(HELD)
    handed = await control(base, f"payment_intents/{made.id}/pay", outcome=outcome)
    assert (handed["payment_intent"], handed["status"]) == (made.id, status)
    assert handed["payment_intent_client_secret"] == made.client_secret
    assert handed.get("error", {}).get("code") == code
    assert (await sdk(base).payment_intents.retrieve_async(made.id)).status == status


async def test_a_buyer_who_leaves_changes_nothing(base: str) -> None:
    made = await sdk(base).payment_intents.create_async(ORDER)
    assert (await control(base, f"payment_intents/{made.id}/pay", outcome="dismiss"))["dismissed"] is True
    assert (await sdk(base).payment_intents.retrieve_async(made.id)).status == "requires_payment_method"


@pytest.mark.parametrize(("act", "end"), [("authorize", "succeeded"), ("fail", "requires_payment_method")])
async def test_a_pending_payment_is_settled_and_can_not_be_canceled_before(base: str, act: str, end: str) -> None:
    intents = sdk(base).payment_intents
    made = await intents.create_async(ORDER)
    await control(base, f"payment_intents/{made.id}/pay", outcome="pending")
    with pytest.raises(stripe.InvalidRequestError):
        await intents.cancel_async(made.id)
    await control(base, f"payment_intents/{made.id}/settle", act=act)
    assert (await intents.retrieve_async(made.id)).status == end


@pytest.mark.parametrize("way", ["settle", "clock", "delay"])
async def test_a_late_success_follows_a_failure(base: str, shop: Shop, way: str) -> None:
    made = await sdk(base).payment_intents.create_async(ORDER)
    delay = {"delay_seconds": 0.2} if way == "delay" else {}
    handed = await control(base, f"payment_intents/{made.id}/pay", outcome="late_success", **delay)
    assert (handed["redirect_status"], handed["error"]["code"]) == ("failed", "processing_error")
    if way == "settle":
        await control(base, f"payment_intents/{made.id}/settle")
    if way == "clock":
        async with later(base, 60):
            pass
    kinds = [event["type"] for _, _, event in await heard(shop, made.id, 4)]
    assert sorted(kinds) == [
        *("charge.failed", "charge.succeeded", "payment_intent.payment_failed", "payment_intent.succeeded"),
    ]
    assert (await sdk(base).payment_intents.retrieve_async(made.id)).status == "succeeded"


async def test_another_amount_than_the_orders_can_be_paid(base: str) -> None:
    made = await sdk(base).payment_intents.create_async(ORDER)
    await control(base, f"payment_intents/{made.id}/pay", amount_minor=4999)
    assert (await sdk(base).payment_intents.retrieve_async(made.id)).amount_received == 4999


async def test_the_end_of_an_authorization_is_told(base: str, shop: Shop) -> None:
    held = await paid(base, capture_method="manual")
    async with later(base, 7 * 86_400 + 1):
        told = await heard(
            shop, held.id, 2, lambda event: event["type"] in ("charge.expired", "payment_intent.canceled")
        )
    assert {event["type"] for _, _, event in told} == {"charge.expired", "payment_intent.canceled"}


async def test_disputes_refunds_and_transfers_are_told(base: str, shop: Shop) -> None:
    intent: Any = await paid(base, "pm_card_createDispute")
    kinds = {event["type"] for _, _, event in await heard(shop, intent.id, 4)}
    assert {"charge.dispute.created", "charge.dispute.funds_withdrawn"} <= kinds
    other = await paid(base, "pm_card_refundFail")
    refund = await sdk(base).refunds.create_async({"payment_intent": other.id})
    await control(base, f"refunds/{refund.id}/settle", act="fail")
    told = await heard(shop, refund.id, 3)
    assert {"refund.created", "refund.failed"} <= {event["type"] for _, _, event in told}
    order = {"amount": 400, "currency": "usd", "destination": "acct_1PayfirstPartner2"}
    transfer = await sdk(base).transfers.create_async(order)
    await sdk(base).transfers.reversals.create_async(transfer.id)
    moved = await heard(shop, transfer.id, 2)
    assert {event["type"] for _, _, event in moved} == {"transfer.created", "transfer.reversed"}


async def test_a_reset_sends_nothing_of_what_was_on_its_way() -> None:
    sender = Sender()
    sender.send([Delivery("evt-1", "paid", "http://127.0.0.1:9/hook", b"{}", {}, "stripe")], "late", 600)
    (sending,) = sender._tasks
    sender.forget()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(sending, 5)
    assert not sender.log
    assert not sender.redeliver("evt-1")
