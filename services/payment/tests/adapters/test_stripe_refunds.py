"""Refunds at Stripe while our balance is too low: refused, and made once when there is enough, although the refusal is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from chassis.ids import uuid7
from services.payment.adapters.gateways.port import Charge, NewOrder, RefundOrder, Transient
from services.payment.adapters.gateways.stripe.client import StripeGateway
from services.payment.domain.observation import RefundSeen
from services.payment.tests.adapters.vendors import Vendors


@pytest_asyncio.fixture
async def stripe(vendors: Vendors) -> AsyncIterator[StripeGateway]:
    """Stripe's adapter; afterwards the vendor is calm again."""
    gateway = StripeGateway(vendors.settings())
    yield gateway
    await gateway.close()
    await vendors.calm()


async def test_a_balance_too_low_is_tried_again_though_its_refusal_is_kept(
    vendors: Vendors, stripe: StripeGateway
) -> None:
    ends = datetime.now(UTC) + timedelta(minutes=15)
    made = await stripe.create_order(NewOrder(uuid7(), str(uuid7()), "BK-1", 99_900, "INR", ends))
    await vendors.act(f"stripe/payment_intents/{made.gateway_order_id}/pay", outcome="success")
    (seen,) = await stripe.observe_order(made.gateway_order_id)
    charge = Charge(made.gateway_order_id, seen.gateway_payment_id, 99_900, "INR")
    order = RefundOrder(uuid7(), charge, 40_000)
    await vendors.act("stripe/balance", short=True)
    for _ in range(3):
        with pytest.raises(Transient) as short:
            await stripe.refund(order)
        assert short.value.retry_after_seconds == 3600
    assert await stripe.find_refund(order) is None
    await vendors.act("stripe/balance", short=False)
    first, again = await stripe.refund(order), await stripe.refund(order)
    assert first == again == await stripe.find_refund(order)
    assert (first.status, first.amount_minor) == (RefundSeen.PROCESSED, 40_000)
    assert {seen.refunded_minor for seen in await stripe.observe_order(made.gateway_order_id)} == {40_000}
