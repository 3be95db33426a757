"""The stage's limits: its many buyers, who share one address, never meet them; one guest who floods does."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from deploy.stage.stage import Stage

pytestmark = pytest.mark.journey


async def test_hundreds_of_requests_at_once_from_one_address_are_served_on_the_stage(stage: Stage) -> None:
    """The bench and all buyers of a stage come from one address; one guest who floods is refused nevertheless."""
    carts = f"{stage.record['booking']}/api/v1/carts"
    async with httpx2.AsyncClient(timeout=60) as client:
        made = await asyncio.gather(*(client.post(carts, json={}) for _ in range(600)))
        assert {answer.status_code for answer in made} == {201}
        one = made[0].json()
        url, headers = f"{carts}/{one['cart_id']}/lines/none", {"Authorization": f"Bearer {one['guest_token']}"}
        flood = await asyncio.gather(*(client.delete(url, headers=headers) for _ in range(300)))
    assert {answer.status_code for answer in flood} == {404, 429}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in flood if answer.status_code == 429)
