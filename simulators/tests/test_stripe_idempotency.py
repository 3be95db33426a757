"""Keys, locks and faults: what comes twice has one effect, what was lost can be found."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
import stripe

from chassis.testing import eventually
from simulators.tests.stripe_calls import HELD, ORDER, control, later, paid, sdk


def _key(text: str) -> dict[str, Any]:
    return {"idempotency_key": text}


async def test_the_same_key_gives_the_same_intent_again(base: str) -> None:
    intents = sdk(base).payment_intents
    first = await intents.create_async(ORDER, _key("same"))
    again = await intents.create_async(ORDER, _key("same"))
    assert (first.id, first.client_secret) == (again.id, again.client_secret)
    assert first.last_response.headers.get("Idempotent-Replayed") is None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert again.last_response.headers["Idempotency-Key"] == "same"


async def test_a_key_for_another_request_is_refused(base: str) -> None:
    intents = sdk(base).payment_intents
    made = await intents.create_async(ORDER, _key("mismatch"))
    with pytest.raises(stripe.IdempotencyError) as refusal:
        await intents.create_async({**ORDER, "amount": 6000}, _key("mismatch"))
    assert refusal.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError):
        await intents.cancel_async(made.id, {}, _key("mismatch"))


async def test_a_key_in_flight_is_a_conflict_and_its_thing_is_locked(base: str) -> None:
    intents = sdk(base).payment_intents
    held = await paid(base, capture_method="manual")
    await control(base, "processing", seconds=2.0, times=1)
    first = asyncio.create_task(intents.capture_async(held.id, {}, _key("flight")))

    async def locked_thing() -> Any:
        async with httpx2.AsyncClient() as client:
            return held.id in (await client.get(f"{base}/control/stripe/processing")).json()["locked"]

    await eventually(locked_thing, 10, what="the capture under way")
    with pytest.raises(stripe.APIError) as conflict:
        await intents.capture_async(held.id, {}, _key("flight"))
    with pytest.raises(stripe.RateLimitError) as locked:
        await intents.capture_async(held.id, {}, _key("another"))
    assert (await first).status == "succeeded"
    codes: list[Any] = [error.value.error for error in (conflict, locked)]
    assert [error.code for error in codes] == ["idempotency_key_in_use", "lock_timeout"]
    assert conflict.value.http_status == 409
    assert (await intents.capture_async(held.id, {}, _key("flight"))).status == "succeeded"


async def test_a_500_after_the_work_is_kept_and_the_work_is_found(base: str) -> None:
    intents = sdk(base).payment_intents
    held = await paid(base, capture_method="manual")
    await control(base, "processing", times=1, fail_after=True)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failure:
            await intents.capture_async(held.id, {}, _key("broken"))
        assert failure.value.http_status == 500
    assert (await intents.retrieve_async(held.id)).status == "succeeded"


async def test_declines_are_kept_and_failed_validations_are_not(base: str) -> None:
    intents = sdk(base).payment_intents
    made = await intents.create_async(HELD)
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            await intents.confirm_async(made.id, {"payment_method": "pm_card_visa_chargeDeclined"}, _key("no"))
    charges = await sdk(base).charges.list_async({"payment_intent": made.id})
    assert len(charges.data) == 1
    with pytest.raises(stripe.InvalidRequestError):
        await intents.create_async({**ORDER, "amount": 1}, _key("mended"))
    assert (await intents.create_async(ORDER, _key("mended"))).status == "requires_payment_method"


async def test_a_key_is_forgotten_after_a_day(base: str) -> None:
    intents = sdk(base).payment_intents
    first = await intents.create_async(ORDER, _key("old"))
    async with later(base, 24 * 3600 + 1):
        second = await intents.create_async(ORDER, _key("old"))
    assert first.id != second.id


async def test_a_refund_key_refunds_once(base: str) -> None:
    intent = await paid(base)
    refunds = sdk(base).refunds
    order = {"payment_intent": intent.id, "amount": 1000}
    made = [await refunds.create_async(order, _key("refund-1")) for _ in range(3)]
    assert len({refund.id for refund in made}) == 1
    assert len((await refunds.list_async({"payment_intent": intent.id})).data) == 1


async def _fault(base: str, kind: str, route: str) -> None:
    async with httpx2.AsyncClient() as client:
        order = {"vendor": "stripe", "kind": kind, "route": route, "method": "POST"}
        assert (await client.post(f"{base}/control/faults", json=order)).status_code == 201


async def test_drop_after_commit_changes_the_books_and_the_key_brings_the_answer(base: str) -> None:
    held = await paid(base, capture_method="manual")
    await _fault(base, "drop_after_commit", f"{held.id}/capture")
    with pytest.raises((stripe.APIConnectionError, stripe.APIError)):
        await sdk(base).payment_intents.capture_async(held.id, {}, _key("dropped"))
    intents = sdk(base).payment_intents
    assert (await intents.retrieve_async(held.id)).status == "succeeded"
    again = await intents.capture_async(held.id, {}, _key("dropped"))
    assert again.last_response.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    ("kind", "error", "status"),
    [("error_500", stripe.APIError, 500), ("rate_limited", stripe.RateLimitError, 429)],
)
async def test_faults_speak_the_vendors_language(
    base: str, kind: str, error: type[stripe.StripeError], status: int
) -> None:
    held = await paid(base, capture_method="manual")
    await _fault(base, kind, f"{held.id}/capture")
    with pytest.raises(error) as failure:
        await sdk(base).payment_intents.capture_async(held.id)
    assert (failure.value.http_status, failure.value.request_id) == (status, "req_fault")
    assert (await sdk(base).payment_intents.retrieve_async(held.id)).status == "requires_capture"
