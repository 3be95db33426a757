"""Separate transfers by the vendor's own SDK: found by their group, listed by time, refused, and taken back."""

from __future__ import annotations

import json

import pytest
import stripe

from chassis.ids import uuid7
from simulators.tests.conftest import Shop
from simulators.tests.stripe_calls import control, heard, later, sdk, state

PARTNER = "acct_1PayfirstPartner1"
SENT = {"amount": 4000, "currency": "usd", "destination": PARTNER}


async def test_a_transfer_is_found_by_its_group(base: str, shop: Shop) -> None:
    transfers, group = sdk(base).transfers, str(uuid7())
    assert (await transfers.list_async({"transfer_group": group})).data == []
    made = await transfers.create_async({**SENT, "transfer_group": group, "metadata": {"payout_id": group}})
    found = await transfers.list_async({"transfer_group": group})
    assert [(item.id, item.amount, item.metadata["payout_id"]) for item in found.data] == [(made.id, 4000, group)]
    ((_, raw, event),) = await heard(shop, made.id, 1, lambda event: event["type"] == "transfer.created")
    assert (event["data"]["object"]["transfer_group"], json.loads(raw)["type"]) == (group, "transfer.created")


async def test_transfers_are_listed_by_the_time_they_were_made(base: str) -> None:
    transfers = sdk(base).transfers
    async with later(base, 500 * 86_400):
        made = [await transfers.create_async(SENT) for _ in range(3)]
    span = {"gte": made[0].created, "lte": made[-1].created}
    page = await transfers.list_async({"created": span, "limit": 2})
    rest = await transfers.list_async({"created": span, "limit": 2, "starting_after": page.data[-1].id})
    assert [item.id for item in page.data + rest.data] == [item.id for item in reversed(made)]
    assert (page.has_more, rest.has_more) == (True, False)


async def test_a_balance_too_short_refuses_and_the_refusal_is_kept_under_its_key(base: str) -> None:
    transfers, key = sdk(base).transfers, {"idempotency_key": str(uuid7())}
    await control(base, "balance", short=True)
    with pytest.raises(stripe.InvalidRequestError) as short:
        await transfers.create_async(SENT, key)
    await control(base, "balance", short=False)
    assert short.value.code == "balance_insufficient"
    assert "idempotent-replayed" not in (short.value.headers or {})
    with pytest.raises(stripe.InvalidRequestError) as again:
        await transfers.create_async(SENT, key)
    assert again.value.code == "balance_insufficient"
    assert (again.value.headers or {})["idempotent-replayed"] == "true"
    assert (await transfers.create_async(SENT, {"idempotency_key": str(uuid7())})).amount == 4000


@pytest.mark.parametrize(("amount", "currency"), [(1_005, "kwd"), (150, "isk")])
async def test_an_amount_that_its_currency_can_not_hold_is_refused(base: str, amount: int, currency: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="divisible by"):
        await sdk(base).transfers.create_async({**SENT, "amount": amount, "currency": currency})


async def test_a_tester_makes_accounts_and_takes_transfers_back(base: str, shop: Shop) -> None:
    account = await control(base, "accounts", country="JP", default_currency="jpy")
    assert account["id"] in {item["id"] for item in (await state(base))["accounts"]}
    made = await sdk(base).transfers.create_async({**SENT, "destination": account["id"]})
    part = await control(base, f"transfers/{made.id}/reverse", amount_minor=1500)
    assert (part["reversed"], part["amount_reversed"]) == (False, 1500)
    whole = await control(base, f"transfers/{made.id}/reverse")
    assert (whole["reversed"], whole["amount_reversed"]) == (True, 4000)
    assert len(await heard(shop, made.id, 2, lambda event: event["type"] == "transfer.reversed")) == 2
    with pytest.raises(stripe.InvalidRequestError, match="already fully reversed"):
        await sdk(base).transfers.reversals.create_async(made.id)
