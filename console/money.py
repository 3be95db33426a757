"""The money side of the console: what is paid and not fulfilled, the books,
partners and payouts, what waits for a second person, open cases, differences with gateways."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from console.upstream import Services, UpstreamError, settled

_PARTS = {
    "standings": ("booking", "/api/v1/admin/paid-not-fulfilled"),
    "balances": ("payment", "/api/v1/admin/ledger/balances"),
    "partners": ("payment", "/api/v1/admin/partners"),
    "payouts": ("payment", "/api/v1/admin/payouts"),
    "approvals": ("payment", "/api/v1/admin/approvals"),
    "cases": ("payment", "/api/v1/admin/cases"),
    "reconciliation": ("payment", "/api/v1/admin/reconciliation"),
}


@dataclass
class Money:
    """What booking and payment say of the money; `missing` names the parts that it did not tell."""

    standings: dict[str, Any] | None = None
    accounts: list[dict[str, Any]] = field(default_factory=list)
    balanced: bool | None = None
    partners: list[dict[str, Any]] = field(default_factory=list)
    payouts: list[dict[str, Any]] = field(default_factory=list)
    approvals: list[dict[str, Any]] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)
    more_cases: bool = False
    runs: list[dict[str, Any]] = field(default_factory=list)
    differences: list[dict[str, Any]] = field(default_factory=list)
    missing: dict[str, UpstreamError] = field(default_factory=dict)


async def look(services: Services) -> Money:
    """All parts at once; one that fails is missing and the others are there."""
    found, missing = await settled((name, services.get(service, path)) for name, (service, path) in _PARTS.items())
    money = Money(missing=missing)
    money.standings = found.get("standings")
    if "balances" in found:
        money.accounts, money.balanced = found["balances"]["accounts"], found["balances"]["balanced"]
    money.partners = found.get("partners", {}).get("partners", [])
    money.payouts = found.get("payouts", {}).get("payouts", [])[:20]
    if "approvals" in found:
        money.approvals = found["approvals"]["approvals"]
    if "cases" in found:
        money.cases, money.more_cases = found["cases"]["cases"], found["cases"]["next_page_token"] is not None
    if "reconciliation" in found:
        money.runs = found["reconciliation"]["runs"][:10]
        money.differences = [item for item in found["reconciliation"]["differences"] if not item["mended"]][-50:]
    return money
