"""What a tester can do as the buyer, the bank and the vendor's dashboard, below `/control/stripe`."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from simulators.stripe.bank import Bank
from simulators.stripe.books import Books, Thing
from simulators.stripe.errors import Refused, invalid
from simulators.stripe.hooks import HookMode, Hooks
from simulators.stripe.instruments import BY_TEST_ID
from simulators.stripe.intents import Intents
from simulators.stripe.serving import Processing
from simulators.stripe.setups import Setups
from simulators.stripe.sharing import Sharing


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Pay(_Order):
    """How the buyer's attempt ends; `amount_minor` lets a test pay another amount than the intent's."""

    outcome: str = "success"
    webhooks: HookMode | None = None
    delay_seconds: float = Field(default=0.0, ge=0, le=3600)
    amount_minor: int | None = Field(default=None, ge=1)
    method: Literal["card", "apple_pay", "google_pay", "link"] = "card"


class Save(_Order):
    """How the saving of a card ends; `payment_method` is a documented test id, which decides how it is charged later."""

    outcome: str = "success"
    webhooks: HookMode | None = None
    delay_seconds: float = Field(default=0.0, ge=0, le=3600)
    payment_method: str = "pm_card_visa"


class Behaviour(_Order):
    """The documented test card that a kept card behaves as from now on."""

    test_id: str


class Settle(_Order):
    """What becomes of a payment or a refund that waits."""

    act: Literal["authorize", "fail"] = "authorize"
    webhooks: HookMode | None = None
    delay_seconds: float = Field(default=0.0, ge=0, le=3600)


class Challenge(_Order):
    """How a buyer ends the authentication."""

    passed: bool = True
    webhooks: HookMode | None = None


class Dispute(_Order):
    """What a cardholder disputes; all that was captured when `amount_minor` is left out."""

    amount_minor: int | None = Field(default=None, ge=1)
    reason: str = "fraudulent"
    webhooks: HookMode | None = None


class Decision(_Order):
    """How a dispute ends."""

    won: bool
    webhooks: HookMode | None = None


class Reversal(_Order):
    """What of a transfer is taken back; all that is left of it when `amount_minor` is left out."""

    amount_minor: int | None = Field(default=None, ge=1)
    webhooks: HookMode | None = None


class Account(_Order):
    """A connected account that can be paid at once; its id is made up where none is given."""

    id: str | None = Field(default=None, pattern=r"^acct_[A-Za-z0-9]{6,64}$")
    country: str = "US"
    default_currency: str = "usd"


class RefundOrders(_Order):
    """How the next refunds go, whatever the card."""

    behaviour: Literal["normal", "pending", "fail", "fail_at_once"]
    times: int = Field(default=1, ge=1, le=1000)


class Working(_Order):
    """How the next writes are executed: their things locked for `seconds`; a 500 after the work with `fail_after`."""

    seconds: float = Field(default=0.0, ge=0, le=60)
    times: int = Field(default=1, ge=0, le=1000)
    fail_after: bool = False


class Webhooks(_Order):
    """How webhooks go that no order of a payment decides; a new secret beside the old one for a day."""

    mode: HookMode | None = None
    roll_to: str | None = Field(default=None, min_length=1)


class Balance(_Order):
    """Whether the platform's balance is too short for refunds and transfers."""

    short: bool


class Vendor(Protocol):
    """What the controls need of the vendor."""

    books: Books
    bank: Bank
    sharing: Sharing
    intents: Intents
    setups: Setups
    hooks: Hooks
    processing: Processing

    def pay(
        self,
        intent_id: str,
        outcome: str,
        mode: HookMode | None = None,
        delay_seconds: float = 0.0,
        amount_minor: int | None = None,
        wallet: str | None = None,
    ) -> Thing:
        """One attempt of a buyer."""
        ...

    def save(
        self, setup_id: str, outcome: str, test_id: str, mode: HookMode | None = None, delay_seconds: float = 0.0
    ) -> Thing:
        """One attempt of a buyer to have a card saved."""
        ...

    def settle(self, intent_id: str, act: str, mode: HookMode | None = None, delay_seconds: float = 0.0) -> Thing:
        """End a waiting payment."""
        ...

    def settle_up(self, mode: HookMode | None = None, delay_seconds: float = 0.0) -> None:
        """Let what is due happen, and send what is waiting."""
        ...

    def handed(self, intent: Thing, error: Refused | None = None) -> Thing:
        """What the browser is left with."""
        ...


class _Refusing(APIRoute):
    """A refusal of the books is the control's answer too, in the vendor's words."""

    def get_route_handler(self) -> Any:
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except Refused as error:
                return JSONResponse(error.body("req_control"), error.status)

        return answer


def controls(vendor: Vendor) -> APIRouter:
    """The routes below `/control/stripe`."""
    router = APIRouter(route_class=_Refusing)
    _paying(router, vendor)
    _deciding(router, vendor)
    _arranging(router, vendor)
    return router


def authenticate(vendor: Vendor, intent_id: str, *, passed: bool, mode: HookMode | None = None) -> Thing:
    """End the open challenge of a payment intent or setup intent; what the browser is left with."""
    setup = vendor.books.things["setup_intent"].get(intent_id)
    intent = setup or vendor.books.get("payment_intent", intent_id)
    desk = vendor.setups if setup is not None else vendor.intents
    error = desk.authenticated(intent, passed=passed)
    vendor.settle_up(mode)
    return vendor.handed(intent, error)


def _paying(router: APIRouter, vendor: Vendor) -> None:
    @router.post("/payment_intents/{intent_id}/pay")
    async def pay(intent_id: str, body: Pay) -> Thing:
        wallet = None if body.method == "card" else body.method
        return vendor.pay(intent_id, body.outcome, body.webhooks, body.delay_seconds, body.amount_minor, wallet)

    @router.post("/setup_intents/{setup_id}/pay")
    async def save(setup_id: str, body: Save) -> Thing:
        return vendor.save(setup_id, body.outcome, body.payment_method, body.webhooks, body.delay_seconds)

    @router.post("/payment_intents/{intent_id}/settle")
    async def settle(intent_id: str, body: Settle) -> Thing:
        return vendor.settle(intent_id, body.act, body.webhooks, body.delay_seconds)

    @router.post("/payment_intents/{intent_id}/challenge")
    @router.post("/setup_intents/{intent_id}/challenge")
    async def end_challenge(intent_id: str, body: Challenge) -> Thing:
        return authenticate(vendor, intent_id, passed=body.passed, mode=body.webhooks)


def _deciding(router: APIRouter, vendor: Vendor) -> None:
    @router.post("/refunds/{refund_id}/settle")
    async def settle_refund(refund_id: str, body: Settle) -> Thing:
        refund = vendor.books.get("refund", refund_id)
        if body.act == "fail":
            vendor.sharing.fail_refund(refund)
        else:
            vendor.sharing.succeed_refund(refund)
        vendor.settle_up(body.webhooks, body.delay_seconds)
        return refund

    @router.post("/charges/{charge_id}/dispute")
    async def dispute(charge_id: str, body: Dispute) -> Thing:
        made = vendor.sharing.dispute(vendor.books.get("charge", charge_id), body.amount_minor, body.reason)
        vendor.settle_up(body.webhooks)
        return made

    @router.post("/disputes/{dispute_id}/close")
    async def close(dispute_id: str, body: Decision) -> Thing:
        closed = vendor.sharing.close_dispute(vendor.books.get("dispute", dispute_id), won=body.won)
        vendor.settle_up(body.webhooks)
        return closed

    @router.post("/transfers/{transfer_id}/reverse")
    async def reverse(transfer_id: str, body: Reversal) -> Thing:
        transfer = vendor.books.get("transfer", transfer_id)
        left = transfer["amount"] - transfer["amount_reversed"]
        vendor.sharing.reverse(transfer, body.amount_minor or left, {})
        vendor.settle_up(body.webhooks)
        return transfer


def _arranging(router: APIRouter, vendor: Vendor) -> None:
    @router.post("/refund_orders")
    async def order_refunds(body: RefundOrders) -> Thing:
        vendor.books.refund_orders.extend([body.behaviour] * body.times)
        return {"ordered": list(vendor.books.refund_orders)}

    @router.post("/processing")
    async def work(body: Working) -> Thing:
        processing = vendor.processing
        processing.seconds, processing.times, processing.fail_after = body.seconds, body.times, body.fail_after
        return body.model_dump()

    @router.get("/processing")
    async def working() -> Thing:
        return {"times": vendor.processing.times, "locked": sorted(vendor.processing.locked)}

    @router.post("/webhooks")
    async def webhooks(body: Webhooks) -> Thing:
        if body.mode is not None:
            vendor.hooks.mode = body.mode
        if body.roll_to is not None:
            vendor.hooks.roll(body.roll_to)
        return {"mode": vendor.hooks.mode, "secrets": len(vendor.hooks.secrets())}

    @router.post("/balance")
    async def balance(body: Balance) -> Thing:
        vendor.books.balance_short = body.short
        return {"short": body.short}

    @router.post("/payment_methods/{method_id}/behaviour")
    async def behave(method_id: str, body: Behaviour) -> Thing:
        method = vendor.books.get("payment_method", method_id)
        if body.test_id not in BY_TEST_ID:
            raise invalid(f"There is no test card {body.test_id!r}.", param="test_id")
        vendor.books.instruments[method_id] = BY_TEST_ID[body.test_id]
        return method

    @router.post("/accounts")
    async def add_account(body: Account) -> Thing:
        return vendor.books.add_account(body.id, country=body.country, default_currency=body.default_currency)

    @router.post("/events/{event_id}/send")
    async def send(event_id: str, webhooks: HookMode = "normal") -> Thing:
        event = vendor.books.get("event", event_id)
        vendor.hooks.send([event], webhooks)
        return {"sending": event_id}
