"""`POST /api/v1/payments/public/create-order`: from a checkout token to what the browser needs to pay."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from chassis import telemetry
from chassis.clock import rfc3339
from chassis.idempotency import Idempotency, Once
from chassis.identity import Caller
from chassis.problems import Problem, documented
from chassis.serving import Db
from chassis.work import Database, Work
from services.payment.adapters import checkout_token
from services.payment.adapters.checkout_token import Checkout
from services.payment.adapters.gateways.port import Gateway
from services.payment.api.schemas import CreatedOrder, CreateOrder, PaymentOption, PaymentOptions, WaysToPay
from services.payment.domain.planning import Collection, plan
from services.payment.domain.states import SECURED, PaymentState
from services.payment.handlers.orders import Opened

log = logging.getLogger(__name__)
router = APIRouter(tags=["payments"])
OPENING_PROBLEMS = (
    "malformed",
    "unauthenticated",
    "validation",
    "idempotency-key-reused",
    "state-conflict",
    "idempotency-in-progress",
    "gateway-unavailable",
)
"""What opening a payment may be refused for, whatever way it was asked for."""
_SHOWN = SECURED | {PaymentState.METHOD_SAVED}


@router.post(
    "/api/v1/payments/public/create-order",
    status_code=201,
    response_model=CreatedOrder,
    responses={
        200: {"model": CreatedOrder, "description": "The payment was there: the same again"},
        **documented(*OPENING_PROBLEMS),
    },
)
async def create_order(request: Request, order: CreateOrder, database: Db, once: Idempotency) -> Response:
    """Open the payment of a checkout. No login: the token proves what is to be paid, by whom and until when."""
    await refuse_reused_key(database, once)
    checkout = _checkout(request, order.checkout_token)
    return await opened_answer(request, checkout, order.gateway, database, once)


@router.post(
    "/api/v1/payments/create-payment-intent",
    status_code=201,
    response_model=CreatedOrder,
    responses={
        200: {"model": CreatedOrder, "description": "The payment was there: the same again"},
        **documented(*OPENING_PROBLEMS, "not-found"),
    },
)
async def create_payment_intent(
    request: Request, wanted: WaysToPay, caller: Caller, database: Db, once: Idempotency
) -> Response:
    """Stripe's name for the same, for the signed-in buyer of the checkout or staff (S1-29)."""
    await refuse_reused_key(database, once)
    checkout = _checkout(request, wanted.checkout_token)
    if not caller.owns("booking", checkout.booking_id, checkout.buyer_id) and "admin" not in caller.roles:
        raise Problem("not-found", "There is no such checkout for you.")
    return await opened_answer(request, checkout, "stripe", database, once)


async def opened_answer(
    request: Request,
    checkout: Checkout,
    name: str,
    database: Database,
    once: Once,
    *,
    shown: Callable[[Gateway, Opened], dict[str, Any]] | None = None,
    field: str = "gateway",
) -> Response:
    """Open the payment of `checkout` at gateway `name` and answer as `shown` (create-order's way by default) has it.

    `field` is the body's field that named the gateway. Raises `validation` for one that is not offered, and what
    `Ordering.open` raises.
    """
    gateway = request.app.state.gateways.get(name)
    if gateway is None:
        offered = ", ".join(sorted(g.name for g in request.app.state.gateways)) or "none"
        error = {"pointer": f"/{field}", "in": "body", "detail": f"Not offered; offered: {offered}."}
        raise Problem("validation", "Choose a gateway that is offered.", errors=[error])
    with telemetry.purchase_span("payment create-order", checkout.booking_id):
        opened = await request.app.state.ordering.open(checkout, gateway)
    body = (shown or _created)(gateway, opened)
    status = 201 if opened.fresh else 200
    if once.key is None:
        return JSONResponse(body, status)

    async def remembered(_: Work) -> tuple[int, dict[str, Any]]:
        return status, body

    return await once.answer(database, remembered)


def _created(gateway: Gateway, opened: Opened) -> dict[str, Any]:
    return {
        "payment_id": str(opened.payment_id),
        "gateway": gateway.name,
        "status": opened.status.value if opened.status in _SHOWN else "created",
        "amount": opened.amount_minor,
        "amount_minor": opened.amount_minor,
        "currency": opened.currency,
        **charged_later(opened),
        **gateway.checkout_fields(opened.gateway_order_id, opened.checkout),
    }


def charged_later(opened: Opened) -> dict[str, str]:
    """What stands beside an order that saves a method: nothing is charged before this instant."""
    if opened.charge_at is None:
        return {}
    return {
        "collection": Collection.SAVE_METHOD.value,
        "charge_at": rfc3339(opened.charge_at),
    }


@router.post(
    "/api/v1/payments/public/options",
    response_model=PaymentOptions,
    responses=documented("malformed", "unauthenticated", "validation"),
)
async def options(request: Request, wanted: WaysToPay) -> PaymentOptions:
    """The gateways that can collect this checkout, the ones that answer first: what the buyer chooses from."""
    checkout = _checkout(request, wanted.checkout_token)
    now = datetime.now(UTC)
    found = []
    for gateway in request.app.state.gateways:
        can = gateway.capabilities
        planned = plan(checkout.capture_policy, checkout.service_ends_at, can, now)
        if planned is not None and can.takes(checkout.currency):
            found.append(
                PaymentOption(
                    gateway=gateway.name,
                    available=not gateway.is_away,
                    methods=list(can.methods),
                    collection=planned.collection,
                    why=planned.why,
                    charge_at=planned.authorize_at,
                )
            )
    return PaymentOptions(
        amount_minor=checkout.amount_minor,
        currency=checkout.currency,
        expires_at=checkout.expires_at,
        options=sorted(found, key=lambda option: not option.available),
    )


def _checkout(request: Request, token: str) -> Checkout:
    try:
        return checkout_token.read(token, request.app.state.settings.checkout_token_secret.get_secret_value())
    except checkout_token.TokenUnreadable:
        raise Problem("malformed", "checkout_token is no token; send what checkout gave.") from None
    except checkout_token.TokenRefused as error:
        if error.expired:
            raise Problem("unauthenticated", "The checkout has ended; check out again.") from None
        telemetry.SECURITY_EVENTS.labels("payment", "checkout-token").inc()
        raise Problem("unauthenticated", "The checkout token is not valid; check out again.") from None


async def refuse_reused_key(database: Database, once: Once) -> None:
    """Another body under a used key is refused before anything is made; the answer itself is stored at the end."""
    if once.key is None:
        return
    async with database.transaction() as work:
        row = await work.fetch_one(
            "SELECT request_digest FROM idempotency_keys WHERE caller = $1 AND route = $2 AND key = $3",
            once.caller,
            once.route,
            once.key,
        )
    if row is not None and bytes(row.request_digest) != once.request_digest:
        raise Problem("idempotency-key-reused", "Use a new key for a new request.")
