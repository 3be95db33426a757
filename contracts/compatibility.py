"""May a schema change? Old readers must read new writers and new readers old ones, or the version goes up."""

from __future__ import annotations

import copy
from typing import Any

from jsonsubschema import isSubschema


def _closed(schema: Any) -> Any:
    """`schema` as its writer fills it: with no property that it does not name."""
    if isinstance(schema, dict):
        made = {name: _closed(value) for name, value in schema.items()}
        if "properties" in made:
            made["additionalProperties"] = False
        return made
    return [_closed(item) for item in schema] if isinstance(schema, list) else schema


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema` with its `$ref`s replaced and without what does not bear on meaning."""
    definitions = schema.get("$defs", {})

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return walk(copy.deepcopy(definitions[node["$ref"].rsplit("/", 1)[1]]))
        if isinstance(node.get("exclusiveMinimum"), int | float):  # the checker speaks draft 4
            node = {**node, "minimum": node["exclusiveMinimum"], "exclusiveMinimum": True}
        skipped = {"$defs", "$schema", "$id", "title", "description", "default", "format", "prefixItems"}
        return {
            name: {key: walk(item) for key, item in value.items()} if name == "properties" else walk(value)
            for name, value in node.items()
            if name not in skipped
        }

    inlined: dict[str, Any] = walk(schema)
    return inlined


def incompatibilities(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What old readers or old writers would notice of the change from `old` to `new`; empty when it may be made."""
    before, after = _inlined(old), _inlined(new)
    found = []
    if not isSubschema(_closed(before), after):
        found.append("a new reader refuses what an old writer sends")
    if not isSubschema(_closed(after), before) and not _only_adds_optional(before, after):
        found.append("an old reader refuses what a new writer sends")
    return found


def _only_adds_optional(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Readers ignore what they do not know, so a new optional property is no change for them."""
    known = before.get("properties", {})
    rest = {
        **after,
        "properties": {name: value for name, value in after.get("properties", {}).items() if name in known},
    }
    return bool(isSubschema(_closed(rest), before))
