"""May a schema change? Old readers must read new writers and new readers old ones, or the version goes up."""

from __future__ import annotations

from typing import Any

from jsonsubschema import isSubschema

_MEANS_NOTHING = frozenset({"$defs", "$schema", "$id", "title", "description", "default"})
_COMPARED = frozenset(
    {
        *("type", "enum", "const", "anyOf", "required", "properties", "additionalProperties", "items"),
        *("minItems", "maxItems", "minLength", "maxLength", "pattern", "format", "minimum", "maximum"),
        *("exclusiveMinimum", "exclusiveMaximum"),
    }
)
_EXCLUSIVE = (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum"))


def _closed(schema: Any) -> Any:
    """`schema` as its writer fills it: with no property that it does not name."""
    if isinstance(schema, dict):
        made = {name: _closed(value) for name, value in schema.items()}
        if isinstance(made.get("properties"), dict):
            made["additionalProperties"] = False
        return made
    return [_closed(item) for item in schema] if isinstance(schema, list) else schema


def _in_the_checkers_words(node: dict[str, Any]) -> dict[str, Any]:
    """The checker speaks draft 4 and is deaf to `format`: exclusive bounds become flags, a format a pattern of its own.

    The pattern says nothing about real values; two formats, or one and none, only have to differ. Raises `ValueError`
    for a keyword that the checker would pass over in silence.
    """
    if unheard := node.keys() - _COMPARED - _MEANS_NOTHING:
        raise ValueError(f"schemas can't be compared by {', '.join(sorted(unheard))}")
    if "format" in node and "pattern" in node:
        raise ValueError("schemas can't be compared by a format and a pattern together")
    made = {name: value for name, value in node.items() if name not in _MEANS_NOTHING}
    if "format" in made:
        made["pattern"] = f"^{made.pop('format')}:.*$"
    for exclusive, inclusive in _EXCLUSIVE:
        if exclusive in made:
            made[inclusive], made[exclusive] = made[exclusive], True
    return made


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema` with its `$ref`s replaced and without what does not bear on meaning."""
    definitions = schema.get("$defs", {})

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return walk(definitions[node["$ref"].rsplit("/", 1)[1]])
        return {
            name: {key: walk(item) for key, item in value.items()} if name == "properties" else walk(value)
            for name, value in _in_the_checkers_words(node).items()
        }

    inlined: dict[str, Any] = walk(schema)
    return inlined


def incompatibilities(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What old readers or old writers would notice of the change from `old` to `new`; empty when it may be made.

    A writer's schema is closed first (it sends only what it names), a reader's is taken as it is. Raises `ValueError`
    when a schema uses a keyword that can't be compared.
    """
    before, after = _inlined(old), _inlined(new)
    found = []
    if not isSubschema(_closed(before), after):
        found.append("a new reader refuses what an old writer sends")
    if not isSubschema(_closed(after), before):
        found.append("an old reader refuses what a new writer sends")
    return found
