"""PhonePe's refunds, late successes and webhooks, and that its books add up."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import httpx2
import pytest

from chassis.testing import eventually
from simulators.tests.conftest import KEYS, Shop
from simulators.tests.phonepe_calls import Merchant, control, fresh_id, heard, later, state

PROOF = hashlib.sha256(f"{KEYS['PHONEPE_WEBHOOK_USERNAME']}:{KEYS['PHONEPE_WEBHOOK_PASSWORD']}".encode()).hexdigest()


@pytest.fixture
def merchant(base: str) -> Merchant:
    """A merchant."""
    return Merchant(base)


async def test_a_refund_is_pending_confirmed_and_completed(base: str, merchant: Merchant, shop: Shop) -> None:
    order_id, refund_id = await merchant.paid(), fresh_id("refund")
    made = (await merchant.refund(order_id, 50000, refund_id)).json()
    assert (made["state"], made["amount"], made["refundId"][:3]) == ("PENDING", 50000, "OMR")
    hooks = await heard(shop, refund_id, 2)
    assert [event["event"] for _, _, event in hooks] == ["pg.refund.accepted", "pg.refund.completed"]
    payload = hooks[1][2]["payload"]
    assert (payload["merchantId"], payload["originalMerchantOrderId"], payload["state"]) == (
        "M_TESTS",
        order_id,
        "COMPLETED",
    )
    seen = await merchant.refund_status(refund_id)
    assert (seen["refundId"], seen["state"], seen["splitInstruments"][0]["amount"]) == (
        made["refundId"],
        "COMPLETED",
        50000,
    )


async def test_who_asks_about_a_refund_finds_it_ended_and_it_is_told_once(merchant: Merchant, shop: Shop) -> None:
    order_id, refund_id = await merchant.paid(), fresh_id("refund")
    await merchant.refund(order_id, 50000, refund_id)
    assert (await merchant.refund_status(refund_id))["state"] == "COMPLETED"
    await heard(shop, refund_id, 2)
    other = await merchant.paid()
    await merchant.refund(other, 100)
    await heard(shop, other, 3)  # later than the first one's own end would have been told
    assert len(await heard(shop, refund_id, 2)) == 2


@pytest.mark.parametrize(("rest", "resting"), [("WAITING", "CONFIRMED"), ("PENDING", "PENDING")])
@pytest.mark.parametrize("end", ["COMPLETED", "FAILED"])
async def test_a_refund_rests_until_the_tester_ends_it(
    base: str, merchant: Merchant, rest: str, resting: str, end: str
) -> None:
    order_id, refund_id = await merchant.paid(), fresh_id("refund")
    await control(base, "refunds/next", state=rest)
    await merchant.refund(order_id, 50000, refund_id)
    for _ in range(2):
        assert (await merchant.refund_status(refund_id))["state"] == resting
    ended = await control(base, f"refunds/{refund_id}/end", state=end, code="UPI_BACKBONE_ERROR")
    again = await control(base, f"refunds/{refund_id}/end", state="FAILED" if end == "COMPLETED" else "COMPLETED")
    assert (ended["state"], again["state"]) == (end, end)
    seen = await merchant.refund_status(refund_id)
    assert (seen["state"], seen.get("detailedErrorCode")) == (end, "UPI_BACKBONE_ERROR" if end == "FAILED" else None)


async def test_a_failed_refund_frees_its_money(base: str, merchant: Merchant) -> None:
    order_id, refund_id = await merchant.paid(), fresh_id("refund")
    await control(base, "refunds/next", state="FAILED")
    await merchant.refund(order_id, 150000, refund_id)
    seen = await merchant.refund_status(refund_id)
    assert (seen["state"], seen["errorCode"], seen["detailedErrorCode"]) == ("FAILED", "REFUND_BREACHED", "BF_034")
    assert (await merchant.refund(order_id, 150000)).status_code == 200


async def test_ten_refunds_at_once_never_exceed_the_order(base: str, merchant: Merchant) -> None:
    order_id = await merchant.paid()
    answers = await asyncio.gather(*(merchant.refund(order_id, 40000) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [400] * 7
    given = [r["amount"] for r in (await state(base))["refunds"] if r["originalMerchantOrderId"] == order_id]
    assert sum(given) == 120000


@pytest.mark.parametrize(
    "change",
    [{"amount": 99}, {"amount": "100"}, {"amount": True}, {"merchantRefundId": "a b"}, {"merchantRefundId": None}],
)
async def test_a_wrong_refund_is_a_bad_request(merchant: Merchant, change: dict[str, Any]) -> None:
    order_id = await merchant.paid()
    body = {"merchantRefundId": fresh_id("refund"), "originalMerchantOrderId": order_id, "amount": 100, **change}
    answer = await merchant.call("POST", "/payments/v2/refund", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
    assert answer.headers["x-simulated-reason"] == next(iter(change))


async def test_only_paid_orders_are_refunded_and_a_refund_id_is_good_once(merchant: Merchant) -> None:
    unpaid, _ = await merchant.order()
    assert (await merchant.refund(unpaid, 100)).json()["code"] == "BAD_REQUEST"
    assert (await merchant.refund("nobody", 100)).json()["code"] == "INVALID_MERCHANT_ORDER_ID"
    paid, refund_id = await merchant.paid(), fresh_id("refund")
    assert (await merchant.refund(paid, 100, refund_id)).status_code == 200
    assert (await merchant.refund(paid, 100, refund_id)).json()["code"] == "BAD_REQUEST"


async def test_webhooks_carry_the_static_proof_and_come_again_until_taken(
    merchant: Merchant, shop: Shop, base: str
) -> None:
    order_id, made = await merchant.order(metaInfo={"udf1": "booking-42"})
    shop.refuse(order_id, 1)
    await control(base, f"orders/{order_id}/pay")
    ((headers, _, event),) = await heard(shop, order_id, 1)
    assert headers["authorization"] == PROOF
    assert (event["event"], event["type"]) == ("checkout.order.completed", "CHECKOUT_ORDER_COMPLETED")
    payload = event["payload"]
    assert (payload["orderId"], payload["state"], payload["amount"]) == (made["orderId"], "COMPLETED", 150000)
    assert (payload["metaInfo"], len(payload["paymentDetails"])) == ({"udf1": "booking-42"}, 1)

    async def noted() -> bool:
        sent = [item for item in (await state(base))["webhooks"] if order_id in item["body"]]
        return [(item["attempts"], item["state"]) for item in sent] == [(2, "delivered")]

    # The shop has it before the sender has read the shop's answer.
    await eventually(noted, 10, what="the sender's note that the second try was taken")


async def test_forged_lost_and_doubled_webhooks(merchant: Merchant, shop: Shop, base: str) -> None:
    forged, lost, twice = [(await merchant.order())[0] for _ in range(3)]
    for order_id, how in ((lost, "lost"), (forged, "forged"), (twice, "twice")):
        await control(base, f"orders/{order_id}/pay", webhooks=how)
    ((headers, _, _),) = await heard(shop, forged, 1)
    assert headers["authorization"] != PROOF
    first, second = await heard(shop, twice, 2)
    assert first[1] == second[1]
    assert not [body for _, body in shop.received if f'"{lost}"'.encode() in body]
    (sent,) = [item for item in (await state(base))["webhooks"] if lost in item["body"]]
    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"{base}/control/webhooks/{sent['event_id']}/redeliver")
    assert answer.status_code == 200
    await heard(shop, lost, 1)


async def test_a_decline_that_leaves_the_order_open_is_not_told(merchant: Merchant, shop: Shop, base: str) -> None:
    order_id, _ = await merchant.order()
    await control(base, f"orders/{order_id}/pay", outcome="decline:Z9", leaves=False)
    await control(base, f"orders/{order_id}/pay")
    hooks = await heard(shop, order_id, 1)
    assert [event["event"] for _, _, event in hooks] == ["checkout.order.completed"]


async def test_a_cancelled_order_is_told_as_failed_with_its_reason(merchant: Merchant, shop: Shop, base: str) -> None:
    order_id, _ = await merchant.order()
    await control(base, f"orders/{order_id}/pay", outcome="decline:ORDER_CANCELLED_BY_USER")
    ((_, _, event),) = await heard(shop, order_id, 1)
    assert event["event"] == "checkout.order.failed"
    assert (event["payload"]["errorCode"], "errorContext" in event["payload"]) == ("TXN_CANCELLED", False)


async def test_a_late_success_comes_by_itself(merchant: Merchant, base: str) -> None:
    order_id, _ = await merchant.order()
    await control(base, f"orders/{order_id}/pay", outcome="late_success", delay_seconds=0.3)
    assert (await merchant.status(order_id))["state"] == "PENDING"

    async def there() -> bool:
        return bool((await merchant.status(order_id))["state"] == "COMPLETED")

    await eventually(there, 10, what="the late success")


async def test_when_the_clock_moves_an_order_expires_and_then_succeeds_late(
    merchant: Merchant, shop: Shop, base: str
) -> None:
    order_id, _ = await merchant.order(expireAfter=300)
    await control(base, f"orders/{order_id}/pay", outcome="late_success", delay_seconds=3000)
    async with later(base, 1000):
        assert (await state_of(base, order_id)) == "FAILED"
    async with later(base, 3001):
        assert (await state_of(base, order_id)) == "COMPLETED"
    hooks = await heard(shop, order_id, 2)
    assert [event["event"] for _, _, event in hooks] == ["checkout.order.failed", "checkout.order.completed"]


async def state_of(base: str, order_id: str) -> str:
    """The order's state in the vendor's books, without asking for it as a merchant would."""
    (order,) = [item for item in (await state(base))["orders"] if item["merchantOrderId"] == order_id]
    return str(order["state"])
