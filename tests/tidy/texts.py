"""Rules over every kept text: no machine's paths, no registries' hosts, links that lead somewhere, whole decisions."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.tidy.rules import ROOT

_HERE = Path("tests/tidy")
_PLACES = re.compile(r"(?<![\w.$}~])/(?:home|work|root|Users)/\w+")
_IMAGES_OWN = {Path("deploy/Dockerfile")}  # a path inside the image is nobody's machine
_HOSTS = re.compile(
    r"py(?:pi|thonhosted)\.org|npm(?:js)\.(?:org|com)|repo1?\.(?:maven)|--(?:extra-)?index(?:-url)|crates(?:\.io)"
)
_PARTS_OF_A_DECISION = ("Context", "Decision", "Consequences", "Rejected", "Look again")
MAX_DECISION_LINES = 40
Rule = Callable[[Path, str], list[str]]


def kept() -> dict[Path, str]:
    """Every text file that is committed or about to be; pictures and fonts are left out."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    raw = {Path(name): (ROOT / name).read_bytes() for name in sorted(set(listed)) if (ROOT / name).is_file()}
    return {path: body.decode() for path, body in raw.items() if b"\0" not in body}


def no_machine_paths(path: Path, text: str) -> list[str]:
    """Nothing names a folder of somebody's machine."""
    return [] if path in _IMAGES_OWN else [f"names {word}" for word in _PLACES.findall(text)]


def no_registry_hosts(path: Path, text: str) -> list[str]:
    """Where packages come from is the machine's business."""
    return [f"names {word}" for word in _HOSTS.findall(text)]


def locks_carry_hashes(path: Path, text: str) -> list[str]:
    """Every locked requirement has a hash and none an address."""
    if not (path.name.startswith("requirements") and path.suffix == ".txt"):
        return []
    wanted = re.split(r"\n(?=\S)", text)
    pinned = [entry for entry in wanted if "==" in entry.split("\n")[0] and not entry.startswith("#")]
    found = [f"{entry.split()[0]} has no hash" for entry in pinned if "--hash=sha256:" not in entry]
    return found + [f"names {word}" for word in re.findall(r"https?://\S+", text)]


def links_lead_somewhere(path: Path, text: str) -> list[str]:
    """Links and file names in the pages exist; a path in backticks counts when its first folder is ours."""
    if path.suffix != ".md":
        return []
    found = [f"links to {to}" for to in re.findall(r"\]\(([^)#\s]+)", text) if not _leads(path.parent, to)]
    for word in re.findall(r"`(\w[\w./-]*/[\w./-]*)`", text):
        first = ROOT / word.split("/")[0]
        if first.is_dir() and not (ROOT / word).exists() and not (ROOT / path.parent / word).exists():
            found.append(f"names {word}, which is not there")
    return found


def _leads(folder: Path, target: str) -> bool:
    return "://" in target or target.startswith("mailto:") or (ROOT / folder / target).exists()


def decisions_are_whole(path: Path, text: str) -> list[str]:
    """An ADR fits one page and says context, decision, consequences, what was rejected, and when to look again."""
    if path.parent != Path("docs/adr"):
        return []
    found = [f"has no {part}" for part in _PARTS_OF_A_DECISION if f"**{part}" not in text]
    if not re.match(rf"# {path.name[:4]} \S", text):
        found.append("does not start with its number")
    return found + ([] if len(text.splitlines()) <= MAX_DECISION_LINES else ["is longer than a page"])


TEXT_RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (no_machine_paths, no_registry_hosts, locks_carry_hashes, links_lead_somewhere, decisions_are_whole)
}


def judged(name: str, path: Path, text: str) -> list[str]:
    """What the rule `name` finds, except in the rules' own words."""
    return [] if path.is_relative_to(_HERE) else TEXT_RULES[name](path, text)
