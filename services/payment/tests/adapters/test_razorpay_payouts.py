"""Payouts through Razorpay's Route over real HTTP to the vendor's simulator: once for each id, and how each may end."""

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
from services.payment.adapters.gateways.razorpay.client import RazorpayGateway
from services.payment.adapters.gateways.razorpay.mapping import TransferEntity, payout_part
from services.payment.domain.observation import PayoutPart, PayoutSeen
from services.payment.tests.adapters.vendors import Vendors

PARTNER = "acc_PayfirstPartn1"
DAY_SECONDS = 86_400.0
NEXT = "razorpay/transfers/next"
LOST = {"vendor": "razorpay", "kind": "drop_after_commit", "route": "transfers", "method": "POST"}


@pytest_asyncio.fixture
async def gateway(vendors: Vendors) -> AsyncIterator[RazorpayGateway]:
    """The adapter with good keys; afterwards the vendor behaves again."""
    made = RazorpayGateway(vendors.settings(razorpay_account_id="acc_PayfirstLocal1"))
    yield made
    await made.close()
    await vendors.calm()


@pytest.fixture
def payouts(gateway: RazorpayGateway) -> Payouts:
    """Its payouts."""
    assert gateway.payouts is not None
    return gateway.payouts


def order_of(payout_id: UUID | None = None, **changed: Any) -> PayoutOrder:
    """A payout to make."""
    fields: dict[str, Any] = {"destination": PARTNER, "amount_minor": 79_920, "currency": "INR", **changed}
    return PayoutOrder(payout_id or uuid7(), **fields)


def merchant(vendors: Vendors) -> tuple[str, str]:
    """The merchant's key, to make transfers past the adapter."""
    settings = vendors.settings()
    return settings.razorpay_key_id, settings.razorpay_key_secret.get_secret_value()


@pytest.mark.parametrize(
    ("destination", "taken"),
    [(PARTNER, True), ("acct_1PayfirstPartner1", False), ("acc_short", False), (f"{PARTNER}\n", False), ("", False)],
)
def test_a_destination_is_known_by_its_form(payouts: Payouts, destination: str, taken: bool) -> None:
    assert payouts.takes_destination(destination) is taken
    assert payouts.currencies == frozenset({"INR"})


async def test_a_payout_is_sent_and_found_by_our_id(vendors: Vendors, payouts: Payouts) -> None:
    order = order_of()
    assert await payouts.find(order) is None
    part = await payouts.send(order)
    (theirs,) = await vendors.carrying("razorpay", order.payout_id)
    assert part == PayoutPart(theirs["id"], order.payout_id, PayoutSeen.PAID, 79_920, "INR", PARTNER)
    assert await payouts.find(order) == part


async def test_many_sends_of_one_id_are_one_transfer(vendors: Vendors, payouts: Payouts) -> None:
    order = order_of()
    await vendors.act(NEXT, state="processed", seconds=0.5)
    first = await vendors.at_once(payouts.send, order, 5)
    async with vendors.later(2 * DAY_SECONDS):
        last = await payouts.send(order)
    assert {part for part in first if not isinstance(part, Transient)} == {last}
    assert len(await vendors.carrying("razorpay", order.payout_id)) == 1


async def test_a_lost_answer_is_unknown_until_the_payout_is_found(vendors: Vendors, payouts: Payouts) -> None:
    order = order_of()
    await vendors.act("faults", **LOST)
    with pytest.raises(Unknown):
        await payouts.send(order)
    found = await payouts.find(order)
    assert found is not None
    assert (found.status, found.payout_id) == (PayoutSeen.PAID, order.payout_id)
    assert await payouts.send(order) == found
    assert len(await vendors.carrying("razorpay", order.payout_id)) == 1


async def test_what_the_list_does_not_show_yet_is_sent_once_by_its_key(vendors: Vendors, payouts: Payouts) -> None:
    """An id that says it was made in two hours stands for a list that trails behind: it is asked from then on."""
    order = order_of(UUID(int=uuid7().int + (2 * 3_600_000 << 80)))
    await vendors.act("faults", **LOST)
    with pytest.raises(Unknown):
        await payouts.send(order)
    assert await payouts.find(order) is None
    again = await payouts.send(order)
    assert [item["id"] for item in await vendors.carrying("razorpay", order.payout_id)] == [again.gateway_payout_id]


@pytest.mark.parametrize(("kind", "raised"), [("rate_limited", Transient), ("error_500", Unknown)])
async def test_what_did_not_arrive_is_not_found_and_asking_sends_nothing(
    vendors: Vendors, payouts: Payouts, kind: str, raised: type[Exception]
) -> None:
    order = order_of()
    await vendors.act("faults", **{**LOST, "kind": kind})
    with pytest.raises(raised):
        await payouts.send(order)
    assert await payouts.find(order) is None
    assert await vendors.carrying("razorpay", order.payout_id) == []
    assert (await payouts.send(order)).status is PayoutSeen.PAID


async def test_a_balance_too_low_is_tried_again_in_an_hour(vendors: Vendors, payouts: Payouts) -> None:
    order = order_of()
    await vendors.act(NEXT, state="balance_short")
    with pytest.raises(Transient) as short:
        await payouts.send(order)
    assert short.value.retry_after_seconds == 3600
    assert await payouts.find(order) is None
    assert (await payouts.send(order)).status is PayoutSeen.PAID


@pytest.mark.parametrize(
    "changed", [{"destination": "acc_NobodyKnowsIt0"}, {"amount_minor": 99}], ids=["account", "amount"]
)
async def test_what_razorpay_does_not_take_is_rejected(
    vendors: Vendors, payouts: Payouts, changed: dict[str, Any]
) -> None:
    order = order_of(**changed)
    with pytest.raises(Rejected) as refusal:
        await payouts.send(order)
    assert refusal.value.reason == "input_validation_failed"
    assert await vendors.carrying("razorpay", order.payout_id) == []


async def test_another_currency_is_rejected_unsent(vendors: Vendors, payouts: Payouts) -> None:
    order = order_of(currency="USD")
    with pytest.raises(Rejected, match="currency_not_supported"):
        await payouts.send(order)
    assert await vendors.carrying("razorpay", order.payout_id) == []


async def test_a_wrong_key_is_a_setting_to_mend(vendors: Vendors) -> None:
    other = RazorpayGateway(vendors.settings(razorpay_key_secret="wrong"))
    assert other.payouts is not None
    with pytest.raises(Misconfigured):
        await other.payouts.send(order_of())
    await other.close()


@pytest.mark.parametrize("waiting", ["created", "pending"])
async def test_a_payout_waits_and_is_then_paid(vendors: Vendors, payouts: Payouts, waiting: str) -> None:
    order = order_of()
    await vendors.act(NEXT, state=waiting)
    sent = await payouts.send(order)
    assert (sent.status, sent.reason) == (PayoutSeen.PENDING, None)
    await vendors.act(f"razorpay/transfers/{sent.gateway_payout_id}/end", state="processed")
    assert (await payouts.send(order)).status is PayoutSeen.PAID
    assert len(await vendors.carrying("razorpay", order.payout_id)) == 1


async def test_a_failed_payout_tells_why_and_stays_failed(vendors: Vendors, payouts: Payouts) -> None:
    order = order_of()
    await vendors.act(NEXT, state="failed")
    sent = await payouts.send(order)
    assert (sent.status, sent.reason, sent.returned_minor) == (PayoutSeen.FAILED, "insufficient_balance", 0)
    assert await payouts.send(order) == sent
    assert len(await vendors.carrying("razorpay", order.payout_id)) == 1


async def test_a_payout_comes_back_in_part_then_whole(vendors: Vendors, payouts: Payouts) -> None:
    order = order_of()
    sent = await payouts.send(order)
    await vendors.act(f"razorpay/transfers/{sent.gateway_payout_id}/return", amount_minor=20_000)
    part = await payouts.find(order)
    assert part is not None
    assert (part.status, part.returned_minor) == (PayoutSeen.PAID, 20_000)
    await vendors.act(f"razorpay/transfers/{sent.gateway_payout_id}/return")
    whole = await payouts.send(order)
    assert (whole.status, whole.returned_minor) == (PayoutSeen.RETURNED, 79_920)


async def test_a_period_is_listed_whole_page_by_page(vendors: Vendors, payouts: Payouts) -> None:
    async with vendors.later(40 * DAY_SECONDS):
        ours = [await payouts.send(order_of()) for _ in range(2)]
        body = {"account": PARTNER, "amount": 100, "currency": "INR"}
        auth = merchant(vendors)
        strangers = [vendors.tester.post("/razorpay/v1/transfers", json=body, auth=auth) for _ in range(101)]
        assert {answer.status_code for answer in await asyncio.gather(*strangers)} == {200}
    moment = datetime.now(UTC) + timedelta(days=40)
    found = await payouts.between(moment - timedelta(hours=1), moment + timedelta(hours=1))
    assert len(found) == 103
    assert len({part.gateway_payout_id for part in found}) == 103
    assert [part for part in found if part.payout_id is not None] == ours[::-1]
    assert await payouts.between(moment + timedelta(hours=2), moment + timedelta(hours=3)) == []


@pytest.mark.parametrize(("end", "status"), [("processed", PayoutSeen.PAID), ("failed", PayoutSeen.FAILED)])
async def test_webhooks_of_a_payout_are_read_and_keyed_by_our_id(
    vendors: Vendors, gateway: RazorpayGateway, payouts: Payouts, end: str, status: PayoutSeen
) -> None:
    order = order_of()
    await vendors.act(NEXT, state="pending")
    sent = await payouts.send(order)
    await vendors.act(f"razorpay/transfers/{sent.gateway_payout_id}/end", state=end)
    headers, body = await vendors.hook(sent.gateway_payout_id, f"transfer.{end}")
    assert gateway.webhook_is_authentic(headers, body)
    heard = gateway.read_webhook(body, "raw")
    assert heard.payouts == (await payouts.find(order),)
    assert (heard.payouts[0].status, heard.observations) == (status, ())
    assert gateway.webhook_key(body) == str(order.payout_id)


async def test_a_forged_webhook_is_not_authentic_and_a_strangers_account_is_not_read(
    vendors: Vendors, gateway: RazorpayGateway, payouts: Payouts
) -> None:
    await vendors.act(NEXT, state="processed", webhooks="forged")
    sent = await payouts.send(order_of())
    headers, body = await vendors.hook(sent.gateway_payout_id, "transfer.processed")
    assert not gateway.webhook_is_authentic(headers, body)
    with pytest.raises(UnreadableEvent, match="another merchant account"):
        gateway.read_webhook(body.replace(b"acc_PayfirstLocal1", b"acc_AnotherShops01", 1), "raw")
    with pytest.raises(UnreadableEvent):
        gateway.read_webhook(body.replace(b'"amount":79920', b'"amount":"79920"'), "raw")


async def test_a_transfer_that_is_no_payout_of_ours_is_told_without_our_id(
    vendors: Vendors, gateway: RazorpayGateway
) -> None:
    body = {"account": PARTNER, "amount": 700, "currency": "INR"}
    made = (await vendors.tester.post("/razorpay/v1/transfers", json=body, auth=merchant(vendors))).json()
    _, raw = await vendors.hook(made["id"], "transfer.processed")
    (part,) = gateway.read_webhook(raw, "raw").payouts
    assert (part.payout_id, part.gateway_payout_id, part.amount_minor) == (None, made["id"], 700)
    assert gateway.webhook_key(raw) == made["id"]


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("created", PayoutSeen.PENDING),
        ("a_word_from_the_future", PayoutSeen.PENDING),
        ("reversed", PayoutSeen.RETURNED),
    ],
)
def test_only_explicit_words_are_an_end_under_either_name_of_the_status(word: str, status: PayoutSeen) -> None:
    fields = {"id": "trf_1", "amount": 5, "currency": "INR", "recipient": PARTNER, "notes": []}
    for name in ("status", "transfer_status"):
        assert payout_part(TransferEntity.model_validate({**fields, name: word})).status is status
