"""How a scenario acts at each vendor: paying there, reading the vendor's own books, and deciding about its refunds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from services.payment.tests import samples
from services.payment.tests.stage import Stage


@dataclass(frozen=True)
class Taken:
    """One payment in a vendor's own books; minor units."""

    order_id: str
    captured: int
    refunded: int
    held: bool = False


class Vendor(Protocol):
    """One vendor as scenarios use it."""

    name: str

    def control(self, order_id: str) -> str:
        """The control that pays an order."""
        ...

    def given(self, answer: Mapping[str, Any], payment_id: str) -> dict[str, str]:
        """What the browser brings back to `verify`, from the control's answer."""
        ...

    def books(self, state: Mapping[str, Any]) -> list[Taken]:
        """The vendor's books."""
        ...

    def orders(self, state: Mapping[str, Any], payment_id: UUID) -> int:
        """How many orders the vendor has for our payment."""
        ...

    async def next_refund(self, stage: Stage, how: str) -> None:
        """The next refund is `pending` until it is ended, or `failed`."""
        ...

    async def end_refund(self, stage: Stage, how: str) -> None:
        """The newest refund ends `processed` or `failed`."""
        ...


class AtRazorpay:
    """Razorpay: order, signed triple, refunds that end by control."""

    name = "razorpay"

    def control(self, order_id: str) -> str:
        """By the order."""
        return f"/control/razorpay/orders/{order_id}/pay"

    def given(self, answer: Mapping[str, Any], payment_id: str) -> dict[str, str]:
        """The triple."""
        names = ("razorpay_order_id", "razorpay_payment_id", "razorpay_signature")
        return {name: answer[name] for name in names}

    def books(self, state: Mapping[str, Any]) -> list[Taken]:
        """Payments with the refunds that were processed."""
        done = [r for r in state["refunds"] if r["status"] == "processed"]
        return [
            Taken(
                p["order_id"],
                p["amount"] if p["captured"] else 0,
                sum(r["amount"] for r in done if r["payment_id"] == p["id"]),
                p["status"] == "authorized",
            )
            for p in state["payments"]
        ]

    def orders(self, state: Mapping[str, Any], payment_id: UUID) -> int:
        """By the notes."""
        return sum(o["notes"].get("payment_id") == str(payment_id) for o in state["orders"])

    async def next_refund(self, stage: Stage, how: str) -> None:
        """By its control."""
        await stage.simulator.post("/control/razorpay/refunds/next", json={"state": how})

    async def end_refund(self, stage: Stage, how: str) -> None:
        """By its control."""
        refund_id = (await stage.simulator.get("/control/state")).json()["razorpay"]["refunds"][-1]["id"]
        answer = await stage.simulator.post(f"/control/razorpay/refunds/{refund_id}/end", json={"state": how})
        assert answer.status_code == 200, answer.text


class AtStripe:
    """Stripe: intent, nothing signed on return, refunds by orders."""

    name = "stripe"

    def control(self, order_id: str) -> str:
        """By the intent, or the setup intent."""
        kind = "setup_intents" if order_id.startswith("seti_") else "payment_intents"
        return f"/control/stripe/{kind}/{order_id}/pay"

    def given(self, answer: Mapping[str, Any], payment_id: str) -> dict[str, str]:
        """The intent's id, or the setup intent's."""
        if "setup_intent" in answer:
            return {"setup_intent_id": str(answer["setup_intent"])}
        found = answer.get("paymentIntent") or answer.get("payment_intent") or answer
        return {"payment_intent_id": found["id"] if isinstance(found, Mapping) else str(found)}

    def books(self, state: Mapping[str, Any]) -> list[Taken]:
        """Charges that were not declined, with the refunds that succeeded."""
        done = [r for r in state["refunds"] if r["status"] == "succeeded"]
        open_ones = {i["id"] for i in state["payment_intents"] if i["status"] == "requires_capture"}
        return [
            Taken(
                c["payment_intent"],
                c["amount_captured"],
                sum(r["amount"] for r in done if r["charge"] == c["id"]),
                c["payment_intent"] in open_ones and not c["captured"],
            )
            for c in state["charges"]
            if c["status"] != "failed"
        ]

    def orders(self, state: Mapping[str, Any], payment_id: UUID) -> int:
        """By the metadata."""
        made = (*state["payment_intents"], *state["setup_intents"])
        return sum(i["metadata"].get("payment_id") == str(payment_id) for i in made)

    async def next_refund(self, stage: Stage, how: str) -> None:
        """By an order for the next refund."""
        behaviour = {"pending": "pending", "failed": "fail_at_once"}[how]
        answer = await stage.simulator.post("/control/stripe/refund_orders", json={"behaviour": behaviour})
        assert answer.status_code == 200, answer.text

    async def end_refund(self, stage: Stage, how: str) -> None:
        """By its control."""
        refund_id = (await stage.simulator.get("/control/state")).json()["stripe"]["refunds"][-1]["id"]
        act = {"processed": "authorize", "failed": "fail"}[how]
        answer = await stage.simulator.post(f"/control/stripe/refunds/{refund_id}/settle", json={"act": act})
        assert answer.status_code == 200, answer.text


class AtPhonePe:
    """PhonePe: our own order id, a bare redirect, refunds that end by themselves or by control."""

    name = "phonepe"

    def control(self, order_id: str) -> str:
        """By our order id."""
        return f"/control/phonepe/orders/{order_id}/pay"

    def given(self, answer: Mapping[str, Any], payment_id: str) -> dict[str, str]:
        """Our payment id, which our own return address carries."""
        return {"payment_id": payment_id}

    def books(self, state: Mapping[str, Any]) -> list[Taken]:
        """Orders that were paid, with the refunds that completed."""
        done = [r for r in state["refunds"] if r["state"] == "COMPLETED"]
        return [
            Taken(
                o["merchantOrderId"],
                o["amount"],
                sum(r["amount"] for r in done if r["originalMerchantOrderId"] == o["merchantOrderId"]),
            )
            for o in state["orders"]
            if o["state"] == "COMPLETED"
        ]

    def orders(self, state: Mapping[str, Any], payment_id: UUID) -> int:
        """By our own order ids; one whose page was lost stands beside the one that can be paid."""
        mine = [o for o in state["orders"] if o["merchantOrderId"].startswith(payment_id.hex)]
        return len({o["merchantOrderId"] for o in mine[-1:]})

    async def next_refund(self, stage: Stage, how: str) -> None:
        """By its control."""
        state = {"pending": "WAITING", "failed": "FAILED"}[how]
        await stage.simulator.post("/control/phonepe/refunds/next", json={"state": state})

    async def end_refund(self, stage: Stage, how: str) -> None:
        """By its control."""
        refunds = (await stage.simulator.get("/control/state")).json()["phonepe"]["refunds"]
        path = f"/control/phonepe/refunds/{refunds[-1]['merchantRefundId']}/end"
        state = {"processed": "COMPLETED", "failed": "FAILED"}[how]
        answer = await stage.simulator.post(path, json={"state": state})
        assert answer.status_code == 200, answer.text


AT: tuple[Vendor, ...] = (AtRazorpay(), AtStripe(), AtPhonePe())


async def order_of(stage: Stage, payment_id: str) -> str:
    """The newest gateway order of a payment."""
    found = await samples.rows(
        stage.database,
        "SELECT gateway_order_id FROM gateway_orders WHERE payment_id = $1 ORDER BY number DESC LIMIT 1",
        payment_id,
    )
    return str(found[0][0])
