"""Route by the vendor's own SDK: linked accounts, transfers under a key, reversals, webhooks, and a tester's orders."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
import razorpay

from chassis.ids import uuid7
from chassis.testing import eventually
from simulators.tests.conftest import KEYS, Shop

PARTNER = "acc_PayfirstPartn1"
SENT = {"account": PARTNER, "amount": 50_000, "currency": "INR"}
Refusal = razorpay.errors.BadRequestError


def _client(base: str) -> Any:
    return razorpay.Client(auth=(KEYS["RAZORPAY_KEY_ID"], KEYS["RAZORPAY_KEY_SECRET"]), base_url=base)


async def _ask(call: Callable[..., Any], *args: Any, **more: Any) -> Any:
    return await asyncio.to_thread(call, *args, **more)


async def _send(base: str, key: str | None = None, **changed: Any) -> Any:
    headers = {} if key is None else {"X-Transfer-Idempotency": key}
    return await _ask(_client(base).transfer.create, {**SENT, **changed}, headers=headers)


async def _control(base: str, path: str, **body: Any) -> dict[str, Any]:
    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"{base}/control/razorpay/{path}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _heard(shop: Shop, transfer_id: str) -> tuple[dict[str, str], bytes]:
    async def mine() -> Any:
        return next((item for item in shop.received if transfer_id.encode() in item[1]), None)

    found: tuple[dict[str, str], bytes] = await eventually(mine, 20, what="the transfer's webhook")
    return found


async def test_a_linked_account_is_made_and_money_goes_to_it(base: str, shop: Shop) -> None:
    sdk = _client(base)
    business = {"email": "p@example.com", "phone": "9000090000", "legal_business_name": "Acme", "type": "route"}
    profile = {"category": "education", "subcategory": "coaching"}
    with pytest.raises(Refusal, match="business_type field is required"):
        await _ask(sdk.account.create, business)
    account = await _ask(sdk.account.create, {**business, "business_type": "individual", "profile": profile})
    assert (account["id"][:4], account["status"], len(account["id"])) == ("acc_", "created", 18)
    assert (await _ask(sdk.account.fetch, account["id"]))["legal_business_name"] == "Acme"
    made = await _send(base, account=account["id"], notes={"payout_id": "p-1"})
    assert (made["status"], made["recipient"], made["amount"]) == ("processed", account["id"], 50_000)
    assert (made["source"], made["notes"], made["error"]["code"]) == ("acc_PayfirstLocal1", {"payout_id": "p-1"}, None)
    assert await _ask(sdk.transfer.fetch, made["id"]) == made
    headers, raw = await _heard(shop, made["id"])
    expected = hmac.new(KEYS["RAZORPAY_WEBHOOK_SECRET"].encode(), raw, hashlib.sha256).hexdigest()
    assert headers["x-razorpay-signature"] == expected
    event = json.loads(raw)
    assert (event["event"], event["contains"]) == ("transfer.processed", ["transfer"])
    assert event["payload"]["transfer"]["entity"] == made


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"amount": 99}, "amount must be at least 100"),
        ({"amount": "x"}, "must be an integer"),
        ({"currency": "USD"}, "INR only"),
        ({"account": None}, "account field is required"),
        ({"account": "acc_none"}, "acc_none is an invalid account_code"),
        ({"notes": {"long": "n" * 257}}, "notes"),
    ],
)
async def test_a_transfer_that_can_not_be_made_is_refused(base: str, changed: dict[str, Any], words: str) -> None:
    key = uuid7().hex
    with pytest.raises(Refusal, match=words):
        await _send(base, key, **changed)
    assert (await _send(base, key))["status"] == "processed", "a refused request leaves its key free"


async def test_a_key_sends_once_and_tells_what_it_told_first(base: str) -> None:
    sdk, key = _client(base), str(uuid7())
    first = await _send(base, key)
    await _ask(sdk.transfer.reverse, first["id"], {"amount": 100})
    assert await _send(base, key) == first
    with pytest.raises(Refusal, match="Different request body"):
        await _send(base, key, amount=50_001)
    for wrong in ("abc", "k" * 37, "not*allowed"):
        with pytest.raises(Refusal, match="idempotency key must be"):
            await _send(base, wrong)
    assert (await _send(base, str(uuid7())))["id"] != first["id"]


async def test_a_key_in_use_is_a_conflict_until_the_first_request_is_done(base: str) -> None:
    await _control(base, "transfers/next", state="processed", seconds=3)
    key, auth = uuid7().hex, (KEYS["RAZORPAY_KEY_ID"], KEYS["RAZORPAY_KEY_SECRET"])
    async with httpx2.AsyncClient(auth=auth, headers={"X-Transfer-Idempotency": key}) as client:
        answers = await asyncio.gather(*(client.post(f"{base}/v1/transfers", json=SENT) for _ in range(2)))
        again = (await client.post(f"{base}/v1/transfers", json=SENT)).json()
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert again["id"] == next(answer.json()["id"] for answer in answers if answer.status_code == 200)


async def test_transfers_go_as_a_tester_orders(base: str, shop: Shop) -> None:
    sdk, key = _client(base), uuid7().hex
    await _control(base, "transfers/next", state="balance_short")
    with pytest.raises(Refusal, match="insufficient balance"):
        await _send(base, key)
    await _control(base, "transfers/next", state="pending")
    waiting = await _send(base, key)
    assert (waiting["status"], waiting["processed_at"]) == ("pending", None)
    with pytest.raises(Refusal, match="Only a processed transfer"):
        await _ask(sdk.transfer.reverse, waiting["id"])
    await _control(base, f"transfers/{waiting['id']}/end", state="processed")
    assert (await _ask(sdk.transfer.fetch, waiting["id"]))["status"] == "processed"
    await _heard(shop, waiting["id"])
    await _control(base, "transfers/next", state="failed", reason="transfer_amount_higher_than_balance")
    failed = await _send(base)
    assert failed["status"] == "failed"
    assert failed["error"]["code"] == "BAD_REQUEST_PAYMENT_FEES_GREATER_THAN_AMOUNT"
    assert failed["error"]["reason"] == "transfer_amount_higher_than_balance"
    assert json.loads((await _heard(shop, failed["id"]))[1])["event"] == "transfer.failed"


async def test_a_transfer_comes_back_in_part_then_whole(base: str) -> None:
    sdk = _client(base)
    made = await _send(base)
    for wrong, words in ((99, "at least INR 1.00"), (50_001, "greater than")):
        with pytest.raises(Refusal, match=words):
            await _ask(sdk.transfer.reverse, made["id"], {"amount": wrong})
    part = await _ask(sdk.transfer.reverse, made["id"], {"amount": 20_000})
    assert (part["entity"], part["transfer_id"], part["amount"]) == ("reversal", made["id"], 20_000)
    seen = await _ask(sdk.transfer.fetch, made["id"])
    assert (seen["status"], seen["amount_reversed"]) == ("partially_reversed", 20_000)
    returned = await _control(base, f"transfers/{made['id']}/return")
    assert (returned["status"], returned["amount_reversed"]) == ("reversed", 50_000)
    reversals = await _ask(sdk.transfer.reversals, made["id"])
    assert [item["amount"] for item in reversals["items"]] == [20_000, 30_000]
    with pytest.raises(Refusal, match="not fully reversed"):
        await _ask(sdk.transfer.reverse, made["id"])


async def test_a_captured_payment_is_shared_and_never_more_than_it(base: str) -> None:
    sdk = _client(base)
    order = await _ask(sdk.order.create, {"amount": 100_000, "currency": "INR", "payment": {"capture": "manual"}})
    payment_id = (await _control(base, f"orders/{order['id']}/pay", webhooks="lost"))["razorpay_payment_id"]
    share = {"transfers": [{**SENT, "on_hold": True}, {**SENT, "account": "acc_PayfirstPartn2", "amount": 30_000}]}
    with pytest.raises(Refusal, match="should be captured"):
        await _ask(sdk.payment.transfer, payment_id, share)
    await _ask(sdk.payment.capture, payment_id, 100_000, {"currency": "INR"})
    with pytest.raises(Refusal, match=r"transfers\.1\.amount must be at least"):
        await _ask(sdk.payment.transfer, payment_id, {"transfers": [SENT, {**SENT, "amount": 1}]})
    assert (await _ask(sdk.payment.transfers, payment_id))["count"] == 0, "all or none"
    held, open_ = (await _ask(sdk.payment.transfer, payment_id, share))["items"]
    assert (held["settlement_status"], open_["settlement_status"]) == ("on_hold", "pending")
    freed = await _ask(sdk.transfer.edit, held["id"], {"on_hold": False})
    assert (freed["on_hold"], freed["settlement_status"]) == (False, "pending")
    with pytest.raises(Refusal, match="greater than the captured amount"):
        await _ask(sdk.payment.transfer, payment_id, {"transfers": [{**SENT, "amount": 20_001}]})
    await _ask(sdk.transfer.reverse, held["id"])
    await _ask(sdk.payment.transfer, payment_id, {"transfers": [{**SENT, "amount": 20_001}]})
    assert (await _ask(sdk.transfer.all, {"payment_id": payment_id}))["count"] == 3


async def test_transfers_are_listed_newest_first_in_pages_of_a_period(base: str) -> None:
    sdk = _client(base)
    async with httpx2.AsyncClient() as client:
        await client.post(f"{base}/control/clock", json={"advance_seconds": 900 * 86_400})
        try:
            made = [await _send(base) for _ in range(3)]
        finally:
            await client.post(f"{base}/control/clock", json={"advance_seconds": -900 * 86_400})
    span = {"from": made[0]["created_at"], "to": made[-1]["created_at"], "count": 2}
    first = await _ask(sdk.transfer.all, {**span})
    rest = await _ask(sdk.transfer.all, {**span, "skip": 2})
    assert [item["id"] for item in first["items"] + rest["items"]] == [item["id"] for item in reversed(made)]
    with pytest.raises(Refusal, match="does not exist"):
        await _ask(sdk.transfer.fetch, "trf_none")


async def test_the_books_show_accounts_and_transfers(base: str) -> None:
    made = await _control(base, "accounts", id="acc_TestersAcct001", legal_business_name="Testers")
    sent = await _send(base, account=made["id"])
    async with httpx2.AsyncClient() as client:
        books = (await client.get(f"{base}/control/state")).json()["razorpay"]
    assert made["id"] in {account["id"] for account in books["accounts"]}
    assert next(item for item in books["transfers"] if item["id"] == sent["id"])["amount"] == 50_000
