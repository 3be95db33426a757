"""Errors for people and programs: RFC 9457 problem documents of a fixed list of types."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from chassis import telemetry
from chassis.ids import uuid7
from chassis.outcomes import Verdict, failure_of, verdict

log = logging.getLogger(__name__)

TYPES: dict[str, tuple[int, str]] = {
    "validation": (422, "Some fields are wrong"),
    "malformed": (400, "The body can't be read"),
    "too-large": (413, "The body is too large"),
    "unsupported-media-type": (415, "Send JSON"),
    "unauthenticated": (401, "A token is needed"),
    "forbidden": (403, "This token may not do that"),
    "not-found": (404, "There is nothing here for you"),
    "method": (405, "This path does not take that method"),
    "gone": (410, "This is no longer offered"),
    "idempotency-key-missing": (400, "Send an Idempotency-Key"),
    "idempotency-key-reused": (422, "This Idempotency-Key was used for another request"),
    "idempotency-in-progress": (409, "The first request with this key is still running"),
    "cart-invalid": (409, "The cart can't be checked out"),
    "slot-taken": (409, "The place was taken"),
    "hold-expired": (409, "The hold has ended"),
    "state-conflict": (409, "Not possible in the present state"),
    "version-conflict": (412, "It was changed meanwhile"),
    "signature-invalid": (400, "The signature is wrong"),
    "payment-unknown": (202, "The payment's outcome is not known yet"),
    "gateway-unavailable": (503, "The payment gateway is away"),
    "dependency-unavailable": (503, "Something we need is away"),
    "rate-limited": (429, "Too many requests"),
    "internal": (500, "Something went wrong here"),
}
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A problem of a known `kind`; `detail` says what to do next; `extra` members are added to the document."""

    def __init__(self, kind: str, detail: str = "", *, retry_after_seconds: int | None = None, **extra: Any) -> None:
        self.kind, (self.status, self.title) = kind, TYPES[kind]
        super().__init__(detail or self.title)
        self.detail, self.retry_after_seconds, self.extra = detail, retry_after_seconds, extra


def response(problem: Problem, service: str) -> JSONResponse:
    """The answer for `problem`, counted by type."""
    telemetry.HTTP_PROBLEMS.labels(service, problem.kind).inc()
    body = {
        "type": f"https://payfirst.dev/problems/{problem.kind}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail or problem.title,
        "instance": f"urn:uuid:{uuid7()}",
        **{name: value for name, value in problem.extra.items() if value is not None},
    }
    headers = {}
    if problem.retry_after_seconds is not None or problem.status == 503:
        headers["Retry-After"] = str(problem.retry_after_seconds or 2)
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, problem.status, headers, MEDIA_TYPE)


def documented(*kinds: str) -> dict[int | str, dict[str, Any]]:
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
        if status in (429, 503):
            seconds = {"type": "integer", "minimum": 1}
            entry["headers"] = {"Retry-After": {"description": "Whole seconds to wait.", "schema": seconds}}
    return listed


def validation_problem(errors: list[dict[str, Any]], body: Any = None) -> Problem:
    """Wrong fields of `body` as JSON pointers; a body that is no JSON is `malformed`."""
    if any(item.get("type") == "json_invalid" for item in errors):
        return Problem("malformed", "The body is not valid JSON.")
    listed = [
        {
            "pointer": "/" + "/".join(_path(item["loc"][1:], body)),
            "in": str(item["loc"][0]),
            "detail": item["msg"],
        }
        for item in errors
        if item.get("loc")
    ]
    return Problem("validation", "Mend the fields listed in errors and send again.", errors=listed)


def _path(location: Sequence[str | int], body: Any) -> list[str]:
    """`location` without what names no part of the document: the tag of a union's member."""
    path, inside = [], body
    for position, part in enumerate(location):
        is_tag = isinstance(inside, dict) and part not in inside and position < len(location) - 1
        if not is_tag:
            path.append(str(part))
            inside = inside.get(part) if isinstance(inside, dict) else None
    return path


_BY_STATUS = {404: "not-found", 405: "method", 413: "too-large", 415: "unsupported-media-type", 401: "unauthenticated"}


def install(app: FastAPI, service: str) -> None:
    """Make every error of `app` a problem document; nothing from inside leaves with it."""

    @app.exception_handler(Problem)
    async def _problem(_: Request, error: Problem) -> JSONResponse:
        return response(error, service)

    @app.exception_handler(RequestValidationError)
    async def _validation(_: Request, error: RequestValidationError) -> JSONResponse:
        return response(validation_problem(list(error.errors()), error.body), service)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        kind = _BY_STATUS.get(error.status_code, "malformed" if error.status_code < 500 else "internal")
        return response(Problem(kind), service)

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> JSONResponse:
        if verdict(error) in (Verdict.AWAY, Verdict.CONFLICT):
            return response(Problem("dependency-unavailable", "Try again in a moment."), service)
        failure = failure_of(error)
        answer = Problem("internal", "The error is on record; try again later.")
        log.error(
            "%s %s: %s %s", request.method, request.url.path, failure.error_class, failure.message, exc_info=error
        )
        return response(answer, service)
