"""Rows, tokens, observations and signed webhooks to start tests from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import orjson

from chassis.ids import uuid7
from chassis.steps import Message
from chassis.work import Database
from services.payment.adapters.gateways.razorpay import signature
from services.payment.domain.observation import DisputePart, Observation, RefundPart, RefundSeen, Seen, Source
from services.payment.settings import PaymentSettings
from services.payment.storage.gateway_events import RawEvent

AMOUNT = 99_900
CHECKOUT_SECRET = "checkout-secret-of-the-tests-0123456789"
KEY_SECRET = "key-secret-of-the-tests"
WEBHOOK_SECRETS = ("webhook-new", "webhook-old")


def settings_of(**more: Any) -> PaymentSettings:
    """Payment's settings for tests."""
    knobs: dict[str, Any] = {
        "database_url": "postgresql://unused",
        "token_secret": "token-secret-of-the-tests-0123456789",
        "checkout_token_secret": CHECKOUT_SECRET,
        "razorpay_key_id": "rzp_test_tests",
        "razorpay_key_secret": KEY_SECRET,
        "razorpay_webhook_secret": ",".join(WEBHOOK_SECRETS),
        "razorpay_base_url": "http://127.0.0.1:9",
        "payment_capture_after_seconds": 0.0,
        "payment_poll_first_seconds": 0.2,
        **more,
    }
    return PaymentSettings(**knobs)


def checkout_token(secret: str = CHECKOUT_SECRET, typ: str = "checkout+jwt", **changed: Any) -> str:
    """A checkout token as booking signs it; `changed` replaces claims."""
    claims = {
        "booking_id": str(uuid7()),
        "reference": "BK-449034CB",
        "amount_minor": AMOUNT,
        "currency": "INR",
        "kinds": ["course"],
        "capture_policy": "immediate",
        "buyer_id": "student-1",
        "aud": "payment",
        "exp": datetime.now(UTC) + timedelta(minutes=15),
        "jti": str(uuid7()),
        **changed,
    }
    return jwt.encode(claims, secret, algorithm="HS256", headers={"typ": typ})


async def add_payment(database: Database, **changed: Any) -> UUID:
    """A payment as create-order leaves it; `changed` replaces columns."""
    payment_id = changed.pop("id", None) or uuid7()
    columns = {
        "id": payment_id,
        "booking_id": str(uuid7()),
        "reference": "BK-449034CB",
        "buyer_id": "student-1",
        "gateway": "razorpay",
        "status": "created",
        "amount_minor": AMOUNT,
        "currency": "INR",
        "capture_policy": "immediate",
        "gateway_order_id": f"order_{payment_id.hex[-14:]}",
        "poll_at": datetime.now(UTC),
        "expires_at": datetime.now(UTC) + timedelta(minutes=15),
        **changed,
    }
    places = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
    async with database.transaction() as work:
        await work.execute(f"INSERT INTO payments ({', '.join(columns)}) VALUES ({places})", *columns.values())
        await work.execute(
            "INSERT INTO gateway_orders (payment_id, number, gateway, gateway_order_id) VALUES ($1, 1, $2, $3)",
            payment_id,
            columns["gateway"],
            columns["gateway_order_id"],
        )
    return payment_id


def order_of(payment_id: UUID) -> str:
    """The gateway's order id of a payment made by `add_payment`."""
    return f"order_{payment_id.hex[-14:]}"


def seen(of: UUID, status: Seen = Seen.CAPTURED, /, **changed: Any) -> Observation:
    """An observation of the first attempt of payment `of`."""
    fields: dict[str, Any] = {
        "gateway": "razorpay",
        "gateway_order_id": order_of(of),
        "gateway_payment_id": f"pay_{of.hex[-14:]}",
        "status": status,
        "amount_minor": AMOUNT,
        "currency": "INR",
        "account": "acc_tests",
        "source": Source.WEBHOOK,
        "raw": "test",
        "dispute": DisputePart(f"disp_{of.hex[-10:]}", AMOUNT) if status.startswith("dispute_") else None,
        **changed,
    }
    return Observation(**fields)


def refund_seen(
    payment_id: UUID, amount_minor: int, status: RefundSeen = RefundSeen.PROCESSED, **changed: Any
) -> Observation:
    """An observation of a refund `rfnd_1` of `payment_id`."""
    refund_id = changed.pop("refund_id", None)
    part = RefundPart(changed.pop("gateway_refund_id", f"rfnd_{payment_id.hex[-10:]}"), refund_id, status, amount_minor)
    return seen(payment_id, Seen.CAPTURED, refund=part, **changed)


def payment_entity(payment_id: UUID, status: str = "captured", **changed: Any) -> dict[str, Any]:
    """A payment as Razorpay shows it."""
    return {
        "id": f"pay_{payment_id.hex[-14:]}",
        "entity": "payment",
        "amount": AMOUNT,
        "currency": "INR",
        "status": status,
        "order_id": order_of(payment_id),
        "captured": status in ("captured", "refunded"),
        "notes": [],
        **changed,
    }


def webhook(kind: str, payment: dict[str, Any], **payload: Any) -> bytes:
    """The body of a Razorpay event."""
    entities = {name: {"entity": entity} for name, entity in {"payment": payment, **payload}.items()}
    event = {
        "entity": "event",
        "account_id": "acc_tests",
        "event": kind,
        "contains": list(entities),
        "payload": entities,
    }
    return orjson.dumps(event)


def signed(body: bytes, secret: str = WEBHOOK_SECRETS[0], event_id: str | None = None) -> dict[str, str]:
    """The headers that Razorpay sends with `body`."""
    return {
        "x-razorpay-signature": signature.of_webhook(body, secret),
        "x-razorpay-event-id": event_id or str(uuid7()),
        "content-type": "application/json",
    }


def raw_event(body: bytes, event_id: str | None = None) -> RawEvent:
    """An authentic event, as the door hands it to the intake."""
    return RawEvent(uuid7(), "razorpay", event_id or str(uuid7()), body, "key")


def message(event: Any, key: str = "key") -> Message:
    """A message for a handler."""
    return Message(uuid7(), type(event).type, key, event)


async def rows(database: Database, sql: str, *args: Any) -> list[tuple[Any, ...]]:
    """Rows of `sql` as tuples."""
    async with database.transaction() as work:
        return [tuple(row) for row in await work.fetch(sql, *args)]


async def told(database: Database) -> list[str]:
    """The types of all events told so far, in order."""
    return [row[0] for row in await rows(database, "SELECT type FROM events ORDER BY id")]


BOOKS = (
    "SELECT id, status, authorized_minor, captured_minor, refunded_minor, gateway_payment_id, duplicate_of FROM payments ORDER BY id",
    "SELECT gateway_payment_id, payment_id, status, captured_minor, refunded_minor, surplus, late FROM gateway_payments ORDER BY 1",
    "SELECT payment_id, from_status, to_status, trigger, reason, source FROM payment_transitions ORDER BY payment_id, id",
    "SELECT payment_id, to_status, gateway_payment_id, source FROM payment_evidence ORDER BY payment_id, id",
    "SELECT payment_id, refund_key, status, amount_minor FROM refunds ORDER BY 1, 2",
    "SELECT kind, dedupe, payment_id FROM cases ORDER BY dedupe",
    "SELECT key, type FROM events ORDER BY key, id",
)


async def books(database: Database) -> list[Sequence[tuple[Any, ...]]]:
    """Everything that observations change, without ids of ours and times."""
    return [await rows(database, sql) for sql in BOOKS]
