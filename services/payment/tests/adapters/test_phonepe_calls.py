"""The PhonePe adapter over real HTTP to the vendor's simulator: orders, polls, refunds, tokens that end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
import pytest_asyncio

from chassis.ids import uuid7
from chassis.testing import eventually
from services.payment.adapters.gateways.phonepe.client import PhonePeGateway
from services.payment.adapters.gateways.port import Charge, Misconfigured, NewOrder, RefundOrder, Rejected, Unknown
from services.payment.domain.observation import RefundSeen, Seen
from services.payment.tests.samples import AMOUNT, settings_of
from services.payment.tests.stage import knobs_of, simulators

SHOP = "http://127.0.0.1:9/returned"


@pytest_asyncio.fixture(scope="module")
async def vendor() -> AsyncIterator[httpx2.AsyncClient]:
    """The simulators, as a tester reaches them."""
    with simulators("http://127.0.0.1:9/hook/") as address:
        async with httpx2.AsyncClient(base_url=address) as client:

            async def up() -> bool:
                try:
                    return (await client.get("/health/live")).status_code == 200
                except httpx2.HTTPError:
                    return False

            await eventually(up, what="the simulators")
            yield client


def gateway_of(vendor: httpx2.AsyncClient, **knobs: Any) -> PhonePeGateway:
    """The adapter, led to the simulator."""
    known = knobs_of(str(vendor.base_url).rstrip("/"), "http://127.0.0.1:9")
    return PhonePeGateway(settings_of(**{**known, "payment_gateway_timeout_seconds": 1.0, **knobs}))


@pytest_asyncio.fixture
async def gateway(vendor: httpx2.AsyncClient) -> AsyncIterator[PhonePeGateway]:
    """The adapter with good keys; afterwards the vendor behaves again."""
    made = gateway_of(vendor)
    yield made
    await made.close()
    await vendor.delete("/control/faults")


def order_of(payment_id: UUID | None = None, **fields: Any) -> NewOrder:
    """An order to make."""
    expires_at = datetime.now(UTC) + timedelta(minutes=15)
    given = {"amount_minor": AMOUNT, "currency": "INR", "expires_at": expires_at, "return_url": SHOP, **fields}
    return NewOrder(payment_id or uuid7(), str(uuid7()), "BK-449034CB", **given)


async def act(tester: httpx2.AsyncClient, path: str, /, **body: Any) -> None:
    """One of the vendor's controls."""
    answer = await tester.post(f"/control/{path}", json=body)
    assert answer.status_code < 300, answer.text


async def paid(vendor: httpx2.AsyncClient, gateway: PhonePeGateway) -> Charge:
    """A charge whose money was taken."""
    order = await gateway.create_order(order_of())
    await act(vendor, f"phonepe/orders/{order.gateway_order_id}/pay")
    (seen,) = await gateway.observe_order(order.gateway_order_id)
    return Charge(order.gateway_order_id, seen.gateway_payment_id, AMOUNT, "INR")


async def book(vendor: httpx2.AsyncClient, order_id: str) -> dict[str, Any]:
    """The order in the vendor's own book."""
    orders = (await vendor.get("/control/state")).json()["phonepe"]["orders"]
    found: dict[str, Any] = next(order for order in orders if order["merchantOrderId"] == order_id)
    return found


@pytest.mark.parametrize(("minutes", "seconds"), [(1, 300), (15, 900), (600, 3600)])
async def test_an_order_carries_ours_and_ends_when_our_offer_does(
    vendor: httpx2.AsyncClient, gateway: PhonePeGateway, minutes: int, seconds: int
) -> None:
    order = order_of(expires_at=datetime.now(UTC) + timedelta(minutes=minutes))
    made = await gateway.create_order(order)
    assert (made.gateway_order_id, made.amount_minor, made.currency) == (order.payment_id.hex, AMOUNT, "INR")
    page = gateway.checkout_fields(made.gateway_order_id, made.checkout)["payment_url"]
    assert (await vendor.get(page)).status_code == 200
    theirs = await book(vendor, made.gateway_order_id)
    assert (theirs["amount"], theirs["redirectUrl"], theirs["message"]) == (AMOUNT, SHOP, "BK-449034CB")
    assert theirs["metaInfo"] == {"udf1": order.booking_id}
    assert abs(theirs["expireAt"] / 1000 - theirs["createdAt"] - seconds) <= 2


async def test_an_order_whose_answer_was_lost_is_found_and_not_payable(
    vendor: httpx2.AsyncClient, gateway: PhonePeGateway
) -> None:
    order = order_of()
    assert await gateway.find_order(order) is None
    await act(vendor, "faults", vendor="phonepe", kind="malformed_json", route="checkout/v2/pay")
    with pytest.raises(Unknown):
        await gateway.create_order(order)
    found = await gateway.find_order(order)
    assert found is not None
    assert (found.gateway_order_id, found.amount_minor, found.payable) == (order.receipt, AMOUNT, False)
    with pytest.raises(Rejected, match="BAD_REQUEST"):
        await gateway.create_order(order)


async def test_what_the_vendor_does_not_take_is_rejected(gateway: PhonePeGateway) -> None:
    for wrong in (order_of(amount_minor=99), order_of(return_url="no-address")):
        with pytest.raises(Rejected):
            await gateway.create_order(wrong)


async def test_a_declined_try_is_pending_until_the_order_is_paid_or_over(
    vendor: httpx2.AsyncClient, gateway: PhonePeGateway
) -> None:
    order_id = (await gateway.create_order(order_of())).gateway_order_id
    assert await gateway.observe_order(order_id) == []
    await act(vendor, f"phonepe/orders/{order_id}/pay", outcome="decline:Z9", leaves=False)
    (seen,) = await gateway.observe_order(order_id)
    assert (seen.status, seen.reason) == (Seen.PENDING, None)
    await act(vendor, f"phonepe/orders/{order_id}/pay")
    won, lost = await gateway.observe_order(order_id)
    assert (won.status, lost.status, lost.reason) == (Seen.CAPTURED, Seen.FAILED, "Z9")
    assert lost.gateway_payment_id == seen.gateway_payment_id != won.gateway_payment_id


async def test_an_order_nobody_paid_has_failed_when_its_time_is_over(
    vendor: httpx2.AsyncClient, gateway: PhonePeGateway
) -> None:
    order_id = (await gateway.create_order(order_of())).gateway_order_id
    await act(vendor, "clock", advance_seconds=3601)
    try:
        (seen,) = await gateway.observe_order(order_id)
    finally:
        await act(vendor, "clock", advance_seconds=-3601)
    assert (seen.status, seen.reason, seen.gateway_payment_id) == (Seen.FAILED, "ORDER_EXPIRED", order_id)


async def test_an_unknown_order_says_nothing(gateway: PhonePeGateway) -> None:
    assert await gateway.observe_order(uuid7().hex) == []


async def test_a_refund_is_made_once_and_found_again(vendor: httpx2.AsyncClient, gateway: PhonePeGateway) -> None:
    charge = await paid(vendor, gateway)
    order = RefundOrder(uuid7(), charge, 30_000)
    assert await gateway.find_refund(order) is None
    await act(vendor, "phonepe/refunds/next", state="WAITING")
    made = await gateway.refund(order)
    assert (made.status, made.amount_minor, made.refund_id) == (RefundSeen.PENDING, 30_000, order.refund_id)
    with pytest.raises(Rejected, match="BAD_REQUEST"):
        await gateway.refund(order)
    found = await gateway.find_refund(order)
    assert found == made
    await act(vendor, f"phonepe/refunds/{order.refund_id.hex}/end", state="COMPLETED")
    ended = await gateway.find_refund(order)
    assert ended is not None
    assert (ended.status, ended.gateway_refund_id) == (RefundSeen.PROCESSED, made.gateway_refund_id)
    with pytest.raises(Rejected):
        await gateway.refund(RefundOrder(uuid7(), charge, AMOUNT - 30_000 + 1))


async def test_there_is_nothing_to_capture_void_or_list(gateway: PhonePeGateway) -> None:
    charge, now = Charge("o", "p", AMOUNT, "INR"), datetime.now(UTC)
    for call in (gateway.capture(charge, AMOUNT), gateway.void(charge), gateway.observe_between(now, now)):
        with pytest.raises(Rejected):
            await call


async def test_revoked_and_expired_tokens_are_replaced_without_a_word(
    vendor: httpx2.AsyncClient, gateway: PhonePeGateway
) -> None:
    charge = await paid(vendor, gateway)
    await act(vendor, "phonepe/tokens/revoke")
    asked = await asyncio.gather(*(gateway.observe_order(charge.gateway_order_id) for _ in range(10)))
    assert all(seen[0].status is Seen.CAPTURED for seen in asked)
    await act(vendor, "clock", advance_seconds=3601)
    try:
        refund = await gateway.refund(RefundOrder(uuid7(), charge, AMOUNT))
    finally:
        await act(vendor, "clock", advance_seconds=-3601)
    assert refund.amount_minor == AMOUNT


async def test_wrong_keys_are_a_misconfiguration_and_not_an_outage(vendor: httpx2.AsyncClient) -> None:
    wrong = gateway_of(vendor, phonepe_client_secret="wrong", payment_breaker_failures=1)
    for _ in range(2):
        with pytest.raises(Misconfigured):
            await wrong.create_order(order_of())
    assert not wrong.is_away
    await wrong.close()


async def test_a_question_is_repeated_and_a_write_never_is(vendor: httpx2.AsyncClient, gateway: PhonePeGateway) -> None:
    charge = await paid(vendor, gateway)
    await act(vendor, "faults", vendor="phonepe", kind="error_500", route="status", times=2)
    (seen,) = await gateway.observe_order(charge.gateway_order_id)
    assert seen.status is Seen.CAPTURED
    await act(vendor, "faults", vendor="phonepe", kind="error_500", route="refund", times=1)
    order = RefundOrder(uuid7(), charge, AMOUNT)
    with pytest.raises(Unknown):
        await gateway.refund(order)
    assert await gateway.find_refund(order) is None
