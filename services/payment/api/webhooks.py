"""`POST /api/v1/webhooks/{gateway}`: authenticate raw bytes, record, acknowledge. Without a secret there is no route."""

from __future__ import annotations

from fastapi import APIRouter, Request

from chassis import telemetry
from chassis.ids import uuid7
from chassis.problems import Problem, documented
from services.payment.adapters.gateways.port import Gateway
from services.payment.adapters.gateways.registry import Gateways
from services.payment.api.schemas import Acknowledged
from services.payment.storage.gateway_events import RawEvent

PATHS = ("/api/v1/webhooks/", "/api/payments/webhook/")
"""Without a rate limit: a vendor that sends everything again at once must be heard. What is forged is counted here."""


def router_of(gateways: Gateways) -> APIRouter:
    """The webhook routes of the gateways whose secret is configured; the body limit is the chassis' 256 KiB."""
    router = APIRouter(tags=["webhooks"])
    for gateway in gateways:
        if gateway.takes_webhooks:
            _add(router, gateway)
    return router


def _add(router: APIRouter, gateway: Gateway) -> None:
    @router.post(
        f"/api/v1/webhooks/{gateway.name}",
        name=f"{gateway.name}_webhook",
        response_model=Acknowledged,
        responses=documented("unauthenticated", "too-large", "rate-limited", "dependency-unavailable"),
    )
    async def receive(request: Request) -> Acknowledged:
        body = await request.body()
        if not gateway.webhook_is_authentic(request.headers, body):
            telemetry.SECURITY_EVENTS.labels("payment", "webhook-signature").inc()
            request.app.state.limits.charge_forged(request)
            raise Problem("unauthenticated", "The signature is missing or wrong.")
        event = RawEvent(
            uuid7(), gateway.name, gateway.webhook_id(request.headers, body), body, gateway.webhook_key(body)
        )
        await request.app.state.intake.accept(event)
        return Acknowledged()
