"""PhonePe's token, orders and attempts, as its documentation describes them (the SDK's own view: `test_phonepe_sdk`)."""

from __future__ import annotations

import contextlib

import httpx2
import pytest

from simulators.tests.phonepe_calls import FORM, SHOP, Merchant, control, fresh_id, later, pay_body, state

FLOW = pay_body()["paymentFlow"]
DEBIT = {"type": "CARD", "cardTypes": ["DEBIT_CARD"]}
BAD_REQUEST = {"code": "BAD_REQUEST", "message": "Please check the inputs you have provided."}


@pytest.fixture
def merchant(base: str) -> Merchant:
    """A merchant."""
    return Merchant(base)


async def test_a_token_is_given_for_an_hour_of_the_vendors_clock(base: str, merchant: Merchant) -> None:
    given = (await merchant.token()).json()
    assert given["expires_at"] - given["issued_at"] == 3600
    assert (given["token_type"], given["expires_in"]) == ("O-Bearer", None)
    order_id, _ = await merchant.order()
    path = f"/checkout/v2/order/{order_id}/status"
    async with later(base, 3599 - 60):
        assert (await merchant.call("GET", path)).status_code == 200
    async with later(base, 3601):
        answer = await merchant.call("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (401, "AUTHORIZATION_FAILED")


@pytest.mark.parametrize("field", ["client_id", "client_secret", "client_version"])
async def test_wrong_credentials_get_no_token(merchant: Merchant, field: str) -> None:
    for wrong in ("", FORM[field] + "x", "é"):
        answer = await merchant.token(**{field: wrong})
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_CLIENT")
    assert (await merchant.token(grant_type="password")).json() == BAD_REQUEST


async def test_without_a_good_token_nothing_is_done(base: str, merchant: Merchant) -> None:
    body = pay_body()
    token = (await merchant.token()).json()["access_token"]
    async with httpx2.AsyncClient() as client:
        for header in ("", token, f"Bearer {token}", "O-Bearer", f"O-Bearer {token}x"):
            given = {"Authorization": header}
            answer = await client.post(f"{base}/phonepe/checkout/v2/pay", json=body, headers=given)
            assert answer.status_code == 401
            assert (await client.get(f"{base}/phonepe/payments/v2/refund/r/status", headers=given)).status_code == 401
    assert body["merchantOrderId"] not in {order["merchantOrderId"] for order in (await state(base))["orders"]}


async def test_drop_after_commit_makes_the_order_and_answers_nothing(base: str, merchant: Merchant) -> None:
    body = pay_body()
    await merchant.status(await merchant.paid())  # the token is there before the fault
    fault = {"vendor": "phonepe", "kind": "drop_after_commit", "route": "checkout/v2/pay"}
    async with httpx2.AsyncClient() as client:
        await client.post(f"{base}/control/faults", json=fault)
    with contextlib.suppress(httpx2.TransportError):
        lost = await merchant.call("POST", "/checkout/v2/pay", json=body)
        assert lost.status_code >= 500
    assert (await merchant.status(body["merchantOrderId"]))["state"] == "PENDING"


@pytest.mark.parametrize(("kind", "status"), [("error_500", 500), ("rate_limited", 429)])
async def test_a_failing_vendor_fails_in_its_own_words(base: str, merchant: Merchant, kind: str, status: int) -> None:
    order_id, _ = await merchant.order()
    async with httpx2.AsyncClient() as client:
        await client.post(f"{base}/control/faults", json={"vendor": "phonepe", "kind": kind, "route": "status"})
    answer = await merchant.call("GET", f"/checkout/v2/order/{order_id}/status")
    assert (answer.status_code, set(answer.json())) == (status, {"code", "message"})


async def test_a_paid_order_shows_how_it_was_paid_and_costs_no_fee(base: str, merchant: Merchant) -> None:
    order_id, made = await merchant.order(metaInfo={"udf1": "booking-42"})
    await control(base, f"orders/{order_id}/pay", payment_mode="UPI_COLLECT")
    seen = await merchant.status(order_id)
    assert (seen["orderId"], seen["state"], seen["expireAt"]) == (made["orderId"], "COMPLETED", made["expireAt"])
    assert (seen["amount"], seen["payableAmount"], seen["feeAmount"], seen["currency"]) == (150000, 150000, 0, "INR")
    assert seen["metaInfo"] == {"udf1": "booking-42"}
    (paid,) = seen["paymentDetails"]
    assert paid["transactionId"].startswith("OM")
    assert (paid["paymentMode"], paid["rail"]["type"], paid["instrument"]["type"]) == ("UPI_COLLECT", "UPI", "ACCOUNT")
    assert paid["splitInstruments"] == [{"rail": paid["rail"], "instrument": paid["instrument"], "amount": 150000}]
    assert "merchantOrderId" not in seen
    books = await state(base)
    (payment,) = [item for item in books["payments"] if item["merchantOrderId"] == order_id]
    assert (payment["amount"], payment["currency"], payment["feeAmount"], payment["state"]) == (
        150000,
        "INR",
        0,
        "COMPLETED",
    )


async def test_a_decline_leaves_the_order_open_until_the_third(base: str, merchant: Merchant) -> None:
    order_id, _ = await merchant.order()
    for code in ("Z9", "ZM"):
        await control(base, f"orders/{order_id}/pay", outcome=f"decline:{code}", leaves=False)
        seen = await merchant.status(order_id, errorContext="true")
        assert (seen["state"], "errorCode" in seen, "errorContext" in seen) == ("PENDING", False, False)
        assert seen["paymentDetails"][0]["detailedErrorCode"] == code
    await control(base, f"orders/{order_id}/pay", outcome="decline:U69", leaves=False)
    seen = await merchant.status(order_id, details="true")
    assert (seen["state"], seen["errorCode"], seen["detailedErrorCode"]) == ("FAILED", "REQUEST_TIME_OUT", "U69")
    assert [attempt["detailedErrorCode"] for attempt in seen["paymentDetails"]] == ["Z9", "ZM", "U69"]
    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"{base}/control/phonepe/orders/{order_id}/pay", json={})
    assert (answer.status_code, answer.json()["code"]) == (417, "ORDER_NOT_PAYABLE")


async def test_with_retries_disabled_the_first_decline_ends_the_order(base: str, merchant: Merchant) -> None:
    order_id, _ = await merchant.order(disablePaymentRetry=True)
    await control(base, f"orders/{order_id}/pay", outcome="decline:Z9", leaves=False)
    assert (await merchant.status(order_id))["state"] == "FAILED"


@pytest.mark.parametrize(
    ("code", "error_code", "stage"),
    [
        ("Z9", "INSUFFICIENT_BALANCE", "AUTHORIZATION"),
        ("ZM", "INVALID_MPIN", "AUTHENTICATION"),
        ("XP", "TXN_BLOCKED", "AUTHORIZATION"),
        ("YE", "ACCOUNT_BLOCKED", "AUTHORIZATION"),
        ("S96", "BANK_TECHNICAL_ISSUE", "AUTHORIZATION"),
        ("ORDER_CANCELLED_BY_USER", "TXN_CANCELLED", "PRE_AUTHENTICATION"),
        ("INTERNAL_SECURITY_BLOCK_3", "INTERNAL_SECURITY_BLOCK_3", "PRE_AUTHENTICATION"),
        ("A_CODE_OF_TOMORROW", "PAYMENT_ERROR", "AUTHORIZATION"),
    ],
)
async def test_a_declined_order_says_why(base: str, merchant: Merchant, code: str, error_code: str, stage: str) -> None:
    order_id, _ = await merchant.order()
    handed = await control(base, f"orders/{order_id}/pay", outcome=f"decline:{code}")
    seen = await merchant.status(order_id, errorContext="true")
    assert (seen["state"], seen["errorCode"], seen["detailedErrorCode"]) == ("FAILED", error_code, code)
    assert seen["errorContext"] == handed["error"]
    assert (seen["errorContext"]["stage"], bool(seen["errorContext"]["description"])) == (stage, True)
    assert "errorContext" not in await merchant.status(order_id)


@pytest.mark.parametrize("outcome", ["", "win", "decline:insufficient_funds", "decline:"])
async def test_an_outcome_that_nobody_knows_is_refused(base: str, merchant: Merchant, outcome: str) -> None:
    order_id, _ = await merchant.order()
    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"{base}/control/phonepe/orders/{order_id}/pay", json={"outcome": outcome})
    assert answer.status_code == (200 if outcome == "decline:" else 400)


async def test_a_mode_that_is_not_offered_can_not_be_paid_with(base: str, merchant: Merchant) -> None:
    order_id, _ = await merchant.order(paymentFlow={**FLOW, "paymentModeConfig": {"enabledPaymentModes": [DEBIT]}})
    async with httpx2.AsyncClient() as client:
        for wrong in ({"payment_mode": "UPI_QR"}, {"payment_mode": "CARD", "card_type": "CREDIT_CARD"}):
            answer = await client.post(f"{base}/control/phonepe/orders/{order_id}/pay", json=wrong)
            assert (answer.status_code, answer.json()["code"]) == (400, "MODE_NOT_OFFERED")
    await control(base, f"orders/{order_id}/pay", payment_mode="CARD")
    assert (await merchant.status(order_id))["state"] == "COMPLETED"


async def test_leaving_the_page_moves_nothing(base: str, merchant: Merchant) -> None:
    order_id, _ = await merchant.order()
    handed = await control(base, f"orders/{order_id}/pay", outcome="dismiss")
    assert (handed["dismissed"], handed["redirect_url"]) == (True, SHOP)
    assert (await merchant.status(order_id))["paymentDetails"] == []


@pytest.mark.parametrize(("act", "state_after"), [("success", "COMPLETED"), ("fail", "FAILED")])
async def test_a_pending_attempt_waits_for_the_bank(base: str, merchant: Merchant, act: str, state_after: str) -> None:
    order_id, _ = await merchant.order()
    await control(base, f"orders/{order_id}/pay", outcome="pending")
    seen = await merchant.status(order_id)
    assert (seen["state"], seen["paymentDetails"][0]["state"]) == ("PENDING", "PENDING")
    assert (await control(base, f"orders/{order_id}/settle", act=act))["state"] == state_after
    assert (await merchant.status(order_id))["state"] == state_after


async def test_an_order_expires_by_the_vendors_clock(base: str, merchant: Merchant) -> None:
    order_id, _ = await merchant.order(expireAfter=300)
    async with later(base, 240):
        assert (await merchant.status(order_id))["state"] == "PENDING"
    async with later(base, 301):
        seen = await merchant.status(order_id, errorContext="true")
    assert (seen["state"], seen["errorCode"]) == ("FAILED", "TXN_NOT_COMPLETED")
    assert seen["errorContext"]["detailedErrorCode"] == "ORDER_EXPIRED"


async def test_another_amount_than_the_orders_shows_in_its_status(base: str, merchant: Merchant) -> None:
    order_id, _ = await merchant.order()
    await control(base, f"orders/{order_id}/pay", amount_minor=75000)
    seen = await merchant.status(order_id)
    assert (seen["state"], seen["amount"], seen["paymentDetails"][0]["amount"]) == ("COMPLETED", 75000, 75000)


async def test_an_unknown_order_is_not_found(merchant: Merchant) -> None:
    answer = await merchant.call("GET", f"/checkout/v2/order/{fresh_id()}x/status")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_MERCHANT_ORDER_ID")
    answer = await merchant.call("GET", "/payments/v2/refund/none/status")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_MERCHANT_REFUND_ID")
