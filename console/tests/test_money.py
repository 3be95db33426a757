"""The money page and the money commands."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx2
import pytest
import typer
from typer.testing import CliRunner

from console.cli import money, ops
from console.cli.target import Target
from console.tests.conftest import Person
from console.tests.fakes import BOOKING, HOSTILE, Fakes, message
from console.tests.test_cli import ADDRESSES


async def test_the_page_shows_books_approvals_cases_and_differences(admin: Person) -> None:
    page = (await admin.get("/money")).text
    for words in (
        "The books balance",
        "gateway:stripe",
        "₹969.73",
        "₹75,000.00",
        "amount-mismatch-1",
        "grace",
        "ch_1",
        "1,200",
        "₹6,598.00",
        "BK-449034CB",
        "money not back yet",
        "vnd-lingua",
        "₹2,400.00",
        "Nobody said where",
        "account_closed",
    ):
        assert words in page
    assert HOSTILE not in page


async def test_a_payment_service_that_is_away_is_named(admin: Person, fakes: Fakes) -> None:
    fakes.away = {"payment"}
    page = await admin.get("/money")
    assert page.status_code == 200
    assert "no broker" in page.text


async def form(person: Person, path: str, **fields: str) -> Any:
    """Send a form of the money page."""
    csrf = re.search(r'name="csrf" value="([^"]+)"', (await person.get("/money")).text)
    assert csrf is not None
    return await person.client.post(path, data={"csrf": csrf.group(1), **fields})


async def test_an_administrator_approves_and_closes_with_a_reason(admin: Person, fakes: Fakes) -> None:
    assert (await form(admin, f"/money/approvals/{message(7)}", act="approve")).headers["location"] == "/money"
    assert fakes.calls[-1][:2] == ("approve", f"approvals:{message(7)}")
    assert (await form(admin, f"/money/cases/{message(1)}", reason="given back by hand")).headers[
        "location"
    ] == "/money"
    assert fakes.calls[-1][3] == {"reason": "given back by hand"}
    assert (await form(admin, f"/money/cases/{message(1)}", reason="no")).status_code == 422
    assert (await form(admin, f"/money/approvals/{message(7)}", act="both")).status_code == 422


async def test_what_payment_refuses_is_said(admin: Person, fakes: Fakes) -> None:
    fakes.refuse = {"title": "You may not do this", "detail": "Another person has to approve this."}
    await form(admin, f"/money/approvals/{message(7)}", act="approve")
    assert "Another person has to approve this." in (await admin.get("/money")).text


async def test_a_purchase_shows_its_payments_with_attempts_and_refunds(admin: Person) -> None:
    page = (await admin.get(f"/purchases/{BOOKING}")).text
    for words in (
        "ch_declined",
        "ch_held",
        "re_1",
        "a kind gesture",
        "Authorized now, captured after the service.",
        "Capture now",
    ):
        assert words in page
    assert HOSTILE not in page


async def test_money_is_given_back_and_captured_by_hand_with_a_reason(admin: Person, fakes: Fakes) -> None:
    page, path = f"/purchases/{BOOKING}", f"/purchases/{BOOKING}/payments/{message(5)}"
    wanted = {"amount": "10.50", "currency": "INR", "reason": "a kind gesture", "once": "key-1"}
    assert (await admin.send(f"{path}/refund", wanted, page=page)).headers["location"] == page
    assert fakes.calls[-1] == (
        "refunds",
        f"payments:{message(5)}",
        "",
        {"amount_minor": 1050, "reason": "a kind gesture"},
    )
    assert (await admin.send(f"{path}/capture", {"reason": "it took place"}, page=page)).headers["location"] == page
    assert fakes.calls[-1][:2] == ("capture", f"payments:{message(5)}")
    sent = len(fakes.calls)
    for bad in ({"amount": "10.505"}, {"amount": "0"}, {"amount": "-1"}, {"amount": "1e3"}, {"reason": "no"}):
        assert (await admin.send(f"{path}/refund", {**wanted, **bad}, page=page)).status_code == 422
    assert (await admin.send(f"{path}/void", wanted, page=page)).status_code == 422
    assert not [call for call in fakes.calls[sent:] if call[0] in ("refunds", "capture")]
    fakes.refuse = {"title": "Not possible in the present state", "detail": "Only 100 are left."}
    await admin.send(f"{path}/refund", wanted, page=page)
    assert "Only 100 are left." in (await admin.get(page)).text


@pytest.fixture
def run(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command line against the made-up services."""
    app = typer.Typer()
    money.register(app)
    monkeypatch.setattr(ops, "load", lambda: Target(ADDRESSES, "token", httpx2.ASGITransport(app=fakes.app)))
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_books_are_tables_and_json(run: Any) -> None:
    shown = run("books").output
    for words in ("gateway:stripe", "vnd-lingua", "failed"):
        assert words in shown
    assert json.loads(run("books", "--json").output)["partners"][0]["owed_minor"] == 80_000
    assert json.loads(run("books", "--json").output)["balanced"] is True


def test_cases_are_read_to_the_last_page(run: Any) -> None:
    kinds = [case["kind"] for case in json.loads(run("cases", "--json").output)["cases"]]
    assert kinds == ["amount-mismatch-1", "amount-mismatch-2"]
    assert "₹999.00" in run("cases").output


def test_a_refund_by_hand_needs_a_reason(run: Any, fakes: Fakes) -> None:
    assert run("refund", message(5), "1000").exit_code == 2
    assert run("refund", message(5), "1000", "--reason", "a kind gesture").exit_code == 0
    assert fakes.calls[-1][3] == {"amount_minor": 1000, "reason": "a kind gesture"}
    assert run("approve", message(7)).exit_code == 0
    assert fakes.calls[-1][:2] == ("approve", f"approvals:{message(7)}")
    assert "75,000.00" in run("approvals").output


def test_where_a_partners_money_goes_is_set_and_paused_with_a_reason(run: Any, fakes: Fakes) -> None:
    where = ("payout-account", "vnd-lingua", "INR", "razorpay", "acc_lingua")
    assert run(*where).exit_code == 2
    assert run(*where, "--reason", "the contract").exit_code == 0
    body = {"gateway": "razorpay", "destination": "acc_lingua", "reason": "the contract"}
    assert fakes.calls[-1] == ("account", "vnd-lingua:INR", "", body)
    assert run("pause-payouts", "vnd-lingua", "INR", "--reason", "it ended").exit_code == 0
    assert fakes.calls[-1][:2] == ("pause", "vnd-lingua:INR")
