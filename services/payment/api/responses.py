"""The bad answers of the routes, as OpenAPI shows them."""

from __future__ import annotations

from typing import Any

from chassis.problems import MEDIA_TYPE, TYPES


def problems_of(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with problems of `kinds`, an example for each."""
    listed: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        status, title = TYPES[kind]
        example = {
            "type": f"https://payfirst.dev/problems/{kind}",
            "title": title,
            "status": status,
            "detail": title,
            "instance": "urn:uuid:0199a1f2-6c1b-7c3a-9f43-2f6d7c8a9b01",
        }
        entry = listed.setdefault(status, {"description": title, "content": {MEDIA_TYPE: {"examples": {}}}})
        entry["content"][MEDIA_TYPE]["examples"][kind] = {"value": example}
    return listed
