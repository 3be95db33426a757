"""Consultations over the whole stage: held money follows the session, a saved card its date, and a quotation its buyer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from bench.buyer import Buyer
from chassis.testing import eventually
from deploy.stage.stage import Stage
from tests.integration.conftest import Databases

pytestmark = pytest.mark.journey
STRATEGY, EXPERT = "ofr-session-strategy", "exp-maya"
PRICE = 80000


class Client:
    """Somebody who books with exp-maya; `taken` booking, its tokens, and what payment said at create-order."""

    def __init__(self, stage: Stage, http: httpx2.AsyncClient, databases: Databases) -> None:
        self.stage, self.http, self.databases = stage, http, databases
        self.buyer = Buyer(stage.record, http)
        self.checkout: dict[str, Any] = {}
        self.order: dict[str, Any] = {}

    @property
    def booking_id(self) -> str:
        """Of the session."""
        return str(self.checkout["booking_id"])

    async def times(self, days: int) -> list[str]:
        """Free starts from `days` ahead on, within nine days."""
        first = datetime.now(UTC).date() + timedelta(days=days)
        query = {"from": first.isoformat(), "to": (first + timedelta(days=9)).isoformat()}
        answer = await self.http.get(f"{self.stage.record['booking']}/api/v1/experts/{EXPERT}/slots", params=query)
        return [slot["starts_at"] for slot in answer.json()["slots"]]

    async def book(self, days: int, email: str) -> None:
        """A session `days` ahead, its payment opened at Stripe."""
        line = {"offer_id": STRATEGY, "starts_at": (await self.times(days))[0], "time_zone": "Asia/Kolkata"}
        who = {"name": "Asha Rao", "email": email}
        answer = await self.buyer.post("booking", "/api/v1/book", {**line, "buyer": who})
        assert answer.status_code == 201, answer.text
        self.checkout = answer.json()
        body = {"checkout_token": self.checkout["checkout_token"], "gateway": "stripe"}
        answer = await self.buyer.post("payment", "/api/v1/payments/public/create-order", body)
        assert answer.status_code == 201, answer.text
        self.order = answer.json()

    async def pay(self) -> None:
        """At Stripe's simulator: an intent is paid, a setup intent saves the card."""
        kind = "setup_intents" if "setup_intent_id" in self.order else "payment_intents"
        intent = self.order.get("setup_intent_id") or self.order["payment_intent_id"]
        body = {"outcome": "success", "webhooks": "normal", "delay_seconds": 0}
        answer = await self.buyer.post("simulators", f"/control/stripe/{kind}/{intent}/pay", body)
        assert answer.status_code == 200, answer.text

    async def page(self) -> dict[str, Any]:
        """The booking as its buyer sees it."""
        url = f"{self.stage.record['booking']}/api/v1/bookings/{self.booking_id}"
        answer = await self.http.get(url, headers={"Authorization": f"Bearer {self.checkout['guest_token']}"})
        shown: dict[str, Any] = answer.json()
        return shown

    async def shows(self, field: str, value: Any) -> dict[str, Any]:
        """Wait until the page's `field` is `value`; returns the page."""

        async def there() -> Any:
            page = await self.page()
            return page if page[field] == value else None

        found: dict[str, Any] = await eventually(there, what=f"{field} = {value}")
        return found

    async def fulfilled(self) -> dict[str, Any]:
        """Wait until everything is ready; returns the page."""

        async def ready() -> Any:
            page = await self.page()
            return page if page["steps"][-1]["done"] else None

        found: dict[str, Any] = await eventually(ready, what="the fulfillment")
        return found

    async def payment(self, columns: str) -> tuple[Any, ...]:
        """Columns of payment's row."""
        sql = f"SELECT {columns} FROM payments WHERE booking_id = $1"
        (row,) = await self.databases.rows("payment", sql, self.booking_id)
        return tuple(row)

    async def act(self, path: str, body: dict[str, Any], token: str | None = None) -> dict[str, Any]:
        """A POST to booking as the buyer, or with `token`."""
        answer = await self.buyer.post("booking", f"/api/v1/{path}", body, token or self.checkout["guest_token"])
        assert answer.status_code == 200, answer.text
        done: dict[str, Any] = answer.json()
        return done

    async def begins_in(self, hours: float) -> None:
        """Time goes by: the session begins so many hours from now. Nobody's route can do that."""
        connection = await asyncpg.connect(self.stage.record["databases"]["booking"])
        try:
            await connection.execute(
                """UPDATE slots SET starts_at = now() + make_interval(secs => $2),
                                    ends_at = now() + make_interval(secs => $2 + 3600) WHERE booking_id = $1""",
                self.booking_id,
                hours * 3600.0,
            )
        finally:
            await connection.close()

    async def mails(self, to: str, words: str) -> None:
        """Wait until the mail sink has one to `to` with `words`."""

        async def there() -> bool:
            found = (await self.http.get(f"{self.stage.record['mail']}/messages", params={"to": to})).json()
            return any(words in mail["text"] for mail in found)

        await eventually(there, what=f"a mail to {to} with {words}")


@pytest_asyncio.fixture
async def somebody(stage: Stage, client: httpx2.AsyncClient, databases: Databases) -> Client:
    """A new client of the expert."""
    return Client(stage, client, databases)


async def test_held_money_follows_its_session_until_the_expert_s_word_captures_it(
    stage: Stage, somebody: Client
) -> None:
    await somebody.book(2, "follows@example.com")
    await somebody.pay()
    page = await somebody.fulfilled()
    assert (page["payment_status"], page["meeting"]["provider"]) == ("authorized", "standing_room")
    assert page["meeting"]["join_url"] == "https://rooms.example.com/maya"
    await somebody.mails("follows@example.com", page["meeting"]["join_url"])
    await somebody.mails("maya@experts.example.com", page["reference"])
    status, capture_at, ends_at = await somebody.payment("status, capture_at, service_ends_at")
    assert (status, capture_at) == ("authorized", ends_at + timedelta(minutes=30))
    target = (await somebody.times(4))[1]
    await somebody.act(f"bookings/{somebody.booking_id}/reschedule", {"starts_at": target})
    later = datetime.fromisoformat(target) + timedelta(hours=1, minutes=30)

    async def replanned() -> bool:
        return bool((await somebody.payment("capture_at"))[0] == later)

    await eventually(replanned, what="the capture's new plan")
    await somebody.mails("follows@example.com", "at another time")
    await somebody.begins_in(-0.5)
    await somebody.act(f"sessions/{somebody.booking_id}/complete", {}, stage.record["tokens"]["expert"])
    done = await somebody.shows("payment_status", "captured")
    assert done["status"] == "COMPLETED"
    assert await somebody.payment("captured_minor, refunded_minor") == (PRICE, 0)


async def test_cancelling_by_the_quote_captures_what_is_kept_and_lets_the_rest_go(somebody: Client) -> None:
    await somebody.book(3, "cancels@example.com")
    await somebody.pay()
    await somebody.fulfilled()
    await somebody.begins_in(6)
    quote = await somebody.act(f"bookings/{somebody.booking_id}/refund-quote", {})
    assert (quote["percent"], quote["refund_minor"]) == (50, PRICE // 2)
    await somebody.act(f"bookings/{somebody.booking_id}/cancel", {"quote_id": quote["quote_id"]})

    async def settled() -> bool:
        return bool(await somebody.payment("status, captured_minor") == ("captured", PRICE // 2))

    await eventually(settled, what="the capture of the part that is kept")
    page = await somebody.shows("status", "CANCELLED")
    assert page["meeting"] is None
    state = (await somebody.http.get(f"{somebody.stage.record['simulators']}/control/state")).json()
    (charge,) = [
        charge
        for charge in state["stripe"]["charges"]
        if charge["payment_intent"] == somebody.order["payment_intent_id"]
    ]
    assert charge["amount_captured"] == PRICE // 2, "the gateway's own book says the same; the rest was never taken"
    await somebody.mails("cancels@example.com", page["reference"])


async def test_a_far_session_saves_the_card_and_is_charged_when_it_moves_near(somebody: Client) -> None:
    await somebody.book(60, "far@example.com")
    assert "setup_intent_id" in somebody.order
    await somebody.pay()
    page = await somebody.shows("payment_status", "method_saved")
    assert (page["status"], page["meeting"]) == ("PENDING", None)
    assert datetime.fromisoformat(page["charge_at"]) > datetime.now(UTC) + timedelta(days=50)
    await somebody.act(f"bookings/{somebody.booking_id}/reschedule", {"starts_at": (await somebody.times(2))[2]})
    done = await somebody.fulfilled()
    assert (done["payment_status"], done["status"]) == ("authorized", "CONFIRMED")
    assert done["meeting"]["starts_at"] == done["lines"][0]["session"]["starts_at"]


async def test_a_quotation_is_sent_paid_by_its_client_and_met(stage: Stage, somebody: Client) -> None:
    tokens = stage.record["tokens"]
    starts_at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=3, hours=9)
    client = {"subject": "buyer", "name": "Asha Rao", "email": "quoted@example.com"}
    body = {"client": client, "title": "A plan for the year", "amount_minor": 500000, "currency": "INR"}
    wanted = {**body, "starts_at": starts_at.isoformat(), "session_minutes": 90, "time_zone": "Asia/Kolkata"}
    made = (await somebody.buyer.post("booking", "/api/v1/quotations", wanted, tokens["expert"])).json()
    path = f"/api/v1/quotations/{made['quotation_id']}/send"
    sent = (await somebody.buyer.post("booking", path, {}, tokens["expert"])).json()
    order = {"quotation_id": made["quotation_id"], "gateway": "razorpay"}
    answer = await somebody.buyer.post("payment", "/api/v1/payments/create-order", order, tokens["buyer"])
    assert answer.status_code == 201, answer.text
    paid = {"outcome": "success", "webhooks": "normal", "delay_seconds": 0}
    route = f"/control/razorpay/orders/{answer.json()['razorpay_order_id']}/pay"
    (await somebody.buyer.post("simulators", route, paid)).raise_for_status()
    somebody.checkout = {"booking_id": sent["booking_id"], "guest_token": tokens["buyer"]}
    done = await somebody.fulfilled()
    assert (done["amount_minor"], done["meeting"]["join_url"]) == (500000, "https://rooms.example.com/maya")
    assert len(done["invoices"]) == 1
