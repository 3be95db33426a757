"""Stripe's SDK behind the port (gateways.md section 1): payment intents, capture in part, void, refunds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import orjson
import stripe

from services.payment.adapters.gateways.breaker import Breaker
from services.payment.adapters.gateways.port import (
    Charge,
    Declined,
    GatewayOrder,
    NewOrder,
    Payouts,
    RefundOrder,
    Rejected,
    Returned,
    SavedMethods,
    Unknown,
)
from services.payment.adapters.gateways.stripe import declines, mapping, signature
from services.payment.adapters.gateways.stripe.amounts import from_stripe, to_stripe
from services.payment.adapters.gateways.stripe.calls import Calls, read, under_key
from services.payment.adapters.gateways.stripe.entities import GATEWAY, IntentEntity, RefundEntity, SetupEntity
from services.payment.adapters.gateways.stripe.payouts import StripePayouts
from services.payment.adapters.gateways.stripe.saving import StripeSaving
from services.payment.adapters.gateways.stripe.setups import is_setup, setup_observations
from services.payment.adapters.gateways.stripe.transport import Transport
from services.payment.adapters.gateways.wire import Wire, repeated
from services.payment.domain.capabilities import Capabilities, CaptureMode
from services.payment.domain.declines import Decline
from services.payment.domain.observation import Heard, Observation, RefundPart, Source
from services.payment.domain.states import OrderPurpose
from services.payment.settings import PaymentSettings

_CHARGE = ["latest_charge.balance_transaction", "latest_charge.refunds"]
_SEVEN_DAYS_SECONDS = 7 * 86_400.0
_OFF_SESSION_SECONDS = 4 * 86_400.0 + 18 * 3600.0
"""What Visa holds of a charge in the holder's absence; others hold longer."""


class StripeGateway:
    """Stripe: authorizes first, captures later and in part, voids; every write is replayed under our own key."""

    name = GATEWAY
    capabilities = Capabilities(
        capture_modes=frozenset({CaptureMode.AUTOMATIC, CaptureMode.MANUAL}),
        partial_capture=True,
        void=True,
        saves_methods=True,
        authorization_seconds=_SEVEN_DAYS_SECONDS,
        off_session_seconds=_OFF_SESSION_SECONDS,
        late_authorization_days=1,
        methods=("card", "apple_pay", "google_pay"),
    )

    def __init__(self, settings: PaymentSettings) -> None:
        self._publishable_key = settings.stripe_publishable_key
        self._webhook_secrets = settings.stripe_webhook_secrets
        self._account_id = settings.stripe_account_id
        wire = Wire(settings.stripe_base_url, None, settings.payment_gateway_timeout_seconds)
        client = stripe.StripeClient(
            settings.stripe_secret_key.get_secret_value(),
            base_addresses={"api": settings.stripe_base_url.rstrip("/")},
            http_client=Transport(wire),
            max_network_retries=0,
        )
        self._close = wire.close
        self._breaker = Breaker(self.name, settings.payment_breaker_failures, settings.payment_breaker_open_seconds)
        self._calls = Calls(client, self._breaker)
        self.payouts: Payouts | None = StripePayouts(self._calls)
        self._saving = StripeSaving(self._calls)
        self.saved: SavedMethods | None = self._saving

    @property
    def is_away(self) -> bool:
        """Whether calls are refused at the moment because the gateway does not answer."""
        return self._breaker.is_open

    def decline_of(self, reason: str) -> Decline:
        """The class of a failed attempt's code."""
        return declines.decline_of(reason)

    @property
    def takes_webhooks(self) -> bool:
        """Whether a webhook secret is configured."""
        return bool(self._webhook_secrets)

    def owns(self, account: str) -> bool:
        """Whether the event is our account's: events of connected accounts name another."""
        return account in ("", self._account_id)

    async def create_order(self, order: NewOrder) -> GatewayOrder:
        """`POST /v1/payment_intents` under the receipt as key: a repeat gives the same intent again; `POST /v1/setup_intents`
        where a card is saved."""
        if order.purpose is OrderPurpose.SAVE:
            return await self._saving.prepare(order)
        amount = to_stripe(order.amount_minor, order.currency)
        params: Any = {
            "amount": amount,
            "currency": order.currency.lower(),
            "capture_method": order.capture_mode.value,
            "automatic_payment_methods": {"enabled": True},
            "description": order.reference,
            "metadata": {"payment_id": str(order.payment_id), "booking_id": order.booking_id},
        }
        intents = self._calls.v1.payment_intents
        options = under_key(f"order:{order.receipt}")
        answer = await repeated(lambda: self._calls.run(lambda: intents.create_async(params, options)))
        intent = read(IntentEntity, answer)
        currency = intent.currency.upper()
        checkout = {"client_secret": intent.client_secret or ""}
        return GatewayOrder(intent.id, from_stripe(intent.amount, currency), currency, checkout)

    async def find_order(self, order: NewOrder) -> GatewayOrder | None:
        """None: `create_order` again under the same key is how Stripe finds it, and no buyer holds its secret yet."""
        return None

    def checkout_fields(self, gateway_order_id: str, checkout: Mapping[str, str]) -> dict[str, str]:
        """What Stripe's payment element needs (S1-07, S1-39)."""
        secret = checkout.get("client_secret", "")
        return {
            "setup_intent_id" if is_setup(gateway_order_id) else "payment_intent_id": gateway_order_id,
            "client_secret": secret,
            "publishable_key": self._publishable_key,
        }

    def read_return(self, fields: Mapping[str, str]) -> Returned | None:
        """The intent's id, or the setup intent's."""
        for name in ("payment_intent_id", "setup_intent_id"):
            if set(fields) == {name} and is_setup(fields[name]) == (name == "setup_intent_id"):
                return Returned(fields[name])
        return None

    def return_is_authentic(self, fields: Mapping[str, str], stored_order_id: str) -> bool:
        """Stripe signs no return: it only says which intent to ask about."""
        return True

    async def observe_order(
        self, gateway_order_id: str, source: Source = Source.POLL, within_seconds: float | None = None
    ) -> list[Observation]:
        """`GET /v1/payment_intents/{id}` with its newest charge, its fee and its refunds; or the setup intent."""
        intents = self._calls.v1.payment_intents

        def once() -> Awaitable[Any]:
            if is_setup(gateway_order_id):
                return self._saving.look(gateway_order_id)
            return self._calls.run(lambda: intents.retrieve_async(gateway_order_id, {"expand": _CHARGE}))

        if within_seconds is None:
            answer = await repeated(once)
        else:
            async with _deadline(within_seconds):
                answer = await once()
        if is_setup(gateway_order_id):
            raw = f"/v1/setup_intents/{gateway_order_id}"
            return setup_observations(read(SetupEntity, answer), source, "", raw)
        return self._observed(answer, source)

    async def capture(self, charge: Charge, amount_minor: int) -> Observation:
        """`POST …/capture` of `amount_minor`; the rest is released. A refusal is settled by looking again."""
        amount = to_stripe(amount_minor, charge.currency)
        key = under_key(f"capture:{charge.gateway_order_id}:{amount}")
        intents = self._calls.v1.payment_intents
        params: Any = {"amount_to_capture": amount, "expand": _CHARGE}
        return await self._converge(charge, lambda: intents.capture_async(charge.gateway_order_id, params, key))

    async def void(self, charge: Charge) -> Observation:
        """`POST …/cancel`: the authorization is released. A refusal is settled by looking again."""
        key = under_key(f"void:{charge.gateway_order_id}")
        intents = self._calls.v1.payment_intents
        params: Any = {"cancellation_reason": "requested_by_customer", "expand": _CHARGE}
        return await self._converge(charge, lambda: intents.cancel_async(charge.gateway_order_id, params, key))

    async def refund(self, order: RefundOrder) -> RefundPart:
        """`POST /v1/refunds` of the intent, under our refund id. A balance too low is `Transient`, tried in an hour."""
        params: Any = {
            "payment_intent": order.charge.gateway_order_id,
            "amount": to_stripe(order.amount_minor, order.currency),
            "metadata": {"refund_id": str(order.refund_id)},
        }
        create = self._calls.v1.refunds.create_async
        answer = await self._calls.paid_by_balance(f"refund:{order.refund_id}", lambda key: create(params, key))
        return mapping.refund_part(read(RefundEntity, answer))

    async def find_refund(self, order: RefundOrder) -> RefundPart | None:
        """`GET /v1/refunds?payment_intent=`: the one that carries our refund id."""
        params: Any = {"payment_intent": order.charge.gateway_order_id, "limit": 100}
        answer = await repeated(lambda: self._calls.run(lambda: self._calls.v1.refunds.list_async(params)))
        parts = [mapping.refund_part(read(RefundEntity, item)) for item in answer.data]
        return next((part for part in parts if part.refund_id == order.refund_id), None)

    async def observe_between(self, since: datetime, until: datetime) -> list[Observation]:
        """`GET /v1/payment_intents?created=`, with charges, fees and refunds."""
        found: list[Observation] = []
        expand = [f"data.{path}" for path in _CHARGE]
        intents = self._calls.v1.payment_intents.list_async
        async for intent in self._calls.listed(intents, since, until, expand=expand):
            found += self._observed(intent, Source.POLL)
        return found

    def webhook_is_authentic(self, headers: Mapping[str, str], body: bytes) -> bool:
        """`Stripe-Signature` by one of the secrets, not older than five minutes."""
        return signature.is_authentic(body, headers.get("stripe-signature"), self._webhook_secrets)

    def webhook_id(self, headers: Mapping[str, str], body: bytes) -> str:
        """The event's id, which the signature covers."""
        try:
            return str(orjson.loads(body)["id"])[:128]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return "unnamed"

    def webhook_key(self, body: bytes) -> str:
        """The intent, or what a payout's event is about."""
        return mapping.key_of(body)

    def read_webhook(self, body: bytes, raw: str) -> Heard:
        """What an event says."""
        return mapping.read_event(body, raw, self.owns)

    async def close(self) -> None:
        """Close the connections."""
        await self._close()

    def _observed(self, intent: stripe.PaymentIntent, source: Source) -> list[Observation]:
        entity = read(IntentEntity, intent)
        return mapping.observations_of(entity, source, "", f"/v1/payment_intents/{entity.id}")

    async def _converge(self, charge: Charge, call: Callable[[], Awaitable[stripe.PaymentIntent]]) -> Observation:
        try:
            seen = self._observed(await repeated(lambda: self._calls.run(call)), Source.REPLY)
        except (Rejected, Declined, Unknown):
            seen = await self.observe_order(charge.gateway_order_id, Source.REPLY)
        if not seen:
            raise Unknown(f"payment intent {charge.gateway_order_id} shows no charge")
        return seen[0]


@contextlib.asynccontextmanager
async def _deadline(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise Unknown(f"no answer within {seconds} s") from error
