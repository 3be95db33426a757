"""Stripe's wire form: bracketed keys into nested values, and typed readers that refuse as the vendor does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from simulators.stripe.errors import invalid, missing

Params = dict[str, Any]
_PARTS = re.compile(r"\[([^\[\]]*)\]")
_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_METADATA_KEYS, _METADATA_KEY_LENGTH, _METADATA_VALUE_LENGTH = 50, 40, 500


def parse(text: str) -> Params:
    """`a[b]=1&c[]=2&d[0]=3` as `{"a": {"b": "1"}, "c": ["2"], "d": ["3"]}`. Raises `Refused` for a broken key."""
    root: Params = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        match = _KEY.match(key)
        if match is None:
            raise invalid(f"Invalid request: the parameter name {key!r} can't be read.", param=key)
        _put(root, [match.group(1), *_PARTS.findall(match.group(2))], value)
    return {name: _listed(value) for name, value in root.items()}


def _put(node: Params, path: list[str], value: str) -> None:
    for part in path[:-1]:
        part = part or str(len(node))
        below = node.setdefault(part, {})
        if not isinstance(below, dict):
            raise invalid(f"Invalid hash: {path[0]}", param=path[0])
        node = below
    node[path[-1] or str(len(node))] = value


def _listed(value: Any) -> Any:
    """A mapping whose keys are 0, 1, 2 … is a list."""
    if not isinstance(value, dict):
        return value
    below = {name: _listed(item) for name, item in value.items()}
    return list(below.values()) if below and all(name.isdigit() for name in below) else below


def known(params: Params, names: Iterable[str]) -> None:
    """Raises `Refused` for a parameter that the endpoint does not have."""
    extra = sorted(set(params) - set(names) - {"expand", "key", "client_secret", "_stripe_version"})
    if extra:
        raise invalid(f"Received unknown parameter: {extra[0]}", code="parameter_unknown", param=extra[0])


def integer(params: Params, name: str, *, required: bool = False, least: int = 1) -> int | None:
    """A whole number of at least `least`, or None when left out."""
    value = params.get(name)
    if value in (None, ""):
        if required:
            raise missing(name)
        return None
    if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,18}", value):
        raise invalid(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
    if int(value) < least:
        words = f"This value must be greater than or equal to {least}."
        raise invalid(words, code="parameter_invalid_integer", param=name)
    return int(value)


def boolean(params: Params, name: str, default: bool = False) -> bool:
    """`true` or `false`."""
    value = params.get(name)
    if value is None:
        return default
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value}", param=name)
    return bool(value == "true")


def text(params: Params, name: str, *, required: bool = False, longest: int = 5000) -> str | None:
    """A string, or None when left out or emptied."""
    value = params.get(name)
    if value in (None, "") and required:
        raise missing(name)
    if value in (None, ""):
        return None
    if not isinstance(value, str) or len(value) > longest:
        raise invalid(f"Invalid string for {name}: at most {longest} characters.", param=name)
    return value


def choice(params: Params, name: str, allowed: Iterable[str]) -> str | None:
    """One of `allowed`, or None when left out."""
    value, words = text(params, name), sorted(allowed)
    if value is not None and value not in words:
        raise invalid(f"Invalid {name}: must be one of {', '.join(words)}", param=name)
    return value


def mapping(params: Params, name: str) -> Params:
    """A nested mapping, empty when left out."""
    value = params.get(name)
    if value in (None, ""):
        return {}
    if not isinstance(value, dict):
        raise invalid(f"Invalid hash: {name}", param=name)
    return value


def metadata(params: Params, present: Params | None = None) -> dict[str, str]:
    """`metadata` laid over what is `present`: an empty value takes its key away, an empty `metadata` takes all."""
    if params.get("metadata") == "":
        return {}
    given = params.get("metadata") or {}
    if isinstance(given, list):
        given = {str(number): value for number, value in enumerate(given)}
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise invalid("Invalid hash: metadata holds strings only.", param="metadata")
    for key, value in given.items():
        if len(key) > _METADATA_KEY_LENGTH or len(value) > _METADATA_VALUE_LENGTH:
            raise invalid("Metadata keys hold 40 characters and values 500.", param=f"metadata[{key}]")
    merged = {**(present or {}), **given}
    kept = {key: value for key, value in merged.items() if value != ""}
    if len(kept) > _METADATA_KEYS:
        raise invalid("Metadata holds at most 50 keys.", param="metadata")
    return kept
