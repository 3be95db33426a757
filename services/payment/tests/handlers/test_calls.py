"""Captures and refunds against a scripted gateway: every answer and every failure that a call can have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from chassis.outcomes import Dead, Held, RetryAfter
from chassis.work import Database
from contracts.booking_events import RefundDue
from services.payment.adapters.gateways.port import (
    Away,
    Charge,
    GatewayOrder,
    NewOrder,
    RefundOrder,
    Rejected,
    Transient,
    Unknown,
)
from services.payment.adapters.gateways.razorpay.client import RazorpayGateway
from services.payment.adapters.gateways.registry import Gateways
from services.payment.domain.observation import Observation, RefundPart, RefundSeen, Seen, Source
from services.payment.handlers.captures import Captures, NotCaptured
from services.payment.handlers.messages import CaptureDue, RefundRun
from services.payment.handlers.observations import Observing
from services.payment.handlers.refunds import Refunds
from services.payment.tests.samples import AMOUNT, add_payment, message, rows, seen, settings_of, told

pytestmark = pytest.mark.db


@dataclass
class Script:
    """What the gateway answers next; an exception is raised."""

    capture: Any = None
    refund: Any = None
    found: Any = None
    asked: list[str] = field(default_factory=list)


class Scripted(RazorpayGateway):
    """Razorpay's adapter with its calls replaced by a script."""

    def __init__(self, script: Script) -> None:
        super().__init__(settings_of())
        self.script = script

    def _next(self, name: str) -> Any:
        self.script.asked.append(name)
        answer = getattr(self.script, name)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def capture(self, charge: Charge, amount_minor: int) -> Observation:
        """As scripted."""
        found: Observation = self._next("capture")
        return found

    async def refund(self, order: RefundOrder) -> RefundPart:
        """As scripted; True is a processed refund."""
        self._next("refund")
        return RefundPart("rfnd_scripted", order.refund_id, RefundSeen.PROCESSED, order.amount_minor)

    async def find_refund(self, order: RefundOrder) -> RefundPart | None:
        """As scripted; True is a processed refund."""
        if self._next("found") is None:
            return None
        return RefundPart("rfnd_scripted", order.refund_id, RefundSeen.PROCESSED, order.amount_minor)

    async def create_order(self, order: NewOrder) -> GatewayOrder:
        """Not part of these tests."""
        raise NotImplementedError


class Desk:
    """The refunds and captures of one database, with a scripted gateway."""

    def __init__(self, database: Database) -> None:
        self.database, self.script = database, Script()
        settings, gateways = settings_of(), Gateways([Scripted(self.script)])
        self.observing = Observing(settings, gateways)
        self.refunds, self.captures = Refunds(settings, gateways, self.observing), Captures(gateways, self.observing)

    async def observe(self, *observations: Observation) -> None:
        """Observe in one transaction."""
        async with self.database.transaction() as work:
            await self.observing.observe(work, observations)

    async def owe(self, of: UUID, /, key: str = "place-gone", amount_minor: int = AMOUNT, **changed: Any) -> None:
        """`refund.due`."""
        found = await rows(self.database, "SELECT booking_id FROM payments WHERE id = $1", of)
        fields = {
            "booking_id": found[0][0] if found else "nobody",
            "payment_id": str(of),
            "refund_key": key,
            "amount_minor": amount_minor,
            "currency": "INR",
            "reason": "place gone",
            **changed,
        }
        async with self.database.transaction() as work:
            assert await self.refunds.intend(work, message(RefundDue(**fields))) is None

    async def run(self, handler: Refunds | Captures, body: Any) -> None:
        """One attempt of a queued step, as the chassis runs it."""
        received: Any = message(body, "key")
        async with self.database.transaction() as work:
            intent: Any = await handler.intend(work, received)
        if intent is None:
            return
        result: Any = await handler.call(received, intent)
        async with self.database.transaction() as work:
            await handler.conclude(work, received, intent, result)

    async def run_refund(self) -> None:
        """One attempt of the newest refund."""
        found = await rows(
            self.database,
            """SELECT p.booking_id, r.payment_id, r.id, r.amount_minor FROM refunds r JOIN payments p ON p.id = r.payment_id
               ORDER BY r.id DESC LIMIT 1""",
        )
        booking_id, payment_id, refund_id, amount_minor = found[0]
        run = RefundRun(
            booking_id=booking_id, payment_id=payment_id, refund_id=refund_id, amount_minor=amount_minor, currency="INR"
        )
        await self.run(self.refunds, run)

    async def run_capture(self, payment_id: UUID) -> None:
        """One attempt to capture."""
        due = CaptureDue(booking_id="b", payment_id=payment_id, amount_minor=AMOUNT, currency="INR")
        await self.run(self.captures, due)


@pytest.fixture
def desk(database: Database) -> Desk:
    """A desk on a fresh database."""
    return Desk(database)


async def test_an_authorized_payment_asks_for_its_capture_and_is_captured(desk: Desk) -> None:
    payment_id = await add_payment(desk.database)
    await desk.observe(seen(payment_id, Seen.AUTHORIZED))
    assert await rows(desk.database, "SELECT step, type FROM tasks") == [("payment.captures", "capture.due")]
    desk.script.capture = seen(payment_id, Seen.CAPTURED, source=Source.REPLY)
    await desk.run_capture(payment_id)
    await desk.run_capture(payment_id)
    assert desk.script.asked == ["capture"]
    assert await told(desk.database) == ["payment.secured", "payment.captured"]


async def test_a_capture_that_the_gateway_refuses_climbs_the_ladder(desk: Desk) -> None:
    payment_id = await add_payment(desk.database)
    await desk.observe(seen(payment_id, Seen.AUTHORIZED))
    desk.script.capture = seen(payment_id, Seen.AUTHORIZED, source=Source.REPLY)
    with pytest.raises(NotCaptured):
        await desk.run_capture(payment_id)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(Away("open"), Held), (Transient("slow down", 7.0), RetryAfter), (Transient("refused"), Transient)],
)
async def test_an_open_breaker_holds_and_a_busy_gateway_is_obeyed(desk: Desk, error: Exception, outcome: type) -> None:
    payment_id = await add_payment(desk.database)
    await desk.observe(seen(payment_id))
    await desk.owe(payment_id)
    desk.script.refund = error
    with pytest.raises(outcome):
        await desk.run_refund()
    assert await rows(desk.database, "SELECT status FROM refunds") == [("sent",)]


async def test_after_an_unknown_outcome_the_gateway_is_asked_before_it_is_called_again(desk: Desk) -> None:
    payment_id = await add_payment(desk.database)
    await desk.observe(seen(payment_id))
    await desk.owe(payment_id)
    desk.script.refund = Unknown("timeout")
    with pytest.raises(Unknown):
        await desk.run_refund()
    desk.script.found = True
    await desk.run_refund()
    assert desk.script.asked == ["refund", "found", "found"]
    assert await rows(desk.database, "SELECT status, refunded_minor FROM payments") == [("refunded", AMOUNT)]


async def test_a_refused_refund_is_told_shown_and_tried_again_later(desk: Desk) -> None:
    payment_id = await add_payment(desk.database)
    await desk.observe(seen(payment_id))
    await desk.owe(payment_id)
    desk.script.refund = Rejected("insufficient_balance")
    await desk.run_refund()
    assert (await told(desk.database))[-1] == "refund.failed"
    assert await rows(desk.database, "SELECT kind FROM cases") == [("refund-failed",)]
    later = "SELECT count(*) FROM tasks WHERE type = 'refund.run' AND due_at > now() + interval '30 minutes'"
    assert await rows(desk.database, later) == [(1,)]
    desk.script.refund = True
    await desk.run_refund()
    assert (await told(desk.database))[-1] == "refund.succeeded"


async def released(database: Database) -> str:
    """Whether the one refund that was told let go of what was never taken."""
    sql = "SELECT convert_from(body, 'UTF8')::jsonb ->> 'released' FROM events WHERE type = 'refund.succeeded'"
    ((said,),) = await rows(database, sql)
    return str(said)


async def test_what_is_only_authorized_is_captured_and_then_given_back(desk: Desk) -> None:
    payment_id = await add_payment(desk.database)
    await desk.observe(seen(payment_id, Seen.AUTHORIZED))
    await desk.owe(payment_id)
    desk.script.capture, desk.script.refund = seen(payment_id, source=Source.REPLY), True
    await desk.run_refund()
    assert desk.script.asked == ["capture", "refund"]
    assert await rows(desk.database, "SELECT status, captured_minor, refunded_minor FROM payments") == [
        ("refunded", AMOUNT, AMOUNT)
    ]
    assert await released(desk.database) == "false"


async def test_an_authorization_that_cannot_be_captured_lapses_and_counts_as_given_back(desk: Desk) -> None:
    payment_id = await add_payment(desk.database)
    await desk.observe(seen(payment_id, Seen.AUTHORIZED))
    await desk.owe(payment_id)
    desk.script.capture = seen(payment_id, Seen.AUTHORIZED, source=Source.REPLY)
    await desk.run_refund()
    assert await rows(desk.database, "SELECT status FROM refunds") == [("sent",)]
    await desk.observe(seen(payment_id, Seen.VOIDED))
    assert await rows(desk.database, "SELECT status FROM refunds") == [("succeeded",)]
    assert await rows(desk.database, "SELECT status, captured_minor, refunded_minor FROM payments") == [
        ("voided", 0, 0)
    ]
    assert await released(desk.database) == "true"


@pytest.mark.parametrize("change", [{"currency": "USD"}, {"amount_minor": AMOUNT + 1}, {"amount_minor": 0}])
async def test_what_cannot_be_given_back_is_a_case(desk: Desk, change: dict[str, Any]) -> None:
    payment_id = await add_payment(desk.database)
    await desk.observe(seen(payment_id))
    await desk.owe(payment_id, **change)
    assert await rows(desk.database, "SELECT kind FROM cases") == [("refund-impossible",)]
    assert await rows(desk.database, "SELECT count(*) FROM refunds") == [(0,)]


async def test_a_refund_of_an_unknown_payment_or_of_another_booking_is_dead(desk: Desk) -> None:
    payment_id = await add_payment(desk.database)
    await desk.observe(seen(payment_id))
    changes: tuple[dict[str, Any], ...] = ({"payment_id": "pay-1"}, {"booking_id": "another"})
    for changed in changes:
        with pytest.raises(Dead):
            await desk.owe(payment_id, **changed)


async def test_parts_add_up_and_the_last_one_closes_the_payment(desk: Desk) -> None:
    payment_id = await add_payment(desk.database)
    await desk.observe(seen(payment_id))
    desk.script.refund = True
    sums = []
    for number, part in enumerate((33_300, 33_300, 33_300)):
        await desk.owe(payment_id, f"part-{number}", part)
        async with desk.database.transaction() as work:
            await work.execute("UPDATE refunds SET gateway_refund_id = id::text WHERE gateway_refund_id IS NOT NULL")
        await desk.run_refund()
        sums += await rows(desk.database, "SELECT status, refunded_minor FROM payments")
    assert sums == [("partially_refunded", 33_300), ("partially_refunded", 66_600), ("refunded", AMOUNT)]
