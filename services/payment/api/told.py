"""Checkouts that booking told, found by the id of their cart or quotation: what was told a moment ago is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chassis.problems import Problem
from chassis.work import Database
from services.payment.adapters.checkout_token import Checkout
from services.payment.storage import checkouts
from services.payment.storage.checkouts import CartCheckout

_WAIT_SECONDS = 1.0
_LOOK_EVERY_SECONDS = 0.05


async def live_checkout(
    database: Database,
    cart_id: str,
    is_mine: Callable[[CartCheckout], bool],
    absent: Callable[[CartCheckout | None], Problem],
) -> Checkout:
    """The live checkout of `cart_id` for which `is_mine` holds, waited for a second.

    Raises what `absent` makes of the one that has ended, or of None; `state-conflict` for one that was paid and is over.
    Somebody else's and one that does not exist are the same, also by how long the answer takes.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + _WAIT_SECONDS
    while True:
        async with database.transaction() as work:
            found = await checkouts.find(work, cart_id)
        mine = found is not None and is_mine(found)
        if found is not None and mine and (found.is_paid or not found.has_ended):
            break
        if loop.time() >= until:
            raise absent(found if mine else None)
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
    if found.is_paid and found.has_ended:
        raise Problem("state-conflict", "This is paid already; see its booking.", booking_id=found.checkout.booking_id)
    return found.checkout
