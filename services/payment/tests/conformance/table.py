"""The table of scenarios by gateway. A plugin, for a run in several processes reads no conftest where it reports."""

from __future__ import annotations

from typing import Any

_MARKS = (("passed", "green"), ("failed", "RED"), ("error", "RED"), ("skipped", "skipped"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table of what ran of the scenarios."""
    ran = [
        (mark, report.nodeid)
        for outcome, mark in _MARKS
        for report in terminalreporter.stats.get(outcome, ())
        if "/conformance/" in getattr(report, "nodeid", "")
    ]
    if not ran:
        return
    from services.payment.tests.conformance.vendors import AT  # takes seconds, which other runs need not wait for

    gateways = [vendor.name for vendor in AT]
    table: dict[str, dict[str, str]] = {}
    for mark, nodeid in ran:
        scenario, _, parameters = nodeid.rpartition("::")[2].partition("[")
        gateway = next((name for name in gateways if name in parameters.rstrip("]").split("-")), None)
        if gateway is not None:
            row = table.setdefault(scenario.removeprefix("test_").replace("_", " "), {})
            if row.get(gateway) != "RED":
                row[gateway] = mark
    width = max(map(len, table), default=0)
    terminalreporter.section("scenarios by gateway")
    terminalreporter.line(" " * width + "".join(f"  {name:>9}" for name in gateways))
    for scenario, row in table.items():
        terminalreporter.line(f"{scenario:<{width}}" + "".join(f"  {row.get(name, '-'):>9}" for name in gateways))
