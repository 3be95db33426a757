"""S4's way over the whole stage: cart, checkout, process-cart by the cart's id alone, PhonePe's page, fulfilled."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from bench.buyer import SCHEDULE, Buyer, Checkout
from chassis.testing import eventually
from deploy.stage.stage import Stage
from tests.integration.conftest import Databases

pytestmark = pytest.mark.journey
PATH = "/api/payments/process-cart/"


async def _checked_out(stage: Stage, buyer: Buyer) -> tuple[str, str, dict[str, Any]]:
    """A checked-out cart: its id, the token that came with it, and what checkout answered."""
    made = (await buyer.post("booking", "/api/v1/carts", {})).json()
    cart, token = made["cart_id"], made["guest_token"]
    line = {
        "offer_id": stage.record["seed"]["offers"]["course"][0],
        "tier": 10,
        "time_slot": "10:00",
        "schedule": SCHEDULE,
    }
    assert (await buyer.post("booking", f"/api/v1/carts/{cart}/lines", line, token)).status_code == 201
    who = {"name": "Asha Rao", "email": f"s4.{cart[-12:]}@example.com"}
    answer = await buyer.post("booking", f"/api/v1/carts/{cart}/checkout", {"buyer": who}, token)
    assert answer.status_code == 201, answer.text
    return cart, token, answer.json()


async def test_a_cart_is_processed_paid_on_phonepes_page_and_fulfilled(
    stage: Stage, buyer: Buyer, client: httpx2.AsyncClient, databases: Databases
) -> None:
    cart, token, checkout = await _checked_out(stage, buyer)
    body = {"cart_id": cart, "method": "PHONEPE"}

    async def processed_at_last() -> httpx2.Response | None:
        answer = await buyer.post("payment", PATH, body, token)
        if answer.status_code == 409 and "Retry-After" in answer.headers:
            return None  # the event is still on its way through Kafka
        return answer

    processed = await eventually(processed_at_last, what="the checkout known to payment")
    assert processed.status_code == 201, processed.text
    given = processed.json()
    assert set(given) == {"success", "payment_id", "payment_url", "amount", "status"}
    assert (given["success"], given["status"]) == (True, "PENDING")
    minor = checkout["amount_minor"]
    assert given["amount"] == f"{minor // 100}.{minor % 100:02d}"
    page = await client.get(given["payment_url"])
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (200, "text/html")
    order = await databases.value(
        "payment", "SELECT gateway_order_id FROM payments WHERE id = $1::uuid", given["payment_id"]
    )
    paid = await client.post(
        f"{stage.record['simulators']}/control/phonepe/orders/{order}/pay", json={"outcome": "success"}
    )
    assert paid.status_code < 300, paid.text
    done = await buyer.wait_fulfilled(
        Checkout(checkout["booking_id"], checkout["guest_token"], given["payment_id"], order, minor, "")
    )
    assert (done["status"], done["payment_status"]) == ("CONFIRMED", "captured")
    checked = await client.get(
        f"{stage.record['payment']}/api/payments/{given['payment_id']}/check-booking/",
        headers={"Authorization": f"Bearer {checkout['guest_token']}"},
    )
    assert checked.json()["booking"] == {
        "book_id": checkout["reference"],
        "booking_id": checkout["booking_id"],
        "status": "CONFIRMED",
        "total_amount": given["amount"],
    }
    again = await buyer.post("payment", PATH, body, token)
    assert (again.status_code, again.json()["payment_id"], again.json()["status"]) == (
        200,
        given["payment_id"],
        "SUCCESS",
    )


async def test_a_cart_that_is_not_checked_out_and_one_of_another_buyer_open_nothing(
    stage: Stage, buyer: Buyer, databases: Databases
) -> None:
    made = (await buyer.post("booking", "/api/v1/carts", {})).json()
    cart, _, checkout = await _checked_out(stage, buyer)
    client = buyer.client
    url = f"{stage.record['payment']}{PATH}"
    mine = {"Authorization": f"Bearer {made['guest_token']}"}
    early = await client.post(url, json={"cart_id": made["cart_id"], "method": "PHONEPE"}, headers=mine)
    assert (early.status_code, early.headers["retry-after"]) == (409, "1")
    foreign = await client.post(url, json={"cart_id": cart, "method": "PHONEPE"}, headers=mine)
    assert foreign.status_code == 404
    found = "SELECT count(*) FROM payments WHERE booking_id = $1"
    assert await databases.value("payment", found, checkout["booking_id"]) == 0
