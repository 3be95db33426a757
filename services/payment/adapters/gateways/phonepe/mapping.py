"""PhonePe's words into ours. Only the root state of an order counts; anything unclear is pending (gateways.md 3.3)."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.payment.adapters.gateways.port import UnreadableEvent
from services.payment.domain.observation import Heard, Observation, RefundPart, RefundSeen, Seen, Source

GATEWAY = "phonepe"
CURRENCY = "INR"
_ORDERS = frozenset({"checkout.order.completed", "checkout.order.failed"})
_REFUNDS = frozenset({"pg.refund.accepted", "pg.refund.completed", "pg.refund.failed"})
_STATE = {"COMPLETED": Seen.CAPTURED, "FAILED": Seen.FAILED}
_REFUND_STATE = {"COMPLETED": RefundSeen.PROCESSED, "FAILED": RefundSeen.FAILED}

Minor = Annotated[int, Field(strict=True, ge=0, le=10**15)]
Text = Annotated[str, Field(min_length=1, max_length=64)]


class _Entity(BaseModel):
    model_config = ConfigDict(extra="ignore")


class OrderMade(_Entity):
    """The answer to a pay request."""

    orderId: Text  # noqa: N815 - the vendor's names
    redirectUrl: Annotated[str, Field(min_length=1, max_length=4096)]  # noqa: N815


class _Transaction(_Entity):
    transactionId: str | None = None  # noqa: N815
    state: str = ""
    amount: Minor | None = None
    errorCode: str | None = None  # noqa: N815
    detailedErrorCode: str | None = None  # noqa: N815

    @property
    def reason(self) -> str | None:
        """Why the attempt failed."""
        return (self.detailedErrorCode or self.errorCode or "")[:100] or None


class _ErrorContext(_Entity):
    errorCode: str | None = None  # noqa: N815
    detailedErrorCode: str | None = None  # noqa: N815


class OrderStatus(_Entity):
    """An order as PhonePe shows it."""

    state: Text
    amount: Minor
    currency: str = CURRENCY
    paymentDetails: list[_Transaction] = []  # noqa: N815
    errorCode: str | None = None  # noqa: N815
    detailedErrorCode: str | None = None  # noqa: N815
    errorContext: _ErrorContext | None = None  # noqa: N815


class RefundStatus(_Entity):
    """A refund as PhonePe shows it."""

    refundId: str | None = None  # noqa: N815
    state: Text
    amount: Minor


def observations_of(order: OrderStatus, merchant_order_id: str, source: Source, account: str) -> list[Observation]:
    """What an order says: first the attempt that the root state is about, then the attempts that failed beside it.

    Only the root state decides: a failed attempt of an open order is pending, because the buyer may try again
    (gateways.md 3.3). Before the first attempt there is nothing to tell.
    """
    status = _STATE.get(order.state, Seen.PENDING)
    attempts = order.paymentDetails
    if status is Seen.PENDING and not attempts:
        return []
    last = attempts[-1] if attempts else _Transaction()
    paid = next((attempt for attempt in attempts if attempt.state == "COMPLETED"), last)
    counted = paid if status is Seen.CAPTURED else last

    def seen(attempt: _Transaction, status: Seen, reason: str | None) -> Observation:
        return Observation(
            gateway=GATEWAY,
            gateway_order_id=merchant_order_id,
            gateway_payment_id=(attempt.transactionId or merchant_order_id)[:64],
            status=status,
            amount_minor=order.amount,
            currency=order.currency.upper(),
            account=account,
            source=source,
            raw=f"/checkout/v2/order/{merchant_order_id}/status",
            payment_id=own_id(merchant_order_id),
            reason=reason if status is Seen.FAILED else None,
        )

    others = [attempt for attempt in attempts if attempt is not counted and attempt.state == "FAILED"]
    beside = others if status is not Seen.PENDING else []
    return [seen(counted, status, _reason(order)), *(seen(other, Seen.FAILED, other.reason) for other in beside)]


def refund_part(refund: RefundStatus, refund_id: UUID) -> RefundPart:
    """A refund as the refund part of an observation."""
    status = _REFUND_STATE.get(refund.state, RefundSeen.PENDING)
    return RefundPart(refund.refundId, refund_id, status, refund.amount)


def own_id(text: object) -> UUID | None:
    """Our id at the beginning of a merchant order or refund id."""
    try:
        return UUID(str(text)[:32])
    except ValueError:
        return None


def read_event(body: bytes, merchant_id: str) -> Heard:
    """What to ask about. The header proves the sender and not the body, so nothing that an event says counts (3.4).

    Raises `UnreadableEvent` when it doesn't have what its kind promises, or is another merchant's.
    """
    try:
        event = orjson.loads(body)
        kind, payload = event["event"], event["payload"]
        if merchant_id and payload.get("merchantId", merchant_id) != merchant_id:
            raise UnreadableEvent("the event is another merchant's")
        if kind in _ORDERS:
            return Heard(orders=(str(payload["merchantOrderId"])[:64],))
        if kind in _REFUNDS:
            ours = own_id(payload["merchantRefundId"])
            return Heard() if ours is None else Heard(refunds=(ours,))
        return Heard()
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableEvent(f"{type(error).__name__} in an event") from error


def event_id(body: bytes) -> str:
    """PhonePe numbers no events: what happened to which order or refund, and in which state, is the identity."""
    try:
        event = orjson.loads(body)
        payload = event["payload"]
        about = payload.get("merchantRefundId") or payload["merchantOrderId"]
        return f"{event['event']}/{about}/{payload.get('state', '')}"[:128]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return f"body-{hashlib.sha256(body).hexdigest()}"


def key_of(body: bytes) -> str:
    """The order that an event is about, else a constant: only used to keep one order's events in order."""
    try:
        payload: Any = orjson.loads(body)["payload"]
        return str(payload.get("merchantOrderId") or payload["originalMerchantOrderId"])[:64]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return GATEWAY


def _reason(order: OrderStatus) -> str | None:
    context = order.errorContext or _ErrorContext()
    found = order.detailedErrorCode or context.detailedErrorCode or order.errorCode or context.errorCode
    return found[:100] if found else None
