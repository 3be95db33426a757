"""Stripe's collections and expansion: pages by `starting_after`, `created` ranges, search, `expand[]`."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any

from simulators.stripe.books import Books, Thing
from simulators.stripe.errors import invalid, unknown_id
from simulators.stripe.form import Params, integer, text

SEARCH_LAG_SECONDS = 60
"""How long the search index trails behind: never read after write (gateways.md 1.4)."""
_BOUNDS = {"gt": 1, "gte": 0, "lt": -1, "lte": 0}
_TERM = re.compile(r"(\w+)(?:\[\"([^\"]+)\"\])?\s*([:><]=?)\s*(\"[^\"]*\"|'[^']*'|\d+)")
_DEPTH = 4


def page(items: list[Thing], params: Params, url: str, filters: Iterable[str] = ()) -> Thing:
    """One page of `items`, which come newest first. Raises `Refused` for a bad limit or cursor."""
    limit = integer(params, "limit") or 10
    if limit > 100:
        raise invalid("Limit must be at most 100.", code="parameter_invalid_integer", param="limit")
    wanted = {name: text(params, name) for name in filters if params.get(name)}
    found = [item for item in items if all(item.get(name) == value for name, value in wanted.items())]
    found = [item for item in found if _created(item["created"], params)]
    if after := text(params, "starting_after"):
        found = found[_position(found, after, "starting_after") + 1 :]
    if before := text(params, "ending_before"):
        kept = found[: _position(found, before, "ending_before")]
        return _collection(kept[-limit:], len(kept) > limit, url)
    return _collection(found[:limit], len(found) > limit, url)


def _collection(items: list[Thing], more: bool, url: str) -> Thing:
    return {"object": "list", "data": [dict(item) for item in items], "has_more": more, "url": url}


def _position(items: list[Thing], cursor: str, param: str) -> int:
    for position, item in enumerate(items):
        if item["id"] == cursor:
            return position
    raise unknown_id("object", cursor, param, 400)


def _created(moment: int, params: Params) -> bool:
    given = params.get("created")
    if isinstance(given, str) and given:
        return moment == integer(params, "created", least=0)
    if not isinstance(given, dict):
        return True
    for name in given:
        bound = integer(given, name, least=0)
        if name not in _BOUNDS or bound is None:
            raise invalid(f"Invalid created range: {name}", param=f"created[{name}]")
        edge = bound + _BOUNDS[name]
        if not (moment >= edge if name.startswith("g") else moment <= edge):
            return False
    return True


def search(books: Books, kind: str, params: Params, url: str) -> Thing:
    """The vendor's search: terms joined by AND over `status`, `currency`, `customer`, `amount`, `created`, `metadata`.
    What is younger than a minute is not found yet."""
    query = text(params, "query", required=True) or ""
    terms = _TERM.findall(query)
    if not terms or re.sub(r"\bAND\b|\s", "", _TERM.sub("", query)):
        raise invalid("We were unable to parse your search query.", param="query")
    known = books.clock.now() - SEARCH_LAG_SECONDS
    items = [item for item in books.newest_first(kind) if item["created"] <= known]
    found = [item for item in items if all(_fits(item, *term) for term in terms)]
    first, limit = int(text(params, "page") or 0), integer(params, "limit") or 10
    shown = [dict(item) for item in found[first : first + limit]]
    more = len(found) > first + limit
    after = str(first + limit) if more else None
    return {"object": "search_result", "data": shown, "has_more": more, "next_page": after, "url": url}


def _fits(item: Thing, field: str, key: str, relation: str, quoted: str) -> bool:
    value = item.get(field, {}).get(key) if key else item.get(field)
    wanted = quoted.strip("\"'")
    if relation == ":":
        return value is not None and str(value) == wanted
    if not isinstance(value, int):
        return False
    return {">": value > int(wanted), "<": value < int(wanted)}.get(relation, value == int(wanted)) or (
        relation in (">=", "<=") and value == int(wanted)
    )


def expand(books: Books, answer: Thing, params: Params) -> Thing:
    """A copy of `answer` with the ids that `expand[]` names replaced by their things. Raises `Refused`."""
    shown: Thing = copy.deepcopy(answer)
    given = params.get("expand") or []
    for path in given if isinstance(given, list) else [given]:
        parts = str(path).split(".")
        if len(parts) > _DEPTH + (parts[0] == "data"):
            raise invalid(f"You can't expand more than {_DEPTH} levels: {path}.", param="expand")
        _expand(books, shown, parts, str(path))
    return shown


def _expand(books: Books, node: Any, parts: list[str], path: str) -> None:
    if not parts:
        return
    name, rest = parts[0], parts[1:]
    if isinstance(node, list):
        for item in node:
            _expand(books, item, parts, path)
        return
    if not isinstance(node, dict):
        return
    if name in ("refunds", "reversals") and name not in node:
        node[name] = _below(books, node, name)
    if name not in node:
        raise invalid(f"This property can't be expanded ({path}).", param="expand[0]")
    if isinstance(node[name], str):
        found = books.find(node[name])
        if found is None:
            raise invalid(f"This property can't be expanded ({path}).", param="expand[0]")
        node[name] = copy.deepcopy(found)
    _expand(books, node[name], rest, path)


def _below(books: Books, node: Thing, name: str) -> Thing:
    """The refunds of a charge, the reversals of a transfer."""
    kind, back = {"refunds": ("refund", "charge"), "reversals": ("transfer_reversal", "transfer")}[name]
    items = [copy.deepcopy(item) for item in books.newest_first(kind) if item[back] == node["id"]]
    return _collection(items[:10], len(items) > 10, f"/v1/{back}s/{node['id']}/{name}")
