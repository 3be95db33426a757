"""Every machine is whole and drawn in its service's README, and each step is on its service's page."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest

from chassis.machine import Machine
from contracts.topics import STEPS, Step
from tests.tidy.rules import ROOT

SERVICES = ("booking", "payment", "fulfillment", "notification")


def _domain(service: str) -> list[ModuleType]:
    """The modules of a service's domain; importing one builds its machines, which fails for a table with a hole."""
    files = sorted((ROOT / "services" / service / "domain").glob("*.py"))
    return [importlib.import_module(f"services.{service}.domain.{path.stem}") for path in files if path.stem[0] != "_"]


def _machines() -> list[tuple[str, Machine[Any, Any]]]:
    found: dict[tuple[str, str], Machine[Any, Any]] = {}
    for service in SERVICES:
        for module in _domain(service):
            found |= {(service, item.name): item for item in vars(module).values() if isinstance(item, Machine)}
    return [(service, machine) for (service, _), machine in found.items()]


MACHINES = _machines()


def _drawn(machine: Machine[Any, Any], page: str) -> bool:
    return f"```mermaid\n{machine.mermaid()}\n```" in page


@pytest.mark.parametrize(("service", "machine"), MACHINES, ids=lambda item: getattr(item, "name", item))
def test_the_diagram_is_the_table(service: str, machine: Machine[Any, Any]) -> None:
    assert _drawn(machine, (ROOT / "services" / service / "README.md").read_text())


def test_a_diagram_that_is_not_the_table_is_seen() -> None:
    _, machine = MACHINES[0]
    drawn = machine.mermaid()
    assert _drawn(machine, f"```mermaid\n{drawn}\n```")
    assert not _drawn(machine, f"```mermaid\n{drawn}\n    moon --> sun: eclipse\n```")


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_machine(service: str) -> None:
    assert service in {owner for owner, _ in MACHINES}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_step_is_on_its_services_page(step: Step) -> None:
    assert f"`{step.name}`" in (ROOT / "services" / step.service / "README.md").read_text()
