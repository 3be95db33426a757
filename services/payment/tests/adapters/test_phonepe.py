"""PhonePe's words and answers, as tables: observations, events, refusals and the webhook's static proof."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID

import pytest

from services.payment.adapters.gateways.phonepe import mapping, signature
from services.payment.adapters.gateways.phonepe.client import PhonePeGateway, _checked, _read
from services.payment.adapters.gateways.phonepe.mapping import OrderStatus, RefundStatus
from services.payment.adapters.gateways.port import Misconfigured, Rejected, Transient, Unknown, UnreadableEvent
from services.payment.adapters.gateways.wire import Answer
from services.payment.domain.observation import Heard, Observation, RefundSeen, Seen, Source
from services.payment.tests.samples import settings_of

OURS = UUID("0199a1f2-6c1b-7c3a-9f43-2f6d7c8a9b01")
Said = list[tuple[str, Seen, str | None]]


def attempt(state: str, number: int = 1, **fields: Any) -> dict[str, Any]:
    """An entry of `paymentDetails`."""
    return {"transactionId": f"OM{number}", "paymentMode": "UPI_QR", "amount": 99_900, "state": state, **fields}


def observed(state: str, *attempts: dict[str, Any], order_id: str = OURS.hex, **fields: Any) -> list[Observation]:
    """What we see in an order's status."""
    body = {"orderId": "OMO1", "state": state, "amount": 99_900, "paymentDetails": list(attempts), **fields}
    status = _read(OrderStatus, body)
    return mapping.observations_of(status, order_id, Source.POLL, "M1")


FAILED: dict[str, Any] = {"errorCode": "PAYMENT_ERROR", "detailedErrorCode": "Z9"}


@pytest.mark.parametrize(
    ("state", "attempts", "fields", "expected"),
    [
        ("PENDING", [], {}, []),
        ("PENDING", [attempt("PENDING")], {}, [("OM1", Seen.PENDING, None)]),
        ("PENDING", [attempt("FAILED", **FAILED)], {}, [("OM1", Seen.PENDING, None)]),
        ("PENDING", [attempt("COMPLETED")], {}, [("OM1", Seen.PENDING, None)]),
        ("A_STATE_OF_TOMORROW", [attempt("COMPLETED")], {}, [("OM1", Seen.PENDING, None)]),
        ("completed", [attempt("COMPLETED")], {}, [("OM1", Seen.PENDING, None)]),
        ("COMPLETED", [attempt("COMPLETED")], {}, [("OM1", Seen.CAPTURED, None)]),
        ("COMPLETED", [], {}, [(OURS.hex, Seen.CAPTURED, None)]),
        (
            "COMPLETED",
            [attempt("FAILED", 1, **FAILED), attempt("PENDING", 2), attempt("COMPLETED", 3)],
            {},
            [("OM3", Seen.CAPTURED, None), ("OM1", Seen.FAILED, "Z9")],
        ),
        (
            "COMPLETED",
            [attempt("COMPLETED", 1), attempt("FAILED", 2, errorCode="TXN_CANCELLED")],
            {},
            [("OM1", Seen.CAPTURED, None), ("OM2", Seen.FAILED, "TXN_CANCELLED")],
        ),
        ("FAILED", [], {"errorCode": "TXN_NOT_COMPLETED"}, [(OURS.hex, Seen.FAILED, "TXN_NOT_COMPLETED")]),
        (
            "FAILED",
            [attempt("FAILED", 1, **FAILED), attempt("FAILED", 2, detailedErrorCode="ZM")],
            {"errorCode": "INVALID_MPIN", "detailedErrorCode": "ZM"},
            [("OM2", Seen.FAILED, "ZM"), ("OM1", Seen.FAILED, "Z9")],
        ),
        (
            "FAILED",
            [attempt("PENDING")],
            {"errorContext": {"errorCode": "TXN_NOT_COMPLETED", "detailedErrorCode": "ORDER_EXPIRED"}},
            [("OM1", Seen.FAILED, "ORDER_EXPIRED")],
        ),
    ],
)
def test_only_the_root_state_decides_and_anything_unclear_is_pending(
    state: str, attempts: list[dict[str, Any]], fields: dict[str, Any], expected: Said
) -> None:
    seen = observed(state, *attempts, **fields)
    assert [(one.gateway_payment_id, one.status, one.reason) for one in seen] == expected
    assert all((one.amount_minor, one.currency, one.account) == (99_900, "INR", "M1") for one in seen)


@pytest.mark.parametrize(
    ("order_id", "ours"),
    [(OURS.hex, OURS), (f"{OURS.hex}-2", OURS), ("somebody-elses-order", None), ("", None)],
)
def test_an_order_id_carries_our_payment_id(order_id: str, ours: UUID | None) -> None:
    (seen,) = observed("COMPLETED", attempt("COMPLETED"), order_id=order_id)
    assert (seen.payment_id, seen.gateway_order_id) == (ours, order_id)


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": "99900"},
        {"amount": 999.0},
        {"amount": -1},
        {"amount": None},
        {"state": None},
        {"state": ""},
        {"paymentDetails": {}},
    ],
)
def test_a_status_with_a_field_of_another_kind_is_no_answer(fields: dict[str, Any]) -> None:
    with pytest.raises(Unknown):
        _read(OrderStatus, {"state": "COMPLETED", "amount": 1, "paymentDetails": [], **fields})


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("PENDING", RefundSeen.PENDING),
        ("CONFIRMED", RefundSeen.PENDING),
        ("COMPLETED", RefundSeen.PROCESSED),
        ("FAILED", RefundSeen.FAILED),
        ("A_STATE_OF_TOMORROW", RefundSeen.PENDING),
    ],
)
def test_a_refund_is_pending_until_it_is_completed_or_failed(state: str, expected: RefundSeen) -> None:
    part = mapping.refund_part(_read(RefundStatus, {"refundId": "OMR1", "state": state, "amount": 5}), OURS)
    assert (part.gateway_refund_id, part.refund_id, part.status, part.amount_minor) == ("OMR1", OURS, expected, 5)


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (400, {"code": "BAD_REQUEST"}, Rejected),
        (404, {}, Rejected),
        (417, {"code": "INVALID_MERCHANT_ORDER_ID"}, Rejected),
        (401, {}, Misconfigured),
        (403, {}, Misconfigured),
        (429, {}, Transient),
        (500, {"code": "INTERNAL_SERVER_ERROR"}, Unknown),
        (503, {}, Unknown),
        (302, {}, Unknown),
    ],
)
def test_each_bad_answer_is_one_of_the_ports_errors(status: int, body: dict[str, Any], raised: type[Exception]) -> None:
    with pytest.raises(raised):
        _checked(Answer(status, body))


def event(kind: str, **payload: Any) -> bytes:
    """A webhook's body."""
    return json.dumps({"event": kind, "type": "IGNORED", "payload": {"merchantId": "M1", **payload}}).encode()


@pytest.mark.parametrize(
    ("body", "heard"),
    [
        (event("checkout.order.completed", merchantOrderId="o-1", state="COMPLETED"), Heard(orders=("o-1",))),
        (event("checkout.order.failed", merchantOrderId="o-1", state="FAILED"), Heard(orders=("o-1",))),
        (event("pg.refund.accepted", merchantRefundId=OURS.hex), Heard(refunds=(OURS,))),
        (event("pg.refund.completed", merchantRefundId=OURS.hex), Heard(refunds=(OURS,))),
        (event("pg.refund.failed", merchantRefundId=OURS.hex), Heard(refunds=(OURS,))),
        (event("pg.refund.completed", merchantRefundId="somebody-elses"), Heard()),
        (event("settlement.done"), Heard()),
    ],
)
def test_an_event_proves_nothing_and_only_says_what_to_ask_about(body: bytes, heard: Heard) -> None:
    assert mapping.read_event(body, "M1") == heard


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b'{"event":"checkout.order.completed"}',
        b'{"event":["x"],"payload":{}}',
        b'{"event":"checkout.order.completed","payload":[]}',
        event("checkout.order.completed"),
        event("pg.refund.completed"),
        event("checkout.order.completed", merchantOrderId="o-1", merchantId="M2"),
    ],
)
def test_an_event_without_what_its_kind_promises_or_of_another_merchant_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        mapping.read_event(body, "M1")
    assert mapping.event_id(body)
    assert mapping.key_of(body)


def test_an_event_is_known_by_what_happened_to_what() -> None:
    done = event("checkout.order.completed", merchantOrderId="o-1", state="COMPLETED", amount=1)
    again = event("checkout.order.completed", merchantOrderId="o-1", state="COMPLETED", amount=2)
    failed = event("checkout.order.failed", merchantOrderId="o-1", state="FAILED")
    refund = event("pg.refund.completed", merchantRefundId="r-1", originalMerchantOrderId="o-1", state="COMPLETED")
    ids = [mapping.event_id(body) for body in (done, again, failed, refund)]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert {mapping.key_of(body) for body in (done, failed, refund)} == {"o-1"}
    assert mapping.event_id(b"{}") != mapping.event_id(b"[]")


def _proof(username: str, password: str) -> str:
    return hashlib.sha256(f"{username}:{password}".encode()).hexdigest()


@pytest.mark.parametrize("password", ["new", "old"])
def test_a_webhook_with_any_password_in_rotation_passes(password: str) -> None:
    assert signature.is_authentic(_proof("user", password), "user", ("new", "old"))


@pytest.mark.parametrize(
    ("given", "username", "passwords"),
    [
        (None, "user", ("new",)),
        ("", "user", ("new",)),
        ("0" * 64, "user", ("new",)),
        (_proof("user", "retired"), "user", ("new", "old")),
        (_proof("other", "new"), "user", ("new",)),
        (_proof("user", "new").upper(), "user", ("new",)),
        (f"SHA256 {_proof('user', 'new')}", "user", ("new",)),
        (_proof("user", "new") + "0", "user", ("new",)),
        ("é" * 64, "user", ("new",)),
        (_proof("user", ""), "user", ()),
        (_proof("", "new"), "", ("new",)),
    ],
)
def test_a_webhook_without_the_right_proof_does_not_pass(
    given: str | None, username: str, passwords: tuple[str, ...]
) -> None:
    assert not signature.is_authentic(given, username, passwords)


def test_without_webhook_credentials_there_is_no_webhook() -> None:
    keys = {"phonepe_client_id": "c", "phonepe_client_secret": "s"}
    whole = {"phonepe_webhook_username": "user", "phonepe_webhook_password": "new,old"}
    assert PhonePeGateway(settings_of(**keys, **whole)).takes_webhooks
    for missing in whole:
        gateway = PhonePeGateway(settings_of(**keys, **{**whole, missing: ""}))
        assert not gateway.takes_webhooks
        assert not gateway.webhook_is_authentic({"authorization": _proof("user", "new")}, b"{}")


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"payment_id": str(OURS)}, True),
        ({"payment_id": "no-id"}, False),
        ({"payment_id": str(OURS), "state": "COMPLETED"}, False),
        ({}, False),
    ],
)
def test_a_return_names_our_payment_and_proves_nothing(fields: dict[str, str], found: bool) -> None:
    returned = PhonePeGateway(settings_of()).read_return(fields)
    assert (returned is not None) == found
    if returned is not None:
        assert (returned.payment_id, returned.gateway_order_id, returned.gateway_payment_id) == (OURS, None, None)
