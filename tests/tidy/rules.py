"""The architecture as rules over source text: each takes a path and its text and returns what it finds wrong."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("contracts", "chassis", "services", "simulators", "console", "storefront", "bench", "deploy")
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50
FORBIDDEN_MODULES = {"utils", "helpers", "common", "misc", "manager", "service"}
_MAY_IMPORT = {
    "contracts": {"contracts"},
    "chassis": {"chassis", "contracts"},
    "simulators": {"simulators"},
    "storefront": {"storefront", "chassis", "contracts"},
    "console": {"console", "chassis", "contracts", "bench", "deploy"},
}
Rule = Callable[[Path, str], list[str]]


def sources() -> list[Path]:
    """Every Python file of the product, without tests."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(path.relative_to(ROOT) for path in found if "tests" not in path.parts)


def everything() -> list[Path]:
    """Every Python file, tests too."""
    found = (path for package in (*PACKAGES, "tests") for path in (ROOT / package).rglob("*.py"))
    return sorted(path.relative_to(ROOT) for path in found)


def _imports(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def file_size(path: Path, text: str) -> list[str]:
    """A file has at most 300 lines."""
    lines = len(text.splitlines())
    return [f"{lines} lines"] if lines > MAX_FILE_LINES else []


def function_size(path: Path, text: str) -> list[str]:
    """A function has at most 50 lines."""
    return [
        f"{node.name} has {size} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (size := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]


def module_name(path: Path, text: str) -> list[str]:
    """No drawer for odds and ends."""
    return [f"a module is named {path.stem}"] if path.stem in FORBIDDEN_MODULES else []


def module_docstring(path: Path, text: str) -> list[str]:
    """Every module starts with its purpose."""
    return [] if not text.strip() or ast.get_docstring(ast.parse(text)) else ["no docstring"]


def imports(path: Path, text: str) -> list[str]:
    """Who may import whom: services never each other, contracts nothing of ours."""
    package = path.parts[0]
    ours = {name for name in _imports(ast.parse(text)) if name.split(".")[0] in PACKAGES}
    if package == "services":
        allowed = {"chassis", "contracts", ".".join(path.parts[:2])}
        return [f"imports {name}" for name in sorted(ours) if not _within(name, allowed)]
    if package in _MAY_IMPORT:
        return [f"imports {name}" for name in sorted(ours) if not _within(name, _MAY_IMPORT[package])]
    return []


def _within(name: str, allowed: set[str]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in allowed)


def pure_domain(path: Path, text: str) -> list[str]:
    """The domain waits for nothing: no await, no clock, no session, no log."""
    if "domain" not in path.parts:
        return []
    tree = ast.parse(text)
    found = ["waits" for node in ast.walk(tree) if isinstance(node, ast.Await | ast.AsyncFunctionDef)]
    found += [
        f"imports {n}"
        for n in _imports(tree)
        if n.split(".")[0] in ("logging", "sqlalchemy", "asyncio", "time", "httpx2")
    ]
    found += [f"imports {n}" for n in _imports(tree) if n.startswith("chassis") and n != "chassis.machine"]
    return found + [f"asks the clock ({word})" for word in ("datetime.now", "date.today", "time.time") if word in text]


def only_the_unit_of_work_commits(path: Path, text: str) -> list[str]:
    """One place commits."""
    if path == Path("chassis/work.py") or path.parts[0] not in ("chassis", "services"):
        return []
    return [
        "commits"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "commit"
        and not (path == Path("chassis/consuming.py") and "consumer" in ast.unparse(node.func))
    ]


def topics_in_one_place(path: Path, text: str) -> list[str]:
    """Topic names stand in contracts/topics.py alone."""
    if path == Path("contracts/topics.py"):
        return []
    return [
        f"names the topic {name}" for name in re.findall(r"\"((?:booking|payment|fulfillment)\.events\.v\d+)", text)
    ]


def no_float_near_money(path: Path, text: str) -> list[str]:
    """Money is integers: no float annotation, no true division, no float literal on a `_minor` name."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            name = ast.unparse(node.target) if isinstance(node, ast.AnnAssign) else node.arg
            if "minor" in name and "float" in ast.unparse(node.annotation):
                found.append(f"{name} is a float")
        if isinstance(node, ast.BinOp) and "_minor" in (words := ast.unparse(node)):
            if isinstance(node.op, ast.Div):
                found.append(f"divides: {words}")
            if any(isinstance(leaf, ast.Constant) and isinstance(leaf.value, float) for leaf in ast.walk(node)):
                found.append(f"computes with a float: {words}")
    return found


def no_machine_paths(path: Path, text: str) -> list[str]:
    """Nothing names a folder of somebody's machine."""
    return [f"names {word}" for word in ("/ho" + "me/", "/wo" + "rk/", "/ro" + "ot/") if word in text]


def ids_in_order(path: Path, text: str) -> list[str]:
    """Ids are UUIDv7."""
    return ["makes a UUIDv4"] if "uuid4" in text and path.name != "testing.py" else []


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        file_size,
        function_size,
        module_name,
        module_docstring,
        imports,
        pure_domain,
        only_the_unit_of_work_commits,
        topics_in_one_place,
        no_float_near_money,
        no_machine_paths,
        ids_in_order,
    )
}
