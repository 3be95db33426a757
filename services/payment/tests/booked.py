"""Money that was taken and shared out: what a gateway says, what booking confirms, and the books after it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from chassis.work import Database
from contracts.booking_events import BookingConfirmed, Buyer, ConfirmedLine
from services.payment.adapters.gateways.registry import Gateways
from services.payment.handlers import bookings
from services.payment.handlers.observations import Observing
from services.payment.tests import samples
from services.payment.tests.samples import AMOUNT, add_payment, message, rows, seen
from services.payment.tests.stage import Stage


class Stored(Protocol):
    """Whatever has payment's database."""

    database: Database


async def observe(stage: Stored, *observations: Any) -> None:
    """In one transaction."""
    observing = Observing(samples.settings_of(), Gateways(()))
    async with stage.database.transaction() as work:
        await observing.observe(work, observations)


async def confirm(stage: Stored, payment_id: UUID, *lines: tuple[int, str | None]) -> None:
    """Booking confirms what `payment_id` paid: lines of (minor units, partner)."""
    ((booking_id, currency),) = await rows(
        stage.database, "SELECT booking_id, currency FROM payments WHERE id = $1", payment_id
    )
    event = confirmed(booking_id, payment_id, *lines, currency=currency)
    async with stage.database.transaction() as work:
        await bookings.record_many(work, [message(event)])


def confirmed(
    booking_id: str, payment_id: UUID, *lines: tuple[int, str | None], currency: str = "INR"
) -> BookingConfirmed:
    """What booking tells of a paid booking: lines of (minor units, partner)."""
    return BookingConfirmed(
        booking_id=booking_id,
        reference="BK-449034CB",
        payment_id=str(payment_id),
        buyer=Buyer(student_id="s-1", name="Asha", email="asha@example.com"),
        lines=tuple(
            ConfirmedLine(
                line_id=f"line-{n}",
                offer_id="offer",
                kind="session",
                title="Consultation",
                quantity=1,
                unit_minor=minor,
                total_minor=minor,
                partner_id=partner,
            )
            for n, (minor, partner) in enumerate(lines)
        ),
        amount_minor=AMOUNT,
        currency=currency,
        confirmed_at=datetime.now(UTC),
    )


async def balances(stage: Stage) -> dict[str, int]:
    """The trial balance as an operator reads it."""
    answer = await stage.api.get("/api/v1/admin/ledger/balances", headers=stage.account("o", "ops"))
    assert answer.status_code == 200, answer.text
    assert answer.json()["balanced"] is True
    return {row["account"]: row["amount_minor"] for row in answer.json()["accounts"] if row["amount_minor"]}


async def sold(stage: Stored, *lines: tuple[int, str | None], **changed: Any) -> UUID:
    """A captured payment of lines of (minor units, partner), confirmed; `changed` replaces columns of the payment."""
    total = sum(minor for minor, _ in lines)
    payment_id = await add_payment(stage.database, amount_minor=total, **changed)
    said = {
        "amount_minor": total,
        "gateway": changed.get("gateway", "razorpay"),
        "currency": changed.get("currency", "INR"),
    }
    await observe(stage, seen(payment_id, **said))
    await confirm(stage, payment_id, *lines)
    return payment_id
