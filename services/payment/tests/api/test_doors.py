"""The doors without any gateway behind them: webhooks, tokens, reading and cases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from chassis.ids import uuid7
from chassis.testing import Server
from services.payment.adapters.gateways.razorpay import signature
from services.payment.domain.observation import Seen
from services.payment.handlers.observations import Observing
from services.payment.tests import samples
from services.payment.tests.samples import add_payment, checkout_token, rows, seen, signed
from services.payment.tests.stage import Stage, staged

pytestmark = pytest.mark.db
WEBHOOK = "/api/v1/webhooks/razorpay"


@pytest.fixture
async def stage(postgres_server: Server) -> AsyncIterator[Stage]:
    """Payment with a gateway that is not there."""
    async with staged(postgres_server, with_simulator=False) as made:
        yield made


def captured(payment_id: UUID) -> bytes:
    """A signed-to-be event that `payment_id` was captured."""
    return samples.webhook("payment.captured", samples.payment_entity(payment_id))


async def test_fifty_identical_webhooks_over_http_are_acknowledged_and_are_one_event(stage: Stage) -> None:
    payment_id = await add_payment(stage.database)
    body = captured(payment_id)
    headers = signed(body, event_id="event-1")
    answers = await asyncio.gather(*(stage.api.post(WEBHOOK, content=body, headers=headers) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    await stage.until("SELECT status = 'captured' FROM payments")
    assert await samples.told(stage.database) == ["payment.secured", "payment.captured"]
    assert await rows(stage.database, "SELECT count(*) FROM gateway_events") == [(1,)]


async def test_both_secrets_in_rotation_are_good(stage: Stage) -> None:
    for secret in samples.WEBHOOK_SECRETS:
        body = captured(await add_payment(stage.database))
        assert (await stage.api.post(WEBHOOK, content=body, headers=signed(body, secret))).status_code == 200
    await stage.until("SELECT count(*) = 2 FROM payments WHERE status = 'captured'")


async def test_a_forged_or_unsigned_webhook_is_refused_and_nothing_is_stored(stage: Stage) -> None:
    body = captured(await add_payment(stage.database))
    for headers in (signed(body, "retired"), signed(body + b" "), {"x-razorpay-signature": ""}, {}):
        answer = await stage.api.post(WEBHOOK, content=body, headers=headers)
        assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (401, "unauthenticated")
    assert await rows(stage.database, "SELECT count(*) FROM gateway_events") == [(0,)]
    assert await rows(stage.database, "SELECT status FROM payments") == [("created",)]
    counted = (await stage.api.get("/metrics")).text
    assert 'security_events_total{kind="webhook-signature",service="payment"}' in counted


async def test_a_flood_of_forged_webhooks_is_limited_and_the_vendor_at_the_same_address_is_heard(
    postgres_server: Server,
) -> None:
    knobs = {"rate_limit_forged_per_second": 0.01, "rate_limit_forged_burst": 5}
    async with staged(postgres_server, with_simulator=False, **knobs) as stage:
        body = captured(await add_payment(stage.database))
        forged = [await stage.api.post(WEBHOOK, content=body, headers=signed(body, "guessed")) for _ in range(8)]
        assert [answer.status_code for answer in forged] == [401] * 5 + [429] * 3
        assert int(forged[-1].headers["retry-after"]) >= 1
        storm = await asyncio.gather(*(stage.api.post(WEBHOOK, content=body, headers=signed(body)) for _ in range(300)))
        assert {answer.status_code for answer in storm} == {200}
        await stage.until("SELECT status = 'captured' FROM payments")


async def test_a_webhook_over_256_kib_is_refused_before_it_is_read(stage: Stage) -> None:
    body = b"x" * (256 * 1024 + 1)
    assert (await stage.api.post(WEBHOOK, content=body, headers=signed(body))).status_code == 413


async def test_a_signed_event_that_cannot_be_read_is_a_dead_letter_with_its_bytes(stage: Stage) -> None:
    body = b'{"event":"payment.captured","payload":{"payment":{"entity":{"id":"pay_1","amount":"a lot"}}}}'
    assert (await stage.api.post(WEBHOOK, content=body, headers=signed(body))).status_code == 200
    await stage.until("SELECT state = 'dead' FROM tasks")
    assert await rows(stage.database, "SELECT disposition FROM tasks") == [("UNDECODABLE",)]
    assert await rows(stage.database, "SELECT body FROM gateway_events") == [(body,)]


async def test_an_event_that_means_nothing_here_is_stored_and_has_no_effect(stage: Stage) -> None:
    body = b'{"event":"settlement.processed","payload":{}}'
    assert (await stage.api.post(WEBHOOK, content=body, headers=signed(body))).status_code == 200
    await stage.until("SELECT outcome LIKE 'no effect%' FROM gateway_events")


async def test_without_a_secret_the_route_does_not_exist(postgres_server: Server) -> None:
    async with staged(postgres_server, with_simulator=False, razorpay_webhook_secret="") as bare:
        body = b"{}"
        assert (await bare.api.post(WEBHOOK, content=body, headers=signed(body, ""))).status_code == 404


@pytest.mark.parametrize(
    ("token", "status", "kind"),
    [
        ("not-a-token", 400, "malformed"),
        (checkout_token(secret="another-secret-that-is-long-enough-01"), 401, "unauthenticated"),
        (checkout_token(typ="JWT"), 401, "unauthenticated"),
        (checkout_token(exp=datetime.now(UTC) - timedelta(minutes=1)), 401, "unauthenticated"),
        (checkout_token()[:-4] + "AAAA", 401, "unauthenticated"),
    ],
)
async def test_a_bad_checkout_token_opens_nothing(stage: Stage, token: str, status: int, kind: str) -> None:
    answer = await stage.create(token)
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (status, kind)
    assert await rows(stage.database, "SELECT count(*) FROM payments") == [(0,)]


async def test_an_amount_in_the_body_is_refused(stage: Stage) -> None:
    body = {"checkout_token": checkout_token(), "gateway": "razorpay", "amount": 1}
    answer = await stage.api.post("/api/v1/payments/public/create-order", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/amount"


async def test_a_gateway_that_is_not_offered_is_refused(stage: Stage) -> None:
    body = {"checkout_token": checkout_token(), "gateway": "paypal"}
    assert (await stage.api.post("/api/v1/payments/public/create-order", json=body)).status_code == 422


async def test_with_the_gateway_down_the_payment_row_stays_and_503_is_answered(stage: Stage) -> None:
    token = checkout_token(booking_id="booking-1")
    for _ in range(2):
        answer = await stage.create(token)
        assert (answer.status_code, answer.json()["booking_id"]) == (503, "booking-1")
        assert "retry-after" in answer.headers
    assert await rows(stage.database, "SELECT booking_id, status, order_calls, order_lease_until FROM payments") == [
        ("booking-1", "created", 2, None)
    ]


async def test_an_open_breaker_answers_503_without_calling(postgres_server: Server) -> None:
    async with staged(postgres_server, with_simulator=False, payment_breaker_failures=1) as stage:
        answers = [await stage.create(checkout_token()) for _ in range(3)]
        assert {answer.status_code for answer in answers} == {503}
        assert 'breaker_open{outside="razorpay"} 1.0' in (await stage.api.get("/metrics")).text


async def test_a_wrong_signature_is_refused_and_only_the_attempt_is_recorded(stage: Stage) -> None:
    payment_id = await add_payment(stage.database)
    given = {
        "razorpay_order_id": samples.order_of(payment_id),
        "razorpay_payment_id": "pay_1",
        "razorpay_signature": "0" * 64,
    }
    answer = await stage.verify(given)
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (400, "signature-invalid")
    assert await rows(stage.database, "SELECT status FROM payments") == [("created",)]
    assert await rows(stage.database, "SELECT gateway_payment_id, signature_ok FROM verify_attempts") == [
        ("pay_1", False)
    ]
    assert await samples.told(stage.database) == []


async def test_a_good_signature_with_the_gateway_away_is_answered_202_in_time(stage: Stage) -> None:
    payment_id = await add_payment(stage.database)
    order = samples.order_of(payment_id)
    good = signature.of_return(order, "pay_1", samples.KEY_SECRET)
    given = {"razorpay_order_id": order, "razorpay_payment_id": "pay_1", "razorpay_signature": good}
    started = asyncio.get_running_loop().time()
    answer = await stage.verify(given)
    assert asyncio.get_running_loop().time() - started < 2
    assert answer.status_code == 202
    assert answer.json()["status_url"] == f"/api/v1/payments/{payment_id}/check-booking"
    assert answer.json()["success"] is False


async def test_the_signature_of_a_cheap_order_does_not_verify_a_dear_one(stage: Stage) -> None:
    cheap, dear = await add_payment(stage.database, amount_minor=100), await add_payment(stage.database)
    good = signature.of_return(samples.order_of(cheap), "pay_1", samples.KEY_SECRET)
    given = {"razorpay_order_id": samples.order_of(dear), "razorpay_payment_id": "pay_1", "razorpay_signature": good}
    assert (await stage.verify(given)).status_code == 400


async def test_only_the_buyer_the_guest_of_the_booking_and_staff_see_a_payment(stage: Stage) -> None:
    payment_id = await add_payment(stage.database, booking_id="booking-1", buyer_id="student-1")
    for path in (f"/api/v1/payments/{payment_id}", f"/api/payments/{payment_id}/check-booking/"):
        assert (await stage.api.get(path)).status_code == 401
        for headers in (
            stage.guest("booking-1"),
            stage.account("student-1", "buyer"),
            stage.account("boss", "admin"),
            stage.account("oncall", "ops"),
        ):
            assert (await stage.api.get(path, headers=headers)).status_code == 200
        strange = path.replace(str(payment_id), str(uuid7()))
        answers = [
            await stage.api.get(path, headers=stage.guest("booking-2")),
            await stage.api.get(path, headers=stage.account("student-2", "buyer")),
            await stage.api.get(strange, headers=stage.guest("booking-1")),
        ]
        bodies = [{**answer.json(), "instance": ""} for answer in answers]
        assert {answer.status_code for answer in answers} == {404}
        assert bodies[0] == bodies[1] == bodies[2]


async def test_check_booking_shows_decimal_text_and_the_booking_when_it_is_there(stage: Stage) -> None:
    payment_id = await add_payment(stage.database, booking_id="booking-1")
    async with stage.database.transaction() as work:
        await Observing(stage.application.settings, stage.application.state["gateways"]).observe(  # type: ignore[arg-type]
            work, [seen(payment_id, Seen.CAPTURED)]
        )
        await work.execute(
            """INSERT INTO payment_bookings (booking_id, reference, status, amount_minor, currency, changed_at)
               VALUES ('booking-1', 'BK-449034CB', 'CONFIRMED', 99900, 'INR', now())"""
        )
    answer = await stage.api.get(f"/api/v1/payments/{payment_id}/check-booking", headers=stage.guest("booking-1"))
    assert answer.json() == {
        "success": True,
        "payment_status": "captured",
        "booking_created": True,
        "booking": {
            "book_id": "BK-449034CB",
            "booking_id": "booking-1",
            "status": "CONFIRMED",
            "total_amount": "999.00",
        },
    }


async def test_cases_are_listed_page_by_page_and_closed_with_a_reason_by_admins_only(stage: Stage) -> None:
    observing = Observing(stage.application.settings, stage.application.state["gateways"])  # type: ignore[arg-type]
    for _ in range(3):
        payment_id = await add_payment(stage.database)
        async with stage.database.transaction() as work:
            await observing.observe(work, [seen(payment_id, amount_minor=1)])
    path, admin = "/api/v1/admin/cases", stage.account("boss", "admin")
    assert (await stage.api.get(path)).status_code == 401
    assert (await stage.api.get(path, headers=stage.account("x", "buyer"))).status_code == 403
    first = (await stage.api.get(path, params={"page_size": 2}, headers=admin)).json()
    token = first["next_page_token"]
    second = (await stage.api.get(path, params={"page_size": 2, "page_token": token}, headers=admin)).json()
    found = [*first["cases"], *second["cases"]]
    assert [case["kind"] for case in found] == ["amount-mismatch"] * 3
    assert {(case["expected_minor"], case["seen_minor"]) for case in found} == {(samples.AMOUNT, 1)}
    closed = await stage.api.post(f"{path}/{found[0]['id']}/close", json={"reason": "refunded by hand"}, headers=admin)
    assert closed.json()["closed_by"] == "boss"
    assert len((await stage.api.get(path, headers=admin)).json()["cases"]) == 2
    assert await rows(stage.database, "SELECT actor, action FROM audit") == [("boss", "close-case")]
