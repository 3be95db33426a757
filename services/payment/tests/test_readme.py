"""The README's diagrams are the tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from services.payment.domain.transitions import DISPUTE, PAYMENT, PAYOUT, REFUND

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.parametrize("machine", [PAYMENT, REFUND, DISPUTE, PAYOUT], ids=lambda machine: machine.name)
def test_the_diagram_in_the_readme_is_drawn_from_the_table(machine: Any) -> None:
    drawn = re.search(rf"<!-- {machine.name}: generated.*?```mermaid\n(.*?)\n```", README.read_text(), re.DOTALL)
    assert drawn is not None
    assert drawn.group(1) == machine.mermaid()
