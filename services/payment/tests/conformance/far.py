"""Purchases farther ahead than a gateway can hold, saved for later, and the time of their charge."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from services.payment.domain.capabilities import CaptureMode
from services.payment.tests.conformance.purchase import Purchase
from services.payment.tests.conformance.test_money import session
from services.payment.tests.samples import rows

Make = Callable[..., Purchase]
FAR_DAYS = 30.0


async def far_ahead(purchase: Make) -> Purchase | None:
    """An opened purchase far ahead; None where the gateway saves no methods, which then is seen to be right."""
    one = purchase(**session(days=FAR_DAYS))
    answer = await one.create()
    can = one.gateway.capabilities
    if CaptureMode.MANUAL not in can.capture_modes:
        assert answer.status_code == 409, answer.text
        return None
    assert answer.status_code == 201, answer.text
    if not can.saves_methods:
        assert (await one.row("collection"))[0] == "capture_now"
        return None
    assert (await one.row("collection"))[0] == "save_method"
    return one


async def saved(purchase: Make, method: str = "pm_card_visa", **how: Any) -> Purchase | None:
    """One whose method was saved by the buyer."""
    one = await far_ahead(purchase)
    if one is not None:
        await one.pay(payment_method=method, **how)
        await one.becomes("method_saved", ticking=True)
    return one


@asynccontextmanager
async def near_the_date(one: Purchase, hours_after: float = 0.0) -> AsyncIterator[None]:
    """The time of the charge has come, for us and for the vendor; afterwards the vendor's clock is as before."""
    (charge_at,) = await one.row("charge_at")
    seconds = (charge_at - datetime.now(UTC)).total_seconds() + 3600 * hours_after
    await later(one, seconds)
    try:
        yield
    finally:
        await one.stage.simulator.post("/control/clock", json={"advance_seconds": -seconds})


async def later(one: Purchase, seconds: float) -> None:
    """Both clocks go on: what our row waits for comes nearer."""
    await one.stage.simulator.post("/control/clock", json={"advance_seconds": seconds})
    async with one.stage.database.transaction() as work:
        await work.execute(
            """UPDATE payments SET charge_at = charge_at - make_interval(secs => $2),
                      authorize_at = authorize_at - make_interval(secs => $2),
                      expires_at = expires_at - make_interval(secs => $2),
                      service_ends_at = service_ends_at - make_interval(secs => $2)
               WHERE id = $1""",
            one.payment_id,
            seconds,
        )


async def pending_tries(one: Purchase) -> int:
    """How many charges were made or begun."""
    sql = "SELECT count(*)::int FROM gateway_orders WHERE payment_id = $1 AND purpose = 'charge'"
    ((count,),) = await rows(one.stage.database, sql, one.payment_id)
    return int(count)


@asynccontextmanager
async def near_the_end(one: Purchase) -> AsyncIterator[None]:
    """The vendor's clock is where the charge was planned."""
    seconds = ((await one.row("authorize_at"))[0] - datetime.now(UTC)).total_seconds()
    await one.stage.simulator.post("/control/clock", json={"advance_seconds": seconds})
    try:
        yield
    finally:
        await one.stage.simulator.post("/control/clock", json={"advance_seconds": -seconds})
