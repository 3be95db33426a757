"""Payouts through Stripe over real HTTP to the vendor's simulator: once for each id, found, short, returned, heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from chassis.ids import uuid7
from services.payment.adapters.gateways.port import (
    Misconfigured,
    PayoutOrder,
    Payouts,
    Rejected,
    Transient,
    Unknown,
    UnreadableEvent,
)
from services.payment.adapters.gateways.stripe.client import StripeGateway
from services.payment.domain.observation import PayoutPart, PayoutSeen
from services.payment.tests.adapters.vendors import Vendors

PARTNER = "acct_1PayfirstPartner1"
DAY_SECONDS = 86_400.0
LOST = {"vendor": "stripe", "kind": "drop_after_commit", "route": "transfers", "method": "POST"}


@pytest_asyncio.fixture
async def gateway(vendors: Vendors) -> AsyncIterator[StripeGateway]:
    """The adapter with good keys; afterwards the vendor behaves again."""
    made = StripeGateway(vendors.settings(stripe_account_id="acct_1PayfirstLocal01"))
    yield made
    await made.close()
    await vendors.calm()


@pytest.fixture
def payouts(gateway: StripeGateway) -> Payouts:
    """Its payouts."""
    assert gateway.payouts is not None
    return gateway.payouts


def order_of(payout_id: UUID | None = None, **changed: Any) -> PayoutOrder:
    """A payout to make."""
    fields: dict[str, Any] = {"destination": PARTNER, "amount_minor": 4_000, "currency": "USD", **changed}
    return PayoutOrder(payout_id or uuid7(), **fields)


@pytest.mark.parametrize(
    ("destination", "taken"),
    [(PARTNER, True), ("acc_PayfirstPartn1", False), ("acct_", False), (f"{PARTNER}\n", False), ("", False)],
)
def test_a_destination_is_known_by_its_form(payouts: Payouts, destination: str, taken: bool) -> None:
    assert payouts.takes_destination(destination) is taken
    assert payouts.currencies is None


async def test_a_payout_is_paid_as_soon_as_it_is_sent(vendors: Vendors, payouts: Payouts) -> None:
    order = order_of()
    part = await payouts.send(order)
    (theirs,) = await vendors.carrying("stripe", order.payout_id)
    assert part == PayoutPart(theirs["id"], order.payout_id, PayoutSeen.PAID, 4_000, "USD", PARTNER)
    assert theirs["transfer_group"] == f"payout:{order.payout_id}"
    assert await payouts.find(order) == part


async def test_many_sends_of_one_id_are_one_transfer(vendors: Vendors, payouts: Payouts) -> None:
    order = order_of()
    first = await vendors.at_once(payouts.send, order, 5)
    async with vendors.later(2 * DAY_SECONDS):
        last = await payouts.send(order)
    assert {part for part in first if not isinstance(part, Transient)} == {last}
    assert len(await vendors.carrying("stripe", order.payout_id)) == 1, "even after the key was forgotten"


async def test_a_lost_answer_is_unknown_until_the_payout_is_found(vendors: Vendors, payouts: Payouts) -> None:
    order = order_of()
    await vendors.act("faults", **LOST)
    with pytest.raises(Unknown):
        await payouts.send(order)
    found = await payouts.find(order)
    assert found is not None
    assert (found.status, found.payout_id) == (PayoutSeen.PAID, order.payout_id)
    assert await payouts.send(order) == found
    assert len(await vendors.carrying("stripe", order.payout_id)) == 1


@pytest.mark.parametrize(("kind", "raised"), [("rate_limited", Transient), ("error_500", Unknown)])
async def test_what_did_not_arrive_is_not_found(
    vendors: Vendors, payouts: Payouts, kind: str, raised: type[Exception]
) -> None:
    order = order_of()
    await vendors.act("faults", **{**LOST, "kind": kind})
    with pytest.raises(raised):
        await payouts.send(order)
    assert await payouts.find(order) is None
    assert (await payouts.send(order)).status is PayoutSeen.PAID


async def test_a_balance_too_low_is_tried_again_though_its_refusal_is_kept(vendors: Vendors, payouts: Payouts) -> None:
    order = order_of()
    await vendors.act("stripe/balance", short=True)
    for _ in range(3):
        with pytest.raises(Transient) as short:
            await payouts.send(order)
        assert short.value.retry_after_seconds == 3600
    assert await payouts.find(order) is None
    await vendors.act("stripe/balance", short=False)
    sent = await vendors.at_once(payouts.send, order, 4)
    parts = {part for part in sent if not isinstance(part, Transient)}
    assert parts == {await payouts.find(order)}
    assert len(await vendors.carrying("stripe", order.payout_id)) == 1


async def test_an_unknown_account_is_rejected(vendors: Vendors, payouts: Payouts) -> None:
    order = order_of(destination="acct_1NobodyKnowsIt00")
    with pytest.raises(Rejected) as refusal:
        await payouts.send(order)
    assert refusal.value.reason == "resource_missing"
    assert await vendors.carrying("stripe", order.payout_id) == []


async def test_another_amount_under_the_same_id_sends_nothing_more(vendors: Vendors, payouts: Payouts) -> None:
    order = order_of()
    first = await payouts.send(order)
    assert await payouts.send(order_of(order.payout_id, amount_minor=9_000)) == first
    assert [item["amount"] for item in await vendors.carrying("stripe", order.payout_id)] == [4_000]


async def test_a_wrong_key_is_a_setting_to_mend(vendors: Vendors) -> None:
    other = StripeGateway(vendors.settings(stripe_secret_key="sk_test_wrong"))
    assert other.payouts is not None
    with pytest.raises(Misconfigured):
        await other.payouts.send(order_of())
    await other.close()


@pytest.mark.parametrize(
    ("currency", "amount_minor", "theirs"),
    [("JPY", 5_000, 5_000), ("KWD", 12_340, 12_340), ("ISK", 500, 50_000), ("INR", 99_900, 99_900)],
)
async def test_amounts_are_counted_as_stripe_does(
    vendors: Vendors, payouts: Payouts, currency: str, amount_minor: int, theirs: int
) -> None:
    order = order_of(currency=currency, amount_minor=amount_minor)
    part = await payouts.send(order)
    assert (part.amount_minor, part.currency) == (amount_minor, currency)
    (item,) = await vendors.carrying("stripe", order.payout_id)
    assert (item["amount"], item["currency"]) == (theirs, currency.lower())
    await vendors.act(f"stripe/transfers/{item['id']}/reverse", amount_minor=theirs // 2)
    found = await payouts.find(order)
    assert found is not None
    assert (found.status, found.returned_minor) == (PayoutSeen.PAID, amount_minor // 2)


async def test_an_amount_that_stripe_can_not_hold_is_rejected_unsent(vendors: Vendors, payouts: Payouts) -> None:
    order = order_of(currency="KWD", amount_minor=12_345)
    with pytest.raises(Rejected, match="amount_not_divisible"):
        await payouts.send(order)
    assert await vendors.carrying("stripe", order.payout_id) == []


async def test_a_payout_comes_back_in_part_then_whole_and_is_not_sent_again(vendors: Vendors, payouts: Payouts) -> None:
    order = order_of()
    sent = await payouts.send(order)
    await vendors.act(f"stripe/transfers/{sent.gateway_payout_id}/reverse", amount_minor=1_500)
    part = await payouts.find(order)
    assert part is not None
    assert (part.status, part.returned_minor) == (PayoutSeen.PAID, 1_500)
    await vendors.act(f"stripe/transfers/{sent.gateway_payout_id}/reverse")
    whole = await payouts.send(order)
    assert (whole.status, whole.returned_minor, whole.amount_minor) == (PayoutSeen.RETURNED, 4_000, 4_000)


async def test_a_period_is_listed_whole_page_by_page(vendors: Vendors, payouts: Payouts) -> None:
    async with vendors.later(40 * DAY_SECONDS):
        ours = [await payouts.send(order_of()) for _ in range(2)]
        auth = {"authorization": f"Bearer {vendors.settings().stripe_secret_key.get_secret_value()}"}
        form = {"amount": "100", "currency": "usd", "destination": PARTNER}
        strangers = [vendors.tester.post("/stripe/v1/transfers", data=form, headers=auth) for _ in range(101)]
        assert {answer.status_code for answer in await asyncio.gather(*strangers)} == {200}
    moment = datetime.now(UTC) + timedelta(days=40)
    found = await payouts.between(moment - timedelta(hours=1), moment + timedelta(hours=1))
    assert len(found) == 103
    assert len({part.gateway_payout_id for part in found}) == 103
    assert [part for part in found if part.payout_id is not None] == ours[::-1]
    assert await payouts.between(moment + timedelta(hours=2), moment + timedelta(hours=3)) == []


async def test_webhooks_of_a_payout_are_read_and_keyed_by_our_id(
    vendors: Vendors, gateway: StripeGateway, payouts: Payouts
) -> None:
    order = order_of()
    sent = await payouts.send(order)
    headers, body = await vendors.hook(sent.gateway_payout_id, "transfer.created")
    assert gateway.webhook_is_authentic(headers, body)
    assert gateway.read_webhook(body, "raw").payouts == (sent,)
    assert gateway.webhook_key(body) == str(order.payout_id)
    await vendors.act(f"stripe/transfers/{sent.gateway_payout_id}/reverse")
    _, body = await vendors.hook(sent.gateway_payout_id, "transfer.reversed")
    (part,) = gateway.read_webhook(body, "raw").payouts
    assert (part.status, part.returned_minor) == (PayoutSeen.RETURNED, 4_000)
    assert gateway.read_webhook(body, "raw").observations == ()


async def test_a_forged_webhook_is_not_authentic_and_a_strangers_account_is_not_read(
    vendors: Vendors, gateway: StripeGateway, payouts: Payouts
) -> None:
    sent = await payouts.send(order_of())
    await vendors.act(f"stripe/transfers/{sent.gateway_payout_id}/reverse", webhooks="forged")
    headers, body = await vendors.hook(sent.gateway_payout_id, "transfer.reversed")
    assert not gateway.webhook_is_authentic(headers, body)
    named = body.replace(b'"object": "event",', b'"object": "event", "account": "acct_another",', 1)
    with pytest.raises(UnreadableEvent, match="another merchant account"):
        gateway.read_webhook(named, "raw")
    with pytest.raises(UnreadableEvent):
        gateway.read_webhook(body.replace(b'"amount": 4000', b'"amount": "4000"'), "raw")


async def test_a_transfer_that_is_no_payout_of_ours_is_told_without_our_id(
    vendors: Vendors, gateway: StripeGateway
) -> None:
    auth = {"authorization": f"Bearer {vendors.settings().stripe_secret_key.get_secret_value()}"}
    form = {"amount": "700", "currency": "usd", "destination": PARTNER, "transfer_group": "booking-1"}
    made = (await vendors.tester.post("/stripe/v1/transfers", data=form, headers=auth)).json()
    _, body = await vendors.hook(made["id"], "transfer.created")
    (part,) = gateway.read_webhook(body, "raw").payouts
    assert (part.payout_id, part.gateway_payout_id, part.amount_minor) == (None, made["id"], 700)
    assert gateway.webhook_key(body) == made["id"]
