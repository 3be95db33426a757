"""Route's REST paths and the controls beside them: linked accounts, transfers, reversals."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from simulators.razorpay.books import Refused
from simulators.razorpay.requests import body_of, listing, page
from simulators.razorpay.transfers import MERCHANT, Outcome
from simulators.webhooks import Mode

if TYPE_CHECKING:
    from simulators.razorpay.vendor import Razorpay

_NAMED = ("email", "phone", "legal_business_name", "business_type", "profile")


class LinkedAccount(BaseModel):
    """A linked account as a tester makes it; its id is made up where none is given."""

    model_config = ConfigDict(extra="forbid")
    id: str | None = Field(default=None, pattern=r"^acc_[A-Za-z0-9]{14}$")
    legal_business_name: str = "A partner"


class NextTransfers(BaseModel):
    """How the next `times` transfers go. `seconds`: how long each is executed, its idempotency key in use."""

    model_config = ConfigDict(extra="forbid")
    state: Literal["processed", "created", "pending", "failed", "balance_short"]
    reason: str = "insufficient_balance"
    webhooks: Mode = "normal"
    seconds: float = Field(default=0.0, ge=0, le=60)
    times: int = Field(default=1, ge=1, le=1000)


class TransferEnd(BaseModel):
    """How a waiting transfer ends."""

    model_config = ConfigDict(extra="forbid")
    state: Literal["processed", "failed"]
    reason: str = "insufficient_balance"
    webhooks: Mode = "normal"


class TransferReturn(BaseModel):
    """What comes back of a processed transfer; all of it when `amount_minor` is left out."""

    model_config = ConfigDict(extra="forbid")
    amount_minor: int | None = Field(default=None, ge=1)


def route_routes(router: APIRouter, vendor: Razorpay, authorized: Any) -> None:
    """Route's part of the API of `vendor`; `authorized` raises `Refused` for a request without the right key."""
    _accounts(router, vendor, authorized)
    _sending(router, vendor, authorized)
    _reading(router, vendor, authorized)
    _returning(router, vendor, authorized)


def _accounts(router: APIRouter, vendor: Razorpay, authorized: Any) -> None:
    @router.post("/v2/accounts")
    async def create(request: Request) -> dict[str, Any]:
        authorized(request)
        body = await body_of(request)
        for name in _NAMED:
            if not body.get(name):
                raise Refused(f"The {name} field is required.", field=name, reason="input_validation_failed")
        return vendor.transfers.add_account(body)

    @router.get("/v2/accounts/{account_id}")
    async def show(request: Request, account_id: str) -> dict[str, Any]:
        authorized(request)
        return vendor.transfers.account(account_id)


def _sending(router: APIRouter, vendor: Razorpay, authorized: Any) -> None:
    transfers = vendor.transfers

    @router.post("/v1/transfers")
    async def direct(request: Request) -> dict[str, Any]:
        authorized(request)
        body = await body_of(request)
        key = request.headers.get("x-transfer-idempotency")
        if key is not None and (known := transfers.begin(key, json.dumps(body, sort_keys=True))) is not None:
            return known
        try:
            transfers.check(body)
            outcome = transfers.next_outcome()
            await asyncio.sleep(outcome.seconds)
            made = transfers.add(body, MERCHANT, outcome)
        except BaseException:
            transfers.drop(key or "")
            raise
        if key is not None:
            transfers.keep(key, made)
        vendor.tell_transfer(made, outcome.webhooks)
        return made

    @router.post("/v1/payments/{payment_id}/transfers")
    async def of_payment(request: Request, payment_id: str) -> dict[str, Any]:
        authorized(request)
        made = transfers.of_payment(payment_id, (await body_of(request)).get("transfers"))
        for transfer, outcome in made:
            vendor.tell_transfer(transfer, outcome.webhooks)
        return listing([transfer for transfer, _ in made])


def _reading(router: APIRouter, vendor: Razorpay, authorized: Any) -> None:
    transfers = vendor.transfers

    @router.get("/v1/transfers")
    async def find(request: Request, count: int = 10, skip: int = 0) -> dict[str, Any]:
        authorized(request)
        return listing(page(transfers.transfers.values(), request, count, skip))

    @router.get("/v1/transfers/{transfer_id}")
    async def show(request: Request, transfer_id: str) -> dict[str, Any]:
        authorized(request)
        return transfers.transfer(transfer_id)

    @router.get("/v1/payments/{payment_id}/transfers")
    async def of_payment(request: Request, payment_id: str) -> dict[str, Any]:
        authorized(request)
        vendor.books.payment(payment_id)
        return listing([item for item in transfers.transfers.values() if item["source"] == payment_id])

    @router.patch("/v1/transfers/{transfer_id}")
    async def hold(request: Request, transfer_id: str) -> dict[str, Any]:
        authorized(request)
        return transfers.hold(transfer_id, await body_of(request))


def _returning(router: APIRouter, vendor: Razorpay, authorized: Any) -> None:
    transfers = vendor.transfers

    @router.post("/v1/transfers/{transfer_id}/reversals")
    async def reverse(request: Request, transfer_id: str) -> dict[str, Any]:
        authorized(request)
        return transfers.reverse(transfer_id, await body_of(request))

    @router.get("/v1/transfers/{transfer_id}/reversals")
    async def reversals(request: Request, transfer_id: str) -> dict[str, Any]:
        authorized(request)
        transfers.transfer(transfer_id)
        return listing([item for item in transfers.reversals.values() if item["transfer_id"] == transfer_id])


def route_controls(router: APIRouter, vendor: Razorpay) -> None:
    """Making linked accounts, and deciding how transfers go."""
    transfers = vendor.transfers

    @router.post("/accounts")
    async def add_account(body: LinkedAccount) -> dict[str, Any]:
        return transfers.add_account({"legal_business_name": body.legal_business_name}, body.id)

    @router.post("/transfers/next")
    async def next_transfers(body: NextTransfers) -> dict[str, Any]:
        outcome = Outcome(body.state, body.reason, body.webhooks, body.seconds)
        transfers.ordered.extend([outcome] * body.times)
        return {"next": [item.state for item in transfers.ordered]}

    @router.post("/transfers/{transfer_id}/end")
    async def end(transfer_id: str, body: TransferEnd) -> dict[str, Any]:
        ended = transfers.end(transfer_id, body.state, body.reason)
        vendor.tell_transfer(ended, body.webhooks)
        return ended

    @router.post("/transfers/{transfer_id}/return")
    async def give_back(transfer_id: str, body: TransferReturn) -> dict[str, Any]:
        transfers.reverse(transfer_id, {"amount": body.amount_minor})
        return transfers.transfer(transfer_id)
