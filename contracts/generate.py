"""Writes the schemas and golden examples of every event: `python -m contracts.generate`. Tests hold them to the models."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from contracts.registry import REGISTRY, schema_of
from contracts.samples import samples

FOLDER = Path(__file__).parent


def pretty(value: Any) -> str:
    """JSON as it is committed."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def files() -> dict[Path, str]:
    """Every generated file with its content."""
    made: dict[Path, str] = {}
    golden = samples()
    for name, event in sorted(REGISTRY.items()):
        stem = f"{name}.v{event.version}.json"
        made[FOLDER / "schemas" / stem] = pretty(schema_of(event))
        made[FOLDER / "examples" / stem] = pretty(json.loads(golden[name].encode()))
    return made


def main() -> None:
    """Write the files that differ and say how many there were."""
    changed = 0
    for path, text in files().items():
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            changed += 1
    sys.stdout.write(f"{changed} files written\n")


if __name__ == "__main__":
    main()
