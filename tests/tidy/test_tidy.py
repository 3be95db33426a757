"""The architecture holds, and each of its rules can be broken."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from chassis.faults import POINTS
from tests.tidy.rules import ROOT, RULES, everything, sources

_ALSO_TESTS = {"file_size", "module_name", "no_machine_paths"}
_BROKEN = {
    "file_size": ("chassis/a.py", "x = 1\n" * 301),
    "function_size": ("chassis/a.py", "def f():\n" + "    x = 1\n" * 51),
    "module_name": ("chassis/utils.py", '"""x"""'),
    "module_docstring": ("chassis/a.py", "x = 1"),
    "imports": ("services/booking/a.py", "from services.payment import app"),
    "pure_domain": ("services/booking/domain/a.py", "async def f():\n    await g()"),
    "only_the_unit_of_work_commits": ("services/booking/a.py", "connection.commit()"),
    "topics_in_one_place": ("services/booking/a.py", 'TOPIC = "payment.' + 'events.v1"'),
    "no_float_near_money": ("services/booking/a.py", "half = amount_minor / 2"),
    "no_machine_paths": ("chassis/a.py", "x = '/ho" + "me/somebody'"),
    "ids_in_order": ("services/booking/a.py", "from uuid import uuid4"),
}


@pytest.mark.parametrize("name", RULES)
def test_the_rule_holds_everywhere(name: str) -> None:
    paths = everything() if name in _ALSO_TESTS else sources()
    found = {str(path): wrong for path in paths if (wrong := RULES[name](path, (ROOT / path).read_text()))}
    assert not found, "\n".join(f"{path}: {', '.join(wrong)}" for path, wrong in found.items())


@pytest.mark.parametrize("name", RULES)
def test_the_rule_can_be_broken(name: str) -> None:
    path, text = _BROKEN[name]
    assert RULES[name](Path(path), text)


def test_public_names_of_the_chassis_and_the_contracts_say_what_they_do() -> None:
    silent = []
    for path in sources():
        if path.parts[0] not in ("chassis", "contracts"):
            continue
        for node in ast.parse((ROOT / path).read_text()).body:
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if named and not node.name.startswith("_") and not ast.get_docstring(node):
                silent.append(f"{path}: {node.name}")
    assert not silent


def test_crash_points_in_the_code_are_the_listed_ones() -> None:
    used = set()
    for path in sources():
        used |= set(re.findall(r"faults\.point\(\"([a-z_.]+)\"\)", (ROOT / path).read_text()))
    assert used == set(POINTS)


def test_the_locks_carry_hashes_and_no_hosts() -> None:
    for path in ROOT.glob("requirements*.txt"):
        text = path.read_text()
        assert "--hash=sha256:" in text
        assert not re.search(r"https?://|--(extra-)?index-url", text), path.name


def test_the_chassis_stays_small_enough_to_read() -> None:
    lines = sum(len((ROOT / path).read_text().splitlines()) for path in sources() if path.parts[0] == "chassis")
    assert lines <= 4300, f"the chassis has {lines} lines"


def test_the_readme_fits_one_screen() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 60
