"""PhonePe's documented HTTP behind the port (gateways.md section 3): redirect checkout, order status, refunds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from services.payment.adapters.gateways.breaker import Breaker
from services.payment.adapters.gateways.phonepe import declines, mapping, signature
from services.payment.adapters.gateways.phonepe.token import TokenHolder
from services.payment.adapters.gateways.port import (
    Charge,
    GatewayOrder,
    Misconfigured,
    NewOrder,
    Payouts,
    RefundOrder,
    Rejected,
    Returned,
    SavedMethods,
    Transient,
    Unknown,
)
from services.payment.adapters.gateways.wire import Answer, Wire, repeated
from services.payment.domain.capabilities import Capabilities, CaptureMode
from services.payment.domain.declines import Decline
from services.payment.domain.observation import Heard, Observation, RefundPart, Source
from services.payment.settings import PaymentSettings

M = TypeVar("M", bound=BaseModel)
_EXPIRE_AFTER_SECONDS = (300, 3600)
"""What `expireAfter` may be (gateways.md 3.3)."""
_NOT_FOUND = frozenset(
    {"INVALID_MERCHANT_ORDER_ID", "INVALID_MERCHANT_REFUND_ID", "ORDER_NOT_FOUND", "REFUND_NOT_FOUND"}
)


class PhonePeGateway:
    """PhonePe: captures at once, signs no webhook body, ends an order with its last decline."""

    name = mapping.GATEWAY
    payouts: Payouts | None = None
    saved: SavedMethods | None = None
    capabilities = Capabilities(
        capture_modes=frozenset({CaptureMode.AUTOMATIC}),
        late_authorization_days=1,
        order_takes_retries=False,
        webhooks_prove=False,
        lists_payments=False,
        currencies=frozenset({mapping.CURRENCY}),
        methods=("upi", "card", "netbanking"),
    )

    def __init__(self, settings: PaymentSettings) -> None:
        self._settings = settings
        seconds = settings.payment_gateway_timeout_seconds
        self._wire, self._oauth = (
            Wire(settings.phonepe_base_url, None, seconds),
            Wire(settings.phonepe_oauth_url, None, seconds),
        )
        self._tokens = TokenHolder(self._fetch_token)
        self._breaker = Breaker(self.name, settings.payment_breaker_failures, settings.payment_breaker_open_seconds)

    @property
    def is_away(self) -> bool:
        """Whether calls are refused at the moment because the gateway does not answer."""
        return self._breaker.is_open

    def decline_of(self, reason: str) -> Decline:
        """The class of a failed attempt's code."""
        return declines.decline_of(reason)

    @property
    def takes_webhooks(self) -> bool:
        """Whether webhook credentials are configured."""
        return bool(self._settings.phonepe_webhook_username and self._settings.phonepe_webhook_passwords)

    def owns(self, account: str) -> bool:
        """Always: what is another merchant's is unreadable before it is an observation."""
        return True

    async def create_order(self, order: NewOrder) -> GatewayOrder:
        """`POST /checkout/v2/pay` under the receipt as `merchantOrderId`; a repeat is refused, see `find_order`."""
        left = int((order.expires_at - datetime.now(UTC)).total_seconds())
        shortest, longest = _EXPIRE_AFTER_SECONDS
        body = {
            "merchantOrderId": order.receipt,
            "amount": order.amount_minor,
            "expireAfter": min(longest, max(shortest, left)),
            "metaInfo": {"udf1": order.booking_id},
            "paymentFlow": {
                "type": "PG_CHECKOUT",
                "message": order.reference,
                "merchantUrls": {"redirectUrl": order.return_url},
            },
        }
        made = _read(mapping.OrderMade, await self._send("POST", "/checkout/v2/pay", json=body))
        checkout = {"payment_url": made.redirectUrl}
        return GatewayOrder(order.receipt, order.amount_minor, order.currency, checkout)

    async def find_order(self, order: NewOrder) -> GatewayOrder | None:
        """The order's status: it says that the order is there, but not any more where the buyer pays it."""
        status = await self._status(order.receipt)
        if status is None:
            return None
        return GatewayOrder(order.receipt, status.amount, status.currency.upper(), payable=False)

    def checkout_fields(self, gateway_order_id: str, checkout: Mapping[str, str]) -> dict[str, str]:
        """The address of PhonePe's page."""
        return {"payment_url": checkout.get("payment_url", "")}

    def read_return(self, fields: Mapping[str, str]) -> Returned | None:
        """Our payment id: PhonePe's redirect brings nothing back, so our own address carries it."""
        if set(fields) != {"payment_id"}:
            return None
        try:
            return Returned(payment_id=UUID(fields["payment_id"]))
        except ValueError:
            return None

    def return_is_authentic(self, fields: Mapping[str, str], stored_order_id: str) -> bool:
        """PhonePe signs no return: it only says which order to ask about."""
        return True

    async def observe_order(
        self, gateway_order_id: str, source: Source = Source.POLL, within_seconds: float | None = None
    ) -> list[Observation]:
        """`GET /checkout/v2/order/{id}/status`; with `within_seconds` one try only."""
        status = await self._status(gateway_order_id, within_seconds)
        account = self._settings.phonepe_merchant_id or self._settings.phonepe_client_id
        return [] if status is None else mapping.observations_of(status, gateway_order_id, source, account)

    async def capture(self, charge: Charge, amount_minor: int) -> Observation:
        """PhonePe captures by itself: there is nothing to capture."""
        raise Rejected("no_capture", "PhonePe has no authorization that could be captured")

    async def void(self, charge: Charge) -> Observation:
        """PhonePe has no void."""
        raise Rejected("no_void", "PhonePe has no authorization that could be released")

    async def refund(self, order: RefundOrder) -> RefundPart:
        """`POST /payments/v2/refund` under our refund id; a repeat is refused, see `find_refund`."""
        body = {
            "merchantRefundId": order.refund_id.hex,
            "originalMerchantOrderId": order.charge.gateway_order_id,
            "amount": order.amount_minor,
        }
        answer = await self._send("POST", "/payments/v2/refund", json=body)
        return mapping.refund_part(_read(mapping.RefundStatus, answer), order.refund_id)

    async def find_refund(self, order: RefundOrder) -> RefundPart | None:
        """`GET /payments/v2/refund/{id}/status`."""
        path = f"/payments/v2/refund/{order.refund_id.hex}/status"
        answer = await self._found(lambda: repeated(lambda: self._send("GET", path)))
        return None if answer is None else mapping.refund_part(_read(mapping.RefundStatus, answer), order.refund_id)

    async def observe_between(self, since: datetime, until: datetime) -> list[Observation]:
        """PhonePe lists nothing: each order is asked about."""
        raise Rejected("no_list", "PhonePe has no list of payments")

    def webhook_is_authentic(self, headers: Mapping[str, str], body: bytes) -> bool:
        """The static authorization of one of the passwords."""
        username, passwords = self._settings.phonepe_webhook_username, self._settings.phonepe_webhook_passwords
        return signature.is_authentic(headers.get("authorization"), username, passwords)

    def webhook_id(self, headers: Mapping[str, str], body: bytes) -> str:
        """What happened to which order or refund: PhonePe numbers no events."""
        return mapping.event_id(body)

    def webhook_key(self, body: bytes) -> str:
        """The order."""
        return mapping.key_of(body)

    def read_webhook(self, body: bytes, raw: str) -> Heard:
        """What to ask about."""
        return mapping.read_event(body, self._settings.phonepe_merchant_id)

    async def close(self) -> None:
        """Close the connections."""
        await self._tokens.close()
        await self._wire.close()
        await self._oauth.close()

    async def _status(self, merchant_order_id: str, within_seconds: float | None = None) -> mapping.OrderStatus | None:
        path = f"/checkout/v2/order/{merchant_order_id}/status"
        params = {"details": "true", "errorContext": "true"}

        async def once() -> dict[str, Any]:
            return await self._send("GET", path, params=params, within_seconds=within_seconds)

        answer = await self._found(once if within_seconds is not None else lambda: repeated(once))
        return None if answer is None else _read(mapping.OrderStatus, answer)

    async def _found(self, call: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any] | None:
        try:
            return await call()
        except Rejected as error:
            if error.reason in _NOT_FOUND or error.reason == "status_404":
                return None
            raise

    async def _fetch_token(self) -> Answer:
        settings = self._settings
        form = {
            "client_id": settings.phonepe_client_id,
            "client_version": str(settings.phonepe_client_version),
            "client_secret": settings.phonepe_client_secret.get_secret_value(),
            "grant_type": "client_credentials",
        }
        return await self._oauth.send("POST", "/v1/oauth/token", form=form)

    async def _send(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        async def once() -> dict[str, Any]:
            token = await self._tokens.token()
            answer = await self._wire.send(method, path, headers={"Authorization": f"O-Bearer {token}"}, **request)
            if answer.status == 401:
                # Refused before it was executed: another token, once (gateways.md 3.1).
                self._tokens.forget(token)
                token = await self._tokens.token()
                answer = await self._wire.send(method, path, headers={"Authorization": f"O-Bearer {token}"}, **request)
            return _checked(answer)

        return await self._breaker.run(once)


def _read(model: type[M], value: Any) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Unknown(f"an answer that is no {model.__name__}") from error


def _checked(answer: Answer) -> dict[str, Any]:
    """The body of a good answer; a bad one as the port's error, by status and code (gateways.md 3.1, 3.5)."""
    if 200 <= answer.status < 300:
        return answer.body
    code = str(answer.body.get("code") or f"status_{answer.status}")[:100]
    if answer.status in (401, 403):
        raise Misconfigured(f"phonepe answers {answer.status}: check PHONEPE_CLIENT_ID and PHONEPE_CLIENT_SECRET")
    if answer.status == 429:
        raise Transient("phonepe answers 429", answer.retry_after_seconds)
    if 400 <= answer.status < 500:
        raise Rejected("status_404" if answer.status == 404 else code, str(answer.body.get("message") or "")[:200])
    raise Unknown(f"phonepe answers {answer.status} ({code})")
