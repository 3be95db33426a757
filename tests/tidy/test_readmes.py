"""The diagrams in the services' READMEs are drawn from the tables, and each service's page exists."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.topics import STEPS, Step
from services.booking.domain import transitions as booking
from services.fulfillment.domain import transitions as fulfillment
from tests.tidy.rules import ROOT

_MACHINES: list[tuple[str, Any]] = [
    ("booking", booking.HOLD),
    ("booking", booking.BOOKING),
    ("fulfillment", fulfillment.ALLOCATION),
    ("fulfillment", fulfillment.INVOICE),
]


@pytest.mark.parametrize(("service", "machine"), _MACHINES, ids=lambda item: getattr(item, "name", item))
def test_the_diagram_is_the_table(service: str, machine: Any) -> None:
    assert machine.mermaid() in (ROOT / "services" / service / "README.md").read_text()


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_step_is_on_its_services_page(step: Step) -> None:
    assert f"`{step.name}`" in (ROOT / "services" / step.service / "README.md").read_text()
