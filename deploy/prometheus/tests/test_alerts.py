"""The alert rules: promtool's own tests, and what promtool can't know: metrics that exist, pages that help."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from chassis import telemetry
from contracts.topics import STEPS

HERE = Path(__file__).parents[1]
ROOT = HERE.parents[1]
RUNBOOKS = ROOT / "docs/runbooks"
# What PromQL itself says in our rules; any other word in an expression is a metric.
WORDS = frozenset({"sum", "max", "by", "increase", "or", "offset"})


def rules() -> list[dict[str, Any]]:
    """Every rule of alerts.yml."""
    document = yaml.safe_load((HERE / "alerts.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def exposed(metric: MetricWrapperBase) -> set[str]:
    """The names under which `metric` is scraped."""
    [name] = {family.name for family in metric.describe()}
    if isinstance(metric, Counter):
        return {f"{name}_total"}
    return {f"{name}_{part}" for part in ("bucket", "sum", "count")} if isinstance(metric, Histogram) else {name}


def metrics() -> dict[str, MetricWrapperBase]:
    """The list of chassis/telemetry.py, by scraped name."""
    found = [value for value in vars(telemetry).values() if isinstance(value, Counter | Gauge | Histogram)]
    return {name: metric for metric in found for name in exposed(metric)}


def used(expression: str) -> dict[str, set[str]]:
    """The metrics that `expression` reads, each with the labels that it selects by."""
    bare = re.sub(r"\bby\s*\([^)]*\)", " ", expression)
    selectors = re.findall(r"([a-zA-Z_]\w*)\s*\{([^}]*)\}", bare)
    names = set(re.findall(r"[a-zA-Z_]\w*", re.sub(r"\{[^}]*\}|\[\w+\]|\b\d+[smhd]?\b", " ", bare))) - WORDS
    return {name: {label for found, text in selectors if found == name for label in labels(text)} for name in names}


def labels(selector: str) -> list[str]:
    """The labels in `a="x", b=~"y"`."""
    return re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', '""', selector))


def identifiers() -> list[str]:
    """One name for each rule."""
    return [f"{rule['alert']}-{rule['labels']['severity']}" for rule in rules()]


@pytest.mark.parametrize("rule", rules(), ids=identifiers())
def test_every_metric_of_a_rule_is_in_the_list_of_telemetry_with_its_labels(rule: dict[str, Any]) -> None:
    known, read = metrics(), used(rule["expr"])
    assert read, "the rule reads no metric"
    for name, selected in read.items():
        if name == "up":  # Prometheus' own
            continue
        assert name in known
        assert selected <= set(known[name]._labelnames)


@pytest.mark.parametrize("rule", rules(), ids=identifiers())
def test_every_step_that_a_rule_names_exists(rule: dict[str, Any]) -> None:
    names = {step.name for step in STEPS}
    for pattern in re.findall(r'step(=|!=|=~|!~)"([^"]*)"', rule["expr"]):
        for part in pattern[1].split("|"):
            assert any(re.fullmatch(part, name) for name in names), part


@pytest.mark.parametrize("rule", rules(), ids=identifiers())
def test_every_rule_says_how_bad_it_is_what_happened_and_where_its_page_is(rule: dict[str, Any]) -> None:
    page = re.sub(r"(?<!^)(?=[A-Z])", "-", rule["alert"]).lower() + ".md"
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook"] == f"docs/runbooks/{page}"
    text = (RUNBOOKS / page).read_text()
    assert f"Alert `{rule['alert']}`" in text
    for heading in ("## What it means", "## Where to look", "## What to do", "## When it is over"):
        assert heading in text


def test_every_page_belongs_to_an_alert_and_its_links_lead_somewhere() -> None:
    pages = {path.name for path in RUNBOOKS.glob("*.md")}
    assert pages - {"README.md"} == {Path(rule["annotations"]["runbook"]).name for rule in rules()}
    for path in RUNBOOKS.glob("*.md"):
        for target in re.findall(r"\]\(([\w-]+\.md)\)", path.read_text()):
            assert target in pages, f"{path.name} leads to {target}"


def test_every_alert_has_a_unit_test_that_makes_it_fire() -> None:
    document = yaml.safe_load((HERE / "alerts_test.yml").read_text())
    cases = [case for test in document["tests"] for case in test["alert_rule_test"]]
    fired = {case["alertname"] for case in cases if case["exp_alerts"]}
    assert fired == {rule["alert"] for rule in rules()}


@pytest.mark.parametrize(
    "command", ["check rules alerts.yml", "check config prometheus.yml", "test rules alerts_test.yml"]
)
def test_promtool_agrees(command: str) -> None:
    promtool = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if promtool is None:
        if os.environ.get("CI"):
            pytest.fail("promtool is missing: apt-get install prometheus")
        pytest.skip("promtool is missing: apt-get install prometheus, or set PROMTOOL")
    done = subprocess.run([promtool, *command.split()], cwd=HERE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
