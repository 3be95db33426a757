"""Money for partners: what each is owed, where it goes, what was sent (S1-19); for staff, and for the partner alone."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from chassis.identity import Caller, require
from chassis.problems import Problem, documented
from chassis.serving import Db
from contracts.values import Currency, Identifier
from services.payment.adapters.gateways.registry import Gateways
from services.payment.api.schemas import Given, Taken
from services.payment.domain.states import PayoutState
from services.payment.storage import approvals, payout_accounts
from services.payment.storage import payouts as stored

router = APIRouter(
    prefix="/api/v1", tags=["payouts"], responses=documented("unauthenticated", "forbidden", "validation")
)
_PAGE = 100
Staff = Depends(require("admin", "ops"))
Admin = Depends(require("admin"))


class PayoutShown(Given):
    """One transfer to a partner, in minor units; `returned_minor` of it came back and is owed again."""

    id: UUID
    partner_id: str
    gateway: str
    destination: str
    gateway_payout_id: str | None
    status: str
    amount_minor: int
    returned_minor: int
    currency: str
    reason: str | None
    lines: int
    created_at: datetime
    updated_at: datetime


class PayoutPage(Given):
    """One page of payouts, newest first; `next_page_token` is null on the last."""

    payouts: list[PayoutShown]
    next_page_token: str | None


class PartnerShown(Given):
    """How a partner stands in one currency, in minor units.

    `owed_minor` is shared less refunded less paid out; negative when refunds came after payouts, and then carried on.
    `frozen_minor` of it waits for a dispute or a refund, `held_minor` for its time. Without `gateway` nobody said where
    the money goes; with `paused_reason` nothing is sent.
    """

    partner_id: str
    currency: str
    shared_minor: int
    refunded_minor: int
    paid_out_minor: int
    owed_minor: int
    frozen_minor: int
    held_minor: int
    gateway: str | None
    destination: str | None
    paused_reason: str | None
    next_batch_at: datetime | None


class Partners(Given):
    """All partners, by id and currency."""

    partners: list[PartnerShown]


class Own(Partners, PayoutPage):
    """A partner's own balances and payouts."""


class PayoutAccount(Taken):
    """Where a partner's money goes: a connected account at Stripe, a linked account at Razorpay; and why it is set."""

    gateway: Identifier
    destination: str = Field(min_length=5, max_length=64, pattern=r"^[A-Za-z0-9_]+$")
    reason: str = Field(min_length=3, max_length=500)


class AccountShown(Given):
    """Where a partner's money in one currency goes; with `paused_reason` nothing is sent."""

    partner_id: str
    currency: str
    gateway: str
    destination: str
    paused_reason: str | None


class Pause(Taken):
    """Why nothing is to be sent."""

    reason: str = Field(min_length=3, max_length=500)


PageToken = Annotated[UUID | None, Query(description="From the page before.")]


@router.get("/admin/payouts", response_model=PayoutPage, dependencies=[Staff])
async def payouts(
    database: Db,
    partner_id: Identifier | None = None,
    status: PayoutState | None = None,
    page_token: PageToken = None,
) -> Any:
    """The payouts of a partner, in a state, or all."""
    return await _page(database, partner_id, status, page_token)


@router.get("/admin/partners", response_model=Partners, dependencies=[Staff])
async def partners(request: Request, database: Db) -> Any:
    """What every partner was shared, is owed, and where it goes."""
    return await _partners(request, database, None)


@router.put(
    "/admin/partners/{partner_id}/payout-accounts/{currency}",
    response_model=AccountShown,
    dependencies=[Admin],
)
async def set_account(
    request: Request, partner_id: Identifier, currency: Currency, account: PayoutAccount, caller: Caller, database: Db
) -> Any:
    """Say where a partner's money goes; a pause ends with it.

    Raises `validation` for a gateway that sends nothing to partners, or not in this currency, or an account that can't
    be one of its.
    """
    gateways: Gateways = request.app.state.gateways
    gateway = gateways.get(account.gateway)
    way = gateway.payouts if gateway is not None else None
    if way is None:
        raise Problem("validation", f"{account.gateway} sends no money to partners here.")
    if way.currencies is not None and currency not in way.currencies:
        raise Problem("validation", f"{account.gateway} sends {', '.join(sorted(way.currencies))} only.")
    if not way.takes_destination(account.destination):
        raise Problem("validation", f"{account.destination} is not the form of an account at {account.gateway}.")
    async with database.transaction() as work:
        row = await payout_accounts.put(
            work, partner_id, currency, account.gateway, account.destination, caller.subject
        )
        target = f"{partner_id}/{currency}/{account.gateway}/{account.destination}"
        await approvals.audit(work, caller.subject, "set-payout-account", target, None, account.reason)
    return row


@router.post(
    "/admin/partners/{partner_id}/payout-accounts/{currency}/pause",
    response_model=AccountShown,
    dependencies=[Admin],
    responses=documented("not-found"),
)
async def pause_account(partner_id: Identifier, currency: Currency, why: Pause, caller: Caller, database: Db) -> Any:
    """Send nothing to this partner until the account is set again. Raises `not-found`."""
    async with database.transaction() as work:
        row = await payout_accounts.pause(work, partner_id, currency, why.reason)
        if row is None:
            raise Problem("not-found", "Nobody said where this partner's money in that currency goes.")
        await approvals.audit(work, caller.subject, "pause-payouts", f"{partner_id}/{currency}", None, why.reason)
    return row


@router.get("/payouts", response_model=Own, dependencies=[Depends(require("expert", "vendor"))])
async def own(request: Request, caller: Caller, database: Db, page_token: PageToken = None) -> Any:
    """What the signed-in partner is owed and was sent; nobody else's is ever shown."""
    page = await _page(database, caller.subject, None, page_token)
    return {**page, **await _partners(request, database, caller.subject)}


async def _page(
    database: Db, partner_id: str | None, status: PayoutState | None, before: UUID | None
) -> dict[str, Any]:
    async with database.transaction() as work:
        rows = await stored.page(work, partner_id, status, before, _PAGE + 1)
    return {"payouts": rows[:_PAGE], "next_page_token": str(rows[_PAGE - 1].id) if len(rows) > _PAGE else None}


async def _partners(request: Request, database: Db, partner_id: str | None) -> dict[str, Any]:
    hold_seconds = request.app.state.settings.payment_payout_hold_seconds
    async with database.transaction() as work:
        return {"partners": await payout_accounts.partners(work, hold_seconds, partner_id)}
