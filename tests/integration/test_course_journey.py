"""A person buys a course, pays and sees it fulfilled; and every way in which paying can go otherwise ends cleanly."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx2
import pytest

from bench.buyer import Buyer, Checkout
from chassis.testing import eventually
from console.journeys import journey
from deploy.stage.stage import Stage
from tests.integration.conftest import Databases

pytestmark = pytest.mark.journey


async def _mails(client: httpx2.AsyncClient, stage: Stage, to: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get(f"{stage.record['mail']}/messages", params={"to": to})).json()
    return found


async def test_a_course_is_bought_paid_fulfilled_invoiced_and_told(
    stage: Stage, buyer: Buyer, client: httpx2.AsyncClient, databases: Databases
) -> None:
    checkout = await buyer.check_out(email="whole.journey@example.com")
    before = await buyer.booking(checkout)
    assert (before["status"], before["payment_status"]) == ("PENDING", "pending")
    triple = await buyer.pay(checkout)
    started = time.monotonic()
    verified = await buyer.verify(triple, checkout)
    assert verified.status_code in (200, 202)
    assert time.monotonic() - started < 2
    done = await buyer.wait_fulfilled(checkout)
    assert done["status"] == "CONFIRMED"
    await _captured(buyer, checkout)
    assert [step["done"] for step in done["steps"]] == [True] * 6
    assert done["allocation"]["status"] == "approved"
    bearer = {"Authorization": f"Bearer {checkout.guest_token}"}
    seen = await client.get(
        f"{stage.record['payment']}/api/payments/{checkout.payment_id}/check-booking/", headers=bearer
    )
    assert (seen.status_code, seen.json()["booking_created"]) == (200, True)
    invoice = done["invoices"][0]["invoice_id"]
    url = f"{stage.record['fulfillment']}/api/v1/invoices/{invoice}.pdf"
    first, again = [await client.get(url, headers=bearer) for _ in range(2)]
    assert first.content.startswith(b"%PDF")
    assert first.content == again.content
    assert (await client.get(url)).status_code == 401
    sessions = await databases.value(
        "fulfillment",
        """SELECT count(*) FROM tutoring_sessions s JOIN trainer_allocations a USING (allocation_id) WHERE a.booking_id = $1""",
        checkout.booking_id,
    )
    assert sessions == 10

    async def mailed() -> Any:
        return await _mails(client, stage, "whole.journey@example.com")

    (mail,) = await eventually(mailed, what="the confirmation mail")
    assert done["reference"] in mail["text"]


async def _captured(buyer: Buyer, checkout: Checkout) -> None:
    """An authorization secures the purchase; the gateway takes the money beside its fulfillment."""

    async def captured() -> bool:
        return bool((await buyer.booking(checkout))["payment_status"] == "captured")

    await eventually(captured, what="the capture")


@pytest.mark.parametrize("proof", ["webhook", "verify", "poller"])
async def test_each_proof_of_payment_is_enough_by_itself(buyer: Buyer, databases: Databases, proof: str) -> None:
    checkout = await buyer.check_out()
    triple = await buyer.pay(checkout, webhooks="normal" if proof == "webhook" else "lost")
    if proof == "verify":
        await buyer.verify(triple, checkout)
    await buyer.wait_fulfilled(checkout, 45)
    assert (
        await databases.value("booking", "SELECT count(*) FROM bookings WHERE booking_id = $1", checkout.booking_id)
        == 1
    )


async def test_verify_webhook_and_poller_at_once_make_one_booking(buyer: Buyer, databases: Databases) -> None:
    checkout = await buyer.check_out()
    triple = await buyer.pay(checkout, webhooks="twice")
    answers = await asyncio.gather(*(buyer.verify(triple, checkout) for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {200, 202}
    await buyer.wait_fulfilled(checkout)
    told = "SELECT count(*) FROM events WHERE key = $1 AND type = 'payment.secured'"
    assert await databases.value("payment", told, checkout.booking_id) == 1
    for table in ("student_course_purchases", "trainer_allocations", "invoices"):
        assert (
            await databases.value(
                "fulfillment", f"SELECT count(*) FROM {table} WHERE booking_id = $1", checkout.booking_id
            )
            == 1
        )


async def test_a_declined_payment_keeps_the_place_and_a_second_attempt_succeeds(buyer: Buyer) -> None:
    checkout = await buyer.check_out()
    declined = await buyer.pay(checkout, "decline:insufficient_fund")
    assert declined["error"]["reason"] == "insufficient_fund"
    assert (await buyer.booking(checkout))["status"] == "PENDING"
    await buyer.pay(checkout)
    await buyer.wait_fulfilled(checkout)


async def test_forged_webhooks_and_signatures_change_nothing(
    stage: Stage, buyer: Buyer, client: httpx2.AsyncClient, databases: Databases
) -> None:
    checkout = await buyer.check_out()
    triple = await buyer.pay(checkout, "pending", webhooks="forged")
    forged = {"razorpay_payment_id": triple["razorpay_payment_id"], "razorpay_signature": "0" * 64}
    refused = await buyer.verify(forged, checkout)
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (400, "signature-invalid")
    url = f"{stage.record['payment']}/api/v1/webhooks/razorpay"
    unsigned = await client.post(url, json={"event": "payment.captured"})
    assert unsigned.status_code == 401
    assert (await buyer.booking(checkout))["status"] == "PENDING"
    assert (
        await databases.value("booking", "SELECT count(*) FROM bookings WHERE booking_id = $1", checkout.booking_id)
        == 0
    )


async def test_somebody_elses_booking_is_not_there(stage: Stage, buyer: Buyer, client: httpx2.AsyncClient) -> None:
    mine, theirs = await buyer.check_out(), await buyer.check_out()
    url = f"{stage.record['booking']}/api/v1/bookings/{theirs.booking_id}"
    answer = await client.get(url, headers={"Authorization": f"Bearer {mine.guest_token}"})
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (404, "not-found")
    assert (await client.get(url)).status_code == 401


async def test_a_payment_of_another_amount_is_a_case_and_fulfils_nothing(buyer: Buyer, databases: Databases) -> None:
    checkout = await buyer.check_out()
    await buyer.pay(checkout, amount_minor=100)

    async def case() -> Any:
        return await databases.rows("payment", "SELECT * FROM cases WHERE booking_id = $1", checkout.booking_id)

    assert await eventually(case, what="a case about the amount")
    assert (await buyer.booking(checkout))["status"] == "PENDING"


async def test_the_timeline_joins_all_four_services_by_topic_partition_and_offset(
    stage: Stage, buyer: Buyer, client: httpx2.AsyncClient
) -> None:
    checkout = await buyer.check_out()
    await buyer.pay(checkout)
    await buyer.wait_fulfilled(checkout)
    entries = await _journey(client, stage, checkout)
    assert {entry["service"] for entry in entries} >= {"booking", "payment", "fulfillment", "notification"}
    told = {entry["message_id"]: entry for entry in entries if entry["what"] == "told"}
    taken = [entry for entry in entries if entry["what"] == "taken" and entry["message_id"] in told]
    assert len(taken) >= 8
    for entry in taken:
        source = told[entry["message_id"]]
        assert (entry["topic"], entry["partition"], entry["offset"]) == (
            source["topic"],
            source["partition"],
            source["offset"],
        )


async def _journey(client: httpx2.AsyncClient, stage: Stage, checkout: Checkout) -> list[dict[str, Any]]:
    urls = {name: stage.record[name] for name in ("booking", "payment", "fulfillment", "notification")}
    return await journey(client, urls, stage.record["tokens"]["ops"], checkout.booking_id)
