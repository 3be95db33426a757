"""The architecture as rules over Python source: each takes a path and its text and returns what it finds wrong."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("contracts", "chassis", "services", "simulators", "console", "storefront", "bench", "deploy")
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50
FORBIDDEN_MODULES = {"utils", "helpers", "common", "misc", "manager", "service"}
_SHARED = {"chassis", "contracts"}
_MAY_IMPORT = {  # the longest prefix of the path decides; a service's own line is made in `_allowed`
    "contracts": {"contracts"},
    "chassis": _SHARED,
    "simulators": {"simulators"},
    "storefront": {"storefront", *_SHARED},
    "console": {"console", *_SHARED},
    "console/cli": {"console", *_SHARED, "bench.buyer", "deploy.stage"},
    "bench": {"bench", *_SHARED, "deploy.stage"},
    "deploy": {"deploy", *_SHARED, "services"},
    "deploy/stage": {"deploy.stage", *_SHARED},
}
_IMPURE = {
    *("asyncio", "http", "logging", "os", "random", "secrets", "smtplib", "socket", "sqlite3", "subprocess"),
    *("threading", "time", "urllib"),
}
_PURE_PACKAGES = {"iso4217", "pydantic"}  # a table of currencies; the models that the contracts are made of
_CLOCK = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.monotonic"}
Rule = Callable[[Path, str], list[str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> list[Path]:
    """Every Python file of the product, without tests."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(path.relative_to(ROOT) for path in found if "tests" not in path.parts)


def everything() -> list[Path]:
    """Every Python file, tests too."""
    found = (path for package in (*PACKAGES, "tests") for path in (ROOT / package).rglob("*.py"))
    return sorted(path.relative_to(ROOT) for path in found)


@cache
def _tree(text: str) -> ast.Module:
    return ast.parse(text)


def _imports(path: Path, text: str) -> set[str]:
    """What `text` imports, each name in full; relative imports as they resolve."""
    names = set()
    for node in ast.walk(_tree(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = list(path.parts[: len(path.parts) - node.level]) if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


def _within(name: str, allowed: set[str]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in allowed)


def _allowed(path: Path) -> set[str] | None:
    if path.parts[0] == "services":
        return {*_SHARED, ".".join(path.parts[:2])}
    prefixes = [prefix for prefix in _MAY_IMPORT if path.is_relative_to(prefix)]
    return _MAY_IMPORT[max(prefixes, key=len)] if prefixes else None


def _docstrings(tree: ast.AST) -> set[ast.AST]:
    """The constants that are docstrings."""
    holders = (node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | Function))
    firsts = (holder.body[0] for holder in holders if holder.body)
    return {first.value for first in firsts if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)}


def _texts(text: str) -> Iterator[str]:
    """Every string of the code, parts of f-strings too, without docstrings."""
    tree = _tree(text)
    told = _docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in told:
            yield node.value


def file_size(path: Path, text: str) -> list[str]:
    """A file has at most 300 lines."""
    lines = len(text.splitlines())
    return [f"{lines} lines"] if lines > MAX_FILE_LINES else []


def function_size(path: Path, text: str) -> list[str]:
    """A function has at most 50 lines."""
    return [
        f"{node.name} has {size} lines"
        for node in ast.walk(_tree(text))
        if isinstance(node, Function) and (size := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]


def module_name(path: Path, text: str) -> list[str]:
    """No drawer for odds and ends."""
    drawers = FORBIDDEN_MODULES & {path.stem, *path.parts[:-1]}
    return [f"a module is named {name}" for name in sorted(drawers)]


def module_docstring(path: Path, text: str) -> list[str]:
    """Every module starts with its purpose."""
    return [] if not text.strip() or ast.get_docstring(_tree(text)) else ["no docstring"]


def imports(path: Path, text: str) -> list[str]:
    """Who may import whom: services never each other, contracts nothing of ours."""
    allowed = _allowed(path)
    ours = sorted(name for name in _imports(path, text) if name.split(".")[0] in PACKAGES)
    return [] if allowed is None else [f"imports {name}" for name in ours if not _within(name, allowed)]


def pure_domain(path: Path, text: str) -> list[str]:
    """The domain waits for nothing: no await, no clock, no session, no log; it imports data and tables only."""
    if "domain" not in path.parts:
        return []
    home = ".".join(path.parts[: path.parts.index("domain") + 1])
    pure = {*(sys.stdlib_module_names - _IMPURE), *_PURE_PACKAGES, "contracts", "chassis.machine", home}
    found = [f"imports {name}" for name in sorted(_imports(path, text)) if not _within(name, pure)]
    for node in ast.walk(_tree(text)):
        if isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith):
            found.append(f"waits in line {node.lineno}")
        if isinstance(node, ast.Attribute) and any(ast.unparse(node).endswith(word) for word in _CLOCK):
            found.append(f"asks the clock in line {node.lineno}")
    return found


def only_the_unit_of_work_commits(path: Path, text: str) -> list[str]:
    """One place commits to a database; `chassis/consuming.py` commits Kafka's offsets, which are a hint."""
    if path == Path("chassis/work.py"):
        return []
    found = ["commits by SQL" for word in _texts(text) if re.match(r"\s*COMMIT\b", word)]
    for node in ast.walk(_tree(text)):
        if isinstance(node, ast.Attribute) and node.attr == "commit":
            offsets = path == Path("chassis/consuming.py") and ast.unparse(node.value).endswith(".consumer")
            found += [] if offsets else [f"commits in line {node.lineno}"]
    return found


def topics_in_one_place(path: Path, text: str) -> list[str]:
    """Topic names stand in contracts/topics.py alone."""
    if path == Path("contracts/topics.py"):
        return []
    return [f"names the topic {word}" for word in _texts(text) if re.search(r"\.(events|commands)\.v\d", word)]


def no_float_near_money(path: Path, text: str) -> list[str]:
    """Money is integers: no float type, call or literal and no true division where a `_minor` name stands."""
    found = []
    for node in ast.walk(_tree(text)):
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            name = ast.unparse(node.target) if isinstance(node, ast.AnnAssign) else node.arg
            if "minor" in name and "float" in ast.unparse(node.annotation):
                found.append(f"{name} is a float")
        elif isinstance(node, Function) and "minor" in node.name and node.returns is not None:
            found += [f"{node.name} answers with a float"] if "float" in ast.unparse(node.returns) else []
        elif isinstance(node, ast.keyword | ast.Assign) and isinstance(node.value, ast.Constant):
            named = node.arg or "" if isinstance(node, ast.keyword) else " ".join(map(ast.unparse, node.targets))
            found += [f"{named} is a float"] if "_minor" in named and isinstance(node.value.value, float) else []
        elif isinstance(node, ast.BinOp | ast.AugAssign | ast.Call) and "_minor" in (words := ast.unparse(node)):
            found += [f"computes with a float: {words}"] if _makes_float(node) else []
    return found


def _makes_float(node: ast.BinOp | ast.AugAssign | ast.Call) -> bool:
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) == "float"
    leaves = [leaf for leaf in ast.walk(node) if isinstance(leaf, ast.Constant)]
    return isinstance(node.op, ast.Div) or any(isinstance(leaf.value, float) for leaf in leaves)


def ids_in_order(path: Path, text: str) -> list[str]:
    """Ids are UUIDv7; only the names of databases that tests make may be anything."""
    return ["makes a UUIDv4"] if "uuid4" in text and path.name != "testing.py" else []


def no_dead_code(path: Path, text: str) -> list[str]:
    """No code stays commented out: no comment reads as a statement."""
    comments = (
        token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type == tokenize.COMMENT
    )
    return [f"line {token.start[0]} is commented-out code" for token in comments if _is_code(token.string.strip("# "))]


def _is_code(words: str) -> bool:
    heads = r"(async def|def|class|if|elif|for|while|with|try|except)\b.*:$"
    try:
        body = ast.parse(words.removeprefix("el") + " pass" if re.match(heads, words) else words).body
    except (SyntaxError, ValueError):
        return False
    spoken = (ast.Expr, ast.AnnAssign, ast.Pass)  # a word, a "word: word"; only calls among the expressions are code
    return any(
        not isinstance(node, spoken) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await))
        for node in body
    )


def public_names_speak(path: Path, text: str) -> list[str]:
    """Every public class, function and method of the contracts and the chassis says what it does."""
    if path.parts[0] not in _SHARED:
        return []
    module = _tree(text)
    classes = [node for node in module.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    bodies = [module.body, *(node.body for node in classes)]
    named = [node for body in bodies for node in body if isinstance(node, Function | ast.ClassDef)]
    return [f"{node.name} has no docstring" for node in named if node.name[0] != "_" and not ast.get_docstring(node)]


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
        ids_in_order,
        no_dead_code,
        public_names_speak,
    )
}
