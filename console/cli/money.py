"""Commands about money: books, shares and payouts, open cases, refunds by hand, and where partners' money goes."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from chassis.pages import money, visible
from console.cli import ops, tables
from console.cli.ops import Json, Reason
from console.upstream import Services

_ADMIN = "/api/v1/admin"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (books, cases, refund, approvals, approve, refuse, payout_account, pause_payouts):
        app.command(command.__name__.replace("_", "-"))(command)


def books(as_json: Json = False) -> None:
    """The trial balance, what each partner is owed, and the newest payouts; exit code 1 when the books do not balance."""

    async def work(services: Services) -> dict[str, Any]:
        paths = ("ledger/balances", "partners", "payouts")
        balances, partners, payouts = [await services.get("payment", f"{_ADMIN}/{path}") for path in paths]
        return {**balances, **partners, "payouts": payouts["payouts"]}

    found = ops.ask(work)
    if as_json:
        tables.print_json(found)
    else:
        for table in (_balances(found["accounts"]), _partners(found["partners"]), _payouts(found["payouts"])):
            tables.out.print(table)
    if not found["balanced"]:
        tables.errors.print(
            "[red]The books do not balance.[/] Look at the newest journals before anything is paid out."
        )
    raise typer.Exit(0 if found["balanced"] else 1)


def _balances(accounts: list[dict[str, Any]]) -> Table:
    right = ("debit", "credit", "entries")
    table = tables.titled("Trial balance", "account", *right, right=right)
    for row in accounts:
        amount = money(abs(row["amount_minor"]), row["currency"])
        sides = (amount, "") if row["amount_minor"] > 0 else ("", amount)
        table.add_row(escape(visible(row["account"])), *sides, str(row["entries"]))
    return table


def _partners(partners: list[dict[str, Any]]) -> Table:
    right = ("shared", "refunded", "paid out", "owed", "frozen", "held")
    table = tables.titled("Partners", "partner", *right, "goes to", right=right)
    for row in partners:
        amounts = [money(row[f"{name.replace(' ', '_')}_minor"], row["currency"]) for name in right]
        goes_to = row["paused_reason"] or row["destination"] or "nobody said where"
        table.add_row(escape(visible(row["partner_id"])), *amounts, escape(visible(goes_to)))
    return table


def _payouts(payouts: list[dict[str, Any]]) -> Table:
    table = tables.titled("Newest payouts", "made", "partner", "amount", "state", "through", "why", right=("amount",))
    for row in payouts[:20]:
        texts = [visible(row[name] or "") for name in ("status", "gateway", "reason")]
        amount = money(row["amount_minor"], row["currency"])
        table.add_row(row["created_at"][:16], escape(visible(row["partner_id"])), amount, *map(escape, texts))
    return table


def cases(as_json: Json = False) -> None:
    """What a person must decide, all pages."""

    async def work(services: Services) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        token: str | None = None
        while True:
            page = await services.get("payment", f"{_ADMIN}/cases", {"page_token": token} if token else None)
            found += page["cases"]
            token = page["next_page_token"]
            if token is None:
                return found

    found = ops.ask(work)
    if as_json:
        tables.print_json({"cases": found})
        return
    table = tables.titled("Open cases", "kind", "booking", "ours", "seen", "due", "what it is", right=("ours", "seen"))
    for item in found:
        amounts = [
            "" if item[name] is None or not item["currency"] else money(item[name], item["currency"])
            for name in ("expected_minor", "seen_minor")
        ]
        texts = [visible(item[name] or "") for name in ("kind", "booking_id")]
        table.add_row(*map(escape, texts), *amounts, item["deadline_at"][:16], escape(visible(item["detail"])))
    tables.out.print(table)


def refund(
    payment_id: Annotated[str, typer.Argument(help="The payment's id")],
    amount_minor: Annotated[int, typer.Argument(help="How much goes back, in minor units")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Give money back by hand; above the limit it waits for a second person."""
    body = {"amount_minor": amount_minor, "reason": reason}
    _say(ops.ask(lambda services: services.post("payment", f"{_ADMIN}/payments/{payment_id}/refunds", body)), as_json)


def approvals(as_json: Json = False) -> None:
    """Refunds that wait for a second person."""
    found = ops.ask(lambda services: services.get("payment", f"{_ADMIN}/approvals"))
    if as_json:
        tables.print_json(found)
        return
    table = tables.titled("Wait for a second person", "id", "amount", "asked by", "reason", right=("amount",))
    for item in found["approvals"]:
        amount = money(item["amount_minor"], item["currency"])
        table.add_row(item["id"], amount, escape(visible(item["asked_by"])), escape(visible(item["reason"])))
    tables.out.print(table)


def approve(approval_id: Annotated[str, typer.Argument(help="The approval's id")], as_json: Json = False) -> None:
    """Approve what another person asked for; it is carried out at once."""
    _say(ops.ask(lambda services: services.post("payment", f"{_ADMIN}/approvals/{approval_id}/approve", {})), as_json)


def refuse(approval_id: Annotated[str, typer.Argument(help="The approval's id")], as_json: Json = False) -> None:
    """Refuse what another person asked for: nothing is done."""
    _say(ops.ask(lambda services: services.post("payment", f"{_ADMIN}/approvals/{approval_id}/refuse", {})), as_json)


Partner = Annotated[str, typer.Argument(help="The partner's id")]
InCurrency = Annotated[str, typer.Argument(help="The currency, such as INR")]


def payout_account(
    partner_id: Partner,
    currency: InCurrency,
    gateway: Annotated[str, typer.Argument(help="The gateway that sends: stripe or razorpay")],
    destination: Annotated[str, typer.Argument(help="The partner's account there: acct_… or acc_…")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Say where a partner's money goes; a pause ends with it."""
    body = {"gateway": gateway, "destination": destination, "reason": reason}
    path = f"{_ADMIN}/partners/{partner_id}/payout-accounts/{currency}"
    _say(ops.ask(lambda services: services.put("payment", path, body)), as_json)


def pause_payouts(partner_id: Partner, currency: InCurrency, reason: Reason, as_json: Json = False) -> None:
    """Send a partner nothing until `payfirst payout-account` sets their account again."""
    path = f"{_ADMIN}/partners/{partner_id}/payout-accounts/{currency}/pause"
    _say(ops.ask(lambda services: services.post("payment", path, {"reason": reason})), as_json)


def _say(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        tables.print_json(answer)
    else:
        tables.out.print(
            ", ".join(f"{name.replace('_', ' ')} {escape(visible(value))}" for name, value in answer.items())
        )
