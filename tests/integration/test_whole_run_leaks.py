"""After the journeys: no secret, card number or personal data in any log, metric or topic of the whole run."""

from __future__ import annotations

import json

import httpx2
import pytest

from bench.buyer import Buyer
from deploy.stage.stage import Stage
from tests.integration.conftest import Databases
from tests.integration.leaks import is_card_number, leaks, log_lines, records

pytestmark = pytest.mark.journey
SERVICES = ("booking", "payment", "fulfillment", "notification")
CARRIES_THE_BUYER = {
    ("booking.events.v1", kind) for kind in ("booking.confirmed", "refund.due", "hold.extended", "quotation.sent")
}
"""The events that carry name and address, for the invoice and the mails; the others where the first is never said, or weeks
later."""


@pytest.fixture
def secrets(stage: Stage) -> dict[str, str]:
    """Everything secret of this stage, by name."""
    known: dict[str, str] = json.loads((stage.home / "secrets.json").read_text())
    account = json.loads(known.pop("FCM_SERVICE_ACCOUNT"))
    public = {
        name for name in known if name.endswith(("KEY_ID", "PUBLISHABLE_KEY", "CLIENT_ID", "MERCHANT_ID", "USERNAME"))
    }
    tokens = {f"token of {role}": token for role, token in stage.record["tokens"].items()}
    return {**{k: v for k, v in known.items() if k not in public}, **tokens, "FCM key": account["private_key"][40:90]}


async def buyers(databases: Databases) -> list[str]:
    """The addresses that buyers gave in this run."""
    rows = await databases.rows("booking", "SELECT DISTINCT buyer->>'email' AS email FROM hold_contents")
    return [row["email"] for row in rows if row["email"]]


async def test_the_run_has_something_to_look_at(buyer: Buyer, stage: Stage) -> None:
    checkout = await buyer.check_out()
    await buyer.pay(checkout)
    await buyer.wait_fulfilled(checkout)
    assert sum(1 for _ in log_lines(stage.home / "logs")) > 20
    assert len(await records(stage.record["kafka"])) > 5


async def test_no_log_line_gives_anything_away(stage: Stage, databases: Databases, secrets: dict[str, str]) -> None:
    personal = await buyers(databases)
    assert personal
    found = {where: told for where, line in log_lines(stage.home / "logs") if (told := leaks(line, secrets, personal))}
    assert found == {}


async def test_no_metric_gives_anything_away(
    stage: Stage, client: httpx2.AsyncClient, databases: Databases, secrets: dict[str, str]
) -> None:
    personal = await buyers(databases)
    for service in SERVICES:
        text = (await client.get(f"{stage.record[service]}/metrics")).content
        assert len(text) > 1000
        assert leaks(text, secrets, personal) == [], service


async def test_no_topic_gives_anything_away(stage: Stage, databases: Databases, secrets: dict[str, str]) -> None:
    personal = await buyers(databases)
    for topic, kind, content in await records(stage.record["kafka"]):
        allowed = () if (topic, kind) in CARRIES_THE_BUYER else personal
        assert leaks(content, secrets, allowed) == [], (topic, kind)


async def test_problems_give_nothing_away(
    stage: Stage, client: httpx2.AsyncClient, databases: Databases, secrets: dict[str, str]
) -> None:
    personal = await buyers(databases)
    card = {"checkout_token": "4242 4242 4242 4242", "gateway": "stripe", "card": "4242424242424242"}
    for path in ("create-order", "verify", "options"):
        answer = await client.post(f"{stage.record['payment']}/api/v1/payments/public/{path}", json=card)
        assert 400 <= answer.status_code < 500
        assert leaks(answer.content, secrets, personal) == [], answer.text


@pytest.mark.parametrize(
    ("planted", "name"),
    [
        (b"a line with hunter2-hunter2 in it", "the password"),
        (b'{"card": "4242 4242 4242 4242"}', "a card number"),
        (b"pan=4242424242424242,", "a card number"),
        (b"amex 378282246310005 typed", "a card number"),
        (b"Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJlLW9mLWl0", "a bearer token"),
        (b"pi_3MtwBwLkdIwHu7ix_secret_YrKJUKribcBjcG8HVhfZluoGH", "a client secret"),
        (b"O-Bearer Zm9vYmFyYmF6cXV4", "a vendor's access token"),
        (b"told asha@example.com that", "personal: asha@example.com"),
    ],
)
def test_a_planted_leak_is_found(planted: bytes, name: str) -> None:
    assert leaks(planted, {"the password": "hunter2-hunter2"}, ["asha@example.com"]) == [name]


@pytest.mark.parametrize(
    "innocent",
    [
        b"1790000100000",
        b"OMO4242424242424242000000",
        b"0199a1f2-6c1b-7c3a-9f43-4242424242424242",
        b"order_4242424242424242",
    ],
)
def test_numbers_that_are_no_cards_are_left_alone(innocent: bytes) -> None:
    assert leaks(innocent, {}) == []
    assert is_card_number(b"4242424242424242")
    assert not is_card_number(b"4242424242424241")
