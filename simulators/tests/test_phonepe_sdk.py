"""PhonePe's own SDK, unpatched but for its address, over running simulators; in an environment of its own.

The SDK pins releases of requests and urllib3 that our own environment must not hold. Its environment is made once from
`requirements-phonepe-sdk.txt` (about 4 s) and kept in the stage's cache folder, under the hash of that file.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from deploy.stage.kafka import cache
from simulators.tests.conftest import KEYS, Shop
from simulators.tests.phonepe_calls import SHOP, control, fresh_id, heard

_LOCK = Path(__file__).resolve().parents[2] / "requirements-phonepe-sdk.txt"
_DRIVER = Path(__file__).with_name("phonepe_sdk.py")
_CREDENTIALS = {
    "client_id": KEYS["PHONEPE_CLIENT_ID"],
    "client_version": int(KEYS["PHONEPE_CLIENT_VERSION"]),
    "client_secret": KEYS["PHONEPE_CLIENT_SECRET"],
}
_WEBHOOK = {"username": KEYS["PHONEPE_WEBHOOK_USERNAME"], "password": KEYS["PHONEPE_WEBHOOK_PASSWORD"]}


def sdk_python() -> Path:
    """The Python that has the SDK, made when it is not there yet. Fails with the installer's words without a network."""
    key = hashlib.sha256(_LOCK.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = cache() / f"phonepe-sdk-{key}"
    python = home / "bin" / "python"
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_suffix(".lock").open("w") as lock:  # two test runs may both be the first
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (home / "complete").exists():
            return python
        shutil.rmtree(home, ignore_errors=True)
        uv = Path(sys.executable).with_name("uv")
        if uv.exists():
            _run(str(uv), "venv", "--quiet", "--python", sys.executable, str(home))
            _run(str(uv), "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(_LOCK))
        else:
            _run(sys.executable, "-m", "venv", str(home))
            _run(str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(_LOCK))
        (home / "complete").touch()
    return python


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"PhonePe's SDK can't be installed: {done.stderr[-2000:]}"


class Sdk:
    """The SDK's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def ask(self, call: str, **given: Any) -> dict[str, Any]:
        """One call; what came back."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"call": call, "given": given}).encode() + b"\n")
        await stdin.drain()
        line = await asyncio.wait_for(stdout.readline(), 20)
        assert line, "the SDK's process has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def result(self, call: str, **given: Any) -> dict[str, Any]:
        """What a call gives that has to succeed."""
        answer = await self.ask(call, **given)
        assert "result" in answer, answer
        found: dict[str, Any] = answer["result"]
        return found

    async def order(self, **fields: Any) -> str:
        """A new order; its id."""
        order_id = fresh_id("sdk")
        await self.result("pay", merchant_order_id=order_id, amount=150000, redirect_url=SHOP, **fields)
        return order_id


@pytest_asyncio.fixture(scope="module")
async def sdk(base: str) -> AsyncIterator[Sdk]:
    """The SDK with a client that has its token."""
    python = await asyncio.to_thread(sdk_python)
    pipe = asyncio.subprocess.PIPE
    command = (str(python), "-I", str(_DRIVER), f"{base}/phonepe")
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    made = Sdk(process)
    assert await made.ask("connect", **_CREDENTIALS) == {"result": None}
    yield made
    assert process.stdin is not None
    process.stdin.close()
    await asyncio.wait_for(process.wait(), 20)


async def test_an_order_is_made_paid_and_its_status_read(base: str, sdk: Sdk) -> None:
    order_id = fresh_id("sdk")
    made = await sdk.result("pay", merchant_order_id=order_id, amount=150000, redirect_url=SHOP, udf1="booking-42")
    assert (made["state"], made["orderId"][:3]) == ("PENDING", "OMO")
    assert made["redirectUrl"].startswith(f"{base}/phonepe/transact/{order_id}")
    before = await sdk.result("get_order_status", merchant_order_id=order_id)
    assert (before["state"], before["paymentDetails"]) == ("PENDING", [])
    await control(base, f"orders/{order_id}/pay", payment_mode="CARD", card_type="CREDIT_CARD")
    after = await sdk.result("get_order_status", merchant_order_id=order_id, details=True)
    assert (after["state"], after["amount"], after["metaInfo"]["udf1"]) == ("COMPLETED", 150000, "booking-42")
    (paid,) = after["paymentDetails"]
    assert (paid["paymentMode"], paid["state"], paid["rail"]["type"]) == ("CARD", "COMPLETED", "PG")
    assert paid["instrument"]["type"] == "CREDIT_CARD"
    same = await sdk.result("get_transaction_status", transaction_id=paid["transactionId"])
    assert same["orderId"] == made["orderId"]


async def test_without_details_a_status_has_the_newest_attempt_alone(base: str, sdk: Sdk) -> None:
    order_id = await sdk.order()
    await control(base, f"orders/{order_id}/pay", outcome="decline:Z9", leaves=False)
    await control(base, f"orders/{order_id}/pay")
    every = await sdk.result("get_order_status", merchant_order_id=order_id, details=True)
    newest = await sdk.result("get_order_status", merchant_order_id=order_id, details=False)
    assert [attempt["state"] for attempt in every["paymentDetails"]] == ["FAILED", "COMPLETED"]
    assert newest["paymentDetails"] == every["paymentDetails"][1:]
    assert every["paymentDetails"][0]["detailedErrorCode"] == "Z9"


async def test_a_used_order_id_and_a_wrong_amount_are_bad_requests(sdk: Sdk) -> None:
    order_id = await sdk.order()
    fields = {"redirect_url": SHOP, "amount": 150000}
    for given in ({**fields, "merchant_order_id": order_id}, {**fields, "merchant_order_id": "x", "amount": 99}):
        answer = await sdk.ask("pay", **given)
        assert (answer["raised"], answer["status"], answer["code"]) == ("BadRequest", 400, "BAD_REQUEST")
        assert answer["message"] == "Please check the inputs you have provided."
    answer = await sdk.ask("get_order_status", merchant_order_id="nobody-knows")
    assert (answer["raised"], answer["code"]) == ("BadRequest", "INVALID_MERCHANT_ORDER_ID")


async def test_money_is_given_back_in_part_and_never_more_than_was_paid(base: str, sdk: Sdk) -> None:
    order_id = await sdk.order()
    await control(base, f"orders/{order_id}/pay")
    refund_id = fresh_id("refund")
    about = {"original_merchant_order_id": order_id}
    made = await sdk.result("refund", merchant_refund_id=refund_id, amount=50000, **about)
    assert (made["state"], made["amount"], made["refundId"][:3]) == ("PENDING", 50000, "OMR")
    seen = await sdk.result("get_refund_status", merchant_refund_id=refund_id)
    assert (seen["state"], seen["amount"], seen["originalMerchantOrderId"]) == ("COMPLETED", 50000, order_id)
    for wrong in ({"merchant_refund_id": refund_id, "amount": 100}, {"merchant_refund_id": "more", "amount": 100001}):
        answer = await sdk.ask("refund", **wrong, **about)
        assert (answer["raised"], answer["code"]) == ("BadRequest", "BAD_REQUEST")


async def test_the_sdk_takes_every_webhook_and_refuses_a_forged_one(base: str, sdk: Sdk, shop: Shop) -> None:
    order_id, failed, forged, refund_id = await sdk.order(), await sdk.order(), await sdk.order(), fresh_id("refund")
    await control(base, f"orders/{order_id}/pay")
    await control(base, f"orders/{failed}/pay", outcome="decline:ZM")
    await control(base, "refunds/next", state="FAILED")
    await sdk.result("refund", merchant_refund_id=refund_id, amount=50000, original_merchant_order_id=order_id)
    hooks = [
        *await heard(shop, refund_id, 2),
        *await heard(shop, order_id, 1, "checkout."),
        *await heard(shop, failed, 1),
    ]
    seen = []
    for headers, raw, _ in hooks:
        given = {"callback_header_data": headers["authorization"], "callback_response_data": raw.decode()}
        event = await sdk.result("validate_callback", **_WEBHOOK, **given)
        seen.append((event["event"], event["type"], event["payload"]["state"]))
    assert sorted(seen) == [
        ("checkout.order.completed", "CHECKOUT_ORDER_COMPLETED", "COMPLETED"),
        ("checkout.order.failed", "CHECKOUT_ORDER_FAILED", "FAILED"),
        ("pg.refund.accepted", "PG_REFUND_ACCEPTED", "CONFIRMED"),
        ("pg.refund.failed", "PG_REFUND_FAILED", "FAILED"),
    ]
    await control(base, f"orders/{forged}/pay", webhooks="forged")
    headers, raw, _ = (await heard(shop, forged, 1))[0]
    given = {"callback_header_data": headers["authorization"], "callback_response_data": raw.decode()}
    answer = await sdk.ask("validate_callback", **_WEBHOOK, **given)
    assert (answer["raised"], answer["message"]) == ("PhonePeException", "Invalid Callback")


async def test_revoked_tokens_raise_once_and_the_next_call_has_another(base: str, sdk: Sdk) -> None:
    order_id = await sdk.order()
    await control(base, "tokens/revoke")
    answer = await sdk.ask("get_order_status", merchant_order_id=order_id)
    assert (answer["raised"], answer["status"]) == ("UnauthorizedAccess", 401)
    assert (await sdk.result("get_order_status", merchant_order_id=order_id))["state"] == "PENDING"


async def test_wrong_credentials_make_no_client(sdk: Sdk) -> None:
    answer = await sdk.ask("connect", **{**_CREDENTIALS, "client_secret": "wrong"})
    assert (answer["raised"], answer["status"], answer["code"]) == ("BadRequest", 400, "OIM000")
