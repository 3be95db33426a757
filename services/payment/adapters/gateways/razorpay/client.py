"""Razorpay's documented HTTP behind the port (gateways.md 2.2): orders, payments, capture, refunds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

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
from services.payment.adapters.gateways.razorpay import declines, mapping, signature
from services.payment.adapters.gateways.razorpay.calls import Calls, items, read
from services.payment.adapters.gateways.razorpay.payouts import RazorpayPayouts
from services.payment.adapters.gateways.wire import Wire
from services.payment.domain.capabilities import Capabilities, CaptureMode
from services.payment.domain.declines import Decline
from services.payment.domain.observation import Heard, Observation, RefundPart, Seen, Source
from services.payment.settings import PaymentSettings

_RETURN_FIELDS = ("razorpay_order_id", "razorpay_payment_id", "razorpay_signature")
_MANUAL_EXPIRY_MINUTES = int(mapping.MANUAL_EXPIRY.total_seconds()) // 60
_MAX_EVENT_ID_CHARACTERS = 128


class RazorpayGateway:
    """Razorpay: full capture only, no void (uncaptured money returns by itself), failed is not final for days."""

    name = mapping.GATEWAY
    capabilities = Capabilities(
        capture_modes=frozenset({CaptureMode.AUTOMATIC, CaptureMode.MANUAL}),
        uncaptured_is_returned=True,
        authorization_seconds=mapping.MANUAL_EXPIRY.total_seconds(),
        late_authorization_days=5,
        currencies=frozenset({"INR"}),
        methods=("upi", "card", "netbanking", "wallet"),
    )

    def __init__(self, settings: PaymentSettings) -> None:
        self._account_id = settings.razorpay_account_id
        self._key_id = settings.razorpay_key_id
        self._key_secret = settings.razorpay_key_secret.get_secret_value()
        self._webhook_secrets = settings.razorpay_webhook_secrets
        self._wire = Wire(
            settings.razorpay_base_url, (self._key_id, self._key_secret), settings.payment_gateway_timeout_seconds
        )
        self._breaker = Breaker(self.name, settings.payment_breaker_failures, settings.payment_breaker_open_seconds)
        self._calls = Calls(self._wire, self._breaker)
        self.payouts: Payouts | None = RazorpayPayouts(self._calls)
        self.saved: SavedMethods | None = None

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
        """Whether `account` is ours; every account is where none is configured."""
        return not self._account_id or account == self._account_id

    async def create_order(self, order: NewOrder) -> GatewayOrder:
        """`POST /v1/orders`. Sent once: a repeat is the caller's, after `find_order`."""
        body = {
            "amount": order.amount_minor,
            "currency": order.currency,
            "receipt": order.receipt,
            "notes": {"payment_id": str(order.payment_id), "booking_id": order.booking_id},
            "payment": {
                "capture": order.capture_mode.value,
                "capture_options": {"manual_expiry_period": _MANUAL_EXPIRY_MINUTES},
            },
        }
        return _order(read(mapping.OrderEntity, await self._calls.send("POST", "/v1/orders", json=body)))

    async def find_order(self, order: NewOrder) -> GatewayOrder | None:
        """`GET /v1/orders?receipt=`: the oldest order of that receipt that is ours."""
        answer = await self._calls.asked("/v1/orders", None, {"receipt": order.receipt})
        found = [
            entity for item in items(answer) if (entity := read(mapping.OrderEntity, item)).receipt == order.receipt
        ]
        return _order(found[-1]) if found else None

    def checkout_fields(self, gateway_order_id: str, checkout: Mapping[str, str]) -> dict[str, str]:
        """Order id and public key for Razorpay's checkout script."""
        return {"razorpay_order_id": gateway_order_id, "key_id": self._key_id}

    def read_return(self, fields: Mapping[str, str]) -> Returned | None:
        """The triple of Razorpay's checkout."""
        if set(fields) != set(_RETURN_FIELDS):
            return None
        return Returned(fields["razorpay_order_id"], fields["razorpay_payment_id"])

    def return_is_authentic(self, fields: Mapping[str, str], stored_order_id: str) -> bool:
        """HMAC by the key secret over our stored order id and the payment id."""
        return signature.return_is_authentic(
            stored_order_id, fields["razorpay_payment_id"], fields["razorpay_signature"], self._key_secret
        )

    async def observe_order(
        self, gateway_order_id: str, source: Source = Source.POLL, within_seconds: float | None = None
    ) -> list[Observation]:
        """`GET /v1/orders/{id}/payments`, oldest first; with `within_seconds` one try only."""
        path = f"/v1/orders/{gateway_order_id}/payments"
        answer = await self._calls.asked(path, within_seconds)
        payments = [read(mapping.PaymentEntity, item) for item in items(answer)]
        return [mapping.observation_of(payment, source, self._key_id, path) for payment in reversed(payments)]

    async def capture(self, charge: Charge, amount_minor: int) -> Observation:
        """`POST /v1/payments/{id}/capture`, asked first; any refusal is settled by looking again (gateways.md 2.2)."""
        before = await self._payment(charge)
        if before.status is not Seen.AUTHORIZED:
            return before
        path = f"/v1/payments/{charge.gateway_payment_id}/capture"
        try:
            answer = await self._calls.send("POST", path, json={"amount": amount_minor, "currency": charge.currency})
        except (Rejected, Declined, Unknown):
            return await self._payment(charge)
        return mapping.observation_of(read(mapping.PaymentEntity, answer), Source.REPLY, self._key_id, path)

    async def void(self, charge: Charge) -> Observation:
        """Razorpay has no void: uncaptured money returns by itself."""
        raise Rejected("no_void", "Razorpay can't release an authorization")

    async def observe_between(self, since: datetime, until: datetime) -> list[Observation]:
        """`GET /v1/payments?from=&to=` in pages of 100, and `GET /v1/refunds` likewise."""
        found: list[Observation] = []
        async for item in self._calls.pages("/v1/payments", since, until):
            entity = read(mapping.PaymentEntity, item)
            found.append(mapping.observation_of(entity, Source.POLL, self._key_id, "/v1/payments"))
        async for item in self._calls.pages("/v1/refunds", since, until):
            refund = read(mapping.RefundEntity, item)
            payment, part = await self._entity(refund.payment_id), mapping.refund_part(refund)
            found.append(mapping.observation_of(payment, Source.POLL, self._key_id, "/v1/refunds", refund=part))
        return found

    async def _payment(self, charge: Charge) -> Observation:
        path = f"/v1/payments/{charge.gateway_payment_id}"
        entity = await self._entity(charge.gateway_payment_id)
        return mapping.observation_of(entity, Source.REPLY, self._key_id, path)

    async def _entity(self, gateway_payment_id: str) -> mapping.PaymentEntity:
        return read(mapping.PaymentEntity, await self._calls.asked(f"/v1/payments/{gateway_payment_id}", None))

    async def refund(self, order: RefundOrder) -> RefundPart:
        """`POST /v1/payments/{id}/refund` under `X-Refund-Idempotency`: our refund id."""
        answer = await self._calls.send(
            "POST",
            f"/v1/payments/{order.charge.gateway_payment_id}/refund",
            json={
                "amount": order.amount_minor,
                "speed": "normal",
                "receipt": order.refund_id.hex,
                "notes": {"refund_id": str(order.refund_id)},
            },
            headers={"X-Refund-Idempotency": str(order.refund_id)},
        )
        return mapping.refund_part(read(mapping.RefundEntity, answer))

    async def find_refund(self, order: RefundOrder) -> RefundPart | None:
        """`GET /v1/payments/{id}/refunds`: the one that carries our refund id."""
        answer = await self._calls.asked(
            f"/v1/payments/{order.charge.gateway_payment_id}/refunds", None, {"count": 100}
        )
        parts = [mapping.refund_part(read(mapping.RefundEntity, item)) for item in items(answer)]
        return next((part for part in parts if part.refund_id == order.refund_id), None)

    def webhook_is_authentic(self, headers: Mapping[str, str], body: bytes) -> bool:
        """HMAC by one of the webhook secrets over the raw bytes."""
        return signature.webhook_is_authentic(body, headers.get("x-razorpay-signature"), self._webhook_secrets)

    def webhook_id(self, headers: Mapping[str, str], body: bytes) -> str:
        """`x-razorpay-event-id`, which stays the same over redeliveries; without it a digest of the body."""
        given = headers.get("x-razorpay-event-id", "")
        if given and given.isprintable() and len(given) <= _MAX_EVENT_ID_CHARACTERS:
            return given
        return f"body-{hashlib.sha256(body).hexdigest()}"

    def webhook_key(self, body: bytes) -> str:
        """The order id, or what a payout's event is about."""
        return mapping.key_of(body)

    def read_webhook(self, body: bytes, raw: str) -> Heard:
        """The observations in an event, or what it says of a payout."""
        observations = mapping.read_event(body, raw)
        return Heard(observations) if observations else Heard(payouts=mapping.read_payouts(body, self.owns))

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()


def _order(entity: mapping.OrderEntity) -> GatewayOrder:
    return GatewayOrder(entity.id, entity.amount, entity.currency.upper())
