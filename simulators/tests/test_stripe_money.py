"""Refunds, disputes, transfers and the lists that a reconciliation reads."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from simulators.tests.stripe_calls import ORDER, control, later, paid, sdk, state

PARTNER = "acct_1PayfirstPartner1"


async def test_refunds_in_part_never_exceed_what_was_captured(base: str) -> None:
    intent, refunds = await paid(base), sdk(base).refunds
    order = {"payment_intent": intent.id, "amount": 2000, "reason": "requested_by_customer", "metadata": {"r": "1"}}
    first = await refunds.create_async(order)
    assert (first.status, first.amount, first.metadata["r"]) == ("succeeded", 2000, "1")
    with pytest.raises(stripe.InvalidRequestError, match="greater than"):
        await refunds.create_async({"payment_intent": intent.id, "amount": 3001})
    await refunds.create_async({"charge": intent.latest_charge})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await refunds.create_async({"payment_intent": intent.id})
    assert refusal.value.code == "charge_already_refunded"
    charge = await sdk(base).charges.retrieve_async(intent.latest_charge, {"expand": ["refunds"]})
    assert (charge.refunded, charge.amount_refunded, len(charge.refunds.data)) == (True, 5000, 2)
    entry = await sdk(base).balance_transactions.retrieve_async(first.balance_transaction)
    assert (entry.type, entry.amount, entry.fee) == ("refund", -2000, 0)
    assert (await sdk(base).payment_intents.retrieve_async(intent.id)).status == "succeeded"


async def test_a_pending_refund_settles_as_the_clock_goes_on(base: str) -> None:
    intent = await paid(base, "pm_card_pendingRefund")
    refund = await sdk(base).refunds.create_async({"payment_intent": intent.id})
    assert (refund.status, refund.destination_details.card.type) == ("pending", "pending")
    async with later(base, 3601):
        assert (await sdk(base).refunds.retrieve_async(refund.id)).status == "succeeded"


async def test_a_refund_may_fail_after_it_had_succeeded(base: str) -> None:
    intent, refunds = await paid(base, "pm_card_refundFail"), sdk(base).refunds
    refund = await refunds.create_async({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    await control(base, f"refunds/{refund.id}/settle", act="fail")
    failed = await refunds.retrieve_async(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    charge = await sdk(base).charges.retrieve_async(intent.latest_charge)
    assert (charge.refunded, charge.amount_refunded) == (False, 0)


async def test_refunds_go_as_a_tester_orders(base: str) -> None:
    intent, refunds = await paid(base), sdk(base).refunds
    await control(base, "refund_orders", behaviour="fail_at_once")
    made = await refunds.create_async({"payment_intent": intent.id, "amount": 1000})
    assert made.status == "failed"
    await control(base, "balance", short=True)
    with pytest.raises(stripe.InvalidRequestError) as short:
        await refunds.create_async({"payment_intent": intent.id})
    await control(base, "balance", short=False)
    assert short.value.code == "balance_insufficient"
    assert (await refunds.create_async({"payment_intent": intent.id})).amount == 5000


@pytest.mark.parametrize(("won", "back"), [(True, 5000), (False, 0)])
async def test_a_dispute_takes_the_money_until_it_is_decided(base: str, won: bool, back: int) -> None:
    intent = await paid(base, "pm_card_createDispute", expand=["latest_charge"])
    disputes = await sdk(base).disputes.list_async({"payment_intent": intent.id})
    dispute = disputes.data[0]
    assert (dispute.status, dispute.amount, dispute.charge) == ("needs_response", 5000, intent.latest_charge.id)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await sdk(base).refunds.create_async({"payment_intent": intent.id})
    assert refusal.value.code == "charge_disputed"
    await sdk(base).disputes.update_async(dispute.id, {"evidence": {"uncategorized_text": "They came."}})
    await control(base, f"disputes/{dispute.id}/close", won=won)
    closed = await sdk(base).disputes.retrieve_async(dispute.id)
    assert closed.status == ("won" if won else "lost")
    assert sum(entry.amount for entry in closed.balance_transactions) == back - 5000


async def test_any_captured_charge_can_be_disputed_in_part(base: str) -> None:
    intent = await paid(base)
    made = await control(base, f"charges/{intent.latest_charge}/dispute", amount_minor=700, reason="general")
    assert (made["amount"], made["reason"]) == (700, "general")


async def test_a_destination_charge_shares_at_capture_and_is_clawed_back(base: str) -> None:
    share: dict[str, Any] = {"transfer_data": {"destination": PARTNER, "amount": 4000}, "capture_method": "manual"}
    held = await paid(base, **share)
    v1 = sdk(base)
    assert (await v1.transfers.list_async({"transfer_group": "none"})).data == []
    done = await v1.payment_intents.capture_async(held.id, {"expand": ["latest_charge.transfer"]})
    transfer = done.latest_charge.transfer
    assert (transfer.amount, transfer.destination, transfer.source_transaction) == (
        4000,
        PARTNER,
        done.latest_charge.id,
    )
    order = {"payment_intent": held.id, "amount": 2500, "reverse_transfer": True}
    refund = await v1.refunds.create_async(order)
    seen = await v1.transfers.retrieve_async(transfer.id, {"expand": ["reversals"]})
    assert (seen.amount_reversed, seen.reversals.data[0].id) == (2000, refund.transfer_reversal)


async def test_a_transfer_after_the_charge_is_reversed_in_part_then_whole(base: str) -> None:
    v1 = sdk(base)
    intent = await paid(base, transfer_group="booking-1")
    account = await v1.accounts.create_async({"type": "express", "country": "US"})
    order = {"amount": 4000, "currency": "usd", "destination": account.id, "source_transaction": intent.latest_charge}
    transfer = await v1.transfers.create_async({**order, "metadata": {"booking_id": "1"}})
    assert (transfer.transfer_group, transfer.metadata["booking_id"]) == ("booking-1", "1")
    with pytest.raises(stripe.InvalidRequestError, match="more than is left"):
        await v1.transfers.create_async({**order, "amount": 1001})
    await v1.transfers.reversals.create_async(transfer.id, {"amount": 1500})
    with pytest.raises(stripe.InvalidRequestError):
        await v1.transfers.reversals.create_async(transfer.id, {"amount": 2501})
    await v1.transfers.reversals.create_async(transfer.id)
    seen = await v1.transfers.retrieve_async(transfer.id)
    assert (seen.reversed, seen.amount_reversed) == (True, 4000)
    assert len((await v1.transfers.reversals.list_async(transfer.id)).data) == 2
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        await v1.transfers.create_async({"amount": 100, "currency": "usd", "destination": "acct_none"})
    assert unknown.value.param == "destination"


async def test_lists_come_in_pages_newest_first_within_a_range(base: str) -> None:
    intents = sdk(base).payment_intents
    async with later(base, 400 * 86_400):
        made = [await intents.create_async({**ORDER, "metadata": {"n": str(number)}}) for number in range(5)]
        span: dict[str, Any] = {"created": {"gte": made[0].created}, "limit": 2}
        seen, page = [], await intents.list_async(span)
        while True:
            seen += [item.id for item in page.data]
            if not page.has_more:
                break
            page = await intents.list_async({**span, "starting_after": page.data[-1].id})
        assert seen == [item.id for item in reversed(made)]
        walked = [item.id async for item in (await intents.list_async(span)).auto_paging_iter()]
        assert walked == seen
        back = await intents.list_async({**span, "ending_before": seen[3]})
        assert [item.id for item in back.data] == seen[1:3]
    with pytest.raises(stripe.InvalidRequestError):
        await intents.list_async({"limit": 101})
    with pytest.raises(stripe.InvalidRequestError):
        await intents.list_async({"starting_after": "pi_none"})


async def test_search_finds_by_metadata_but_not_at_once(base: str) -> None:
    intents = sdk(base).payment_intents
    made = await intents.create_async({**ORDER, "metadata": {"order": "o-77"}})
    query = {"query": 'metadata["order"]:"o-77" AND status:"requires_payment_method"'}
    assert (await intents.search_async(query)).data == []
    async with later(base, 61):
        assert [item.id for item in (await intents.search_async(query)).data] == [made.id]
        with pytest.raises(stripe.InvalidRequestError):
            await intents.search_async({"query": "what is this"})


async def test_the_books_add_up(base: str) -> None:
    intent = await paid(base, metadata={"payment_id": "p-9"})
    await sdk(base).refunds.create_async({"payment_intent": intent.id, "amount": 1500})
    books = await state(base)
    charge = next(item for item in books["charges"] if item["payment_intent"] == intent.id)
    refund = next(item for item in books["refunds"] if item["payment_intent"] == intent.id)
    assert (charge["metadata"], charge["amount_captured"], charge["fee"]) == ({"payment_id": "p-9"}, 5000, 175)
    assert (refund["amount"], refund["currency"], refund["status"]) == (1500, "usd", "succeeded")
    entries = [item for item in books["balance_transactions"] if item["source"] in (charge["id"], refund["id"])]
    assert sum(item["net"] for item in entries) == 5000 - 175 - 1500


async def test_events_are_listed_for_thirty_days(base: str) -> None:
    intent = await paid(base)
    events = sdk(base).events
    found = await events.list_async({"type": "payment_intent.*", "limit": 100})
    event = next(item for item in found.data if item.data.object.id == intent.id)
    assert (event.type, (await events.retrieve_async(event.id)).id) == ("payment_intent.succeeded", event.id)
    async with later(base, 31 * 86_400):
        assert event.id not in [item.id for item in (await events.list_async({"limit": 100})).data]
