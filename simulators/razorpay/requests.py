"""What every one of Razorpay's endpoints does alike: bodies, collections and their pages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from fastapi import Request

from simulators.razorpay.books import Refused


def listing(items: list[dict[str, Any]]) -> dict[str, Any]:
    """The vendor's collection form."""
    return {"entity": "collection", "count": len(items), "items": items}


def page(items: Iterable[dict[str, Any]], request: Request, count: int, skip: int) -> list[dict[str, Any]]:
    """Newest first, made between `from` and `to` (epoch seconds, both may be left out), at most 100."""
    since, until = int(request.query_params.get("from", 0)), int(request.query_params.get("to", 2**40))
    found = [item for item in items if since <= item["created_at"] <= until]
    return found[::-1][skip : skip + min(count, 100)]


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON body. Raises `Refused` for anything else."""
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused("The request body is not valid JSON.")
    return body
