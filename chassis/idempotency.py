"""Idempotency-Key: the same key and body get the same answer again; the effect and its answer share a transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request
from fastapi.responses import Response

from chassis import faults
from chassis.identity import Principal, maybe_caller
from chassis.problems import Problem
from chassis.work import Database, Work

Make = Callable[[Work], Awaitable[tuple[int, dict[str, Any]]]]
_MAX_KEY_CHARACTERS = 255


class Once:
    """One request's idempotency: scoped to caller and route (H-6), bound to the body's digest (H-2)."""

    def __init__(self, key: str | None, route: str, caller: str, request_digest: bytes) -> None:
        self.key, self.route, self.caller, self.request_digest = key, route, caller, request_digest

    async def answer(self, database: Database, make: Make) -> Response:
        """Run `make` in one transaction and remember its answer; or give the remembered one again.

        Raises `idempotency-key-reused` for another body and `idempotency-in-progress` while the first still runs.
        """
        if self.key is None:
            async with database.transaction() as work:
                status, body = await make(work)
                faults.point("http.before_commit")
            faults.point("http.committed")
            return _json(status, orjson.dumps(body))
        async with database.transaction() as work:
            remembered = await self._begin(work)
            if remembered is not None:
                return remembered
            status, body = await make(work)
            encoded = orjson.dumps(body)
            await work.execute(
                "UPDATE idempotency_keys SET status = $4, body = $5 WHERE caller = $1 AND route = $2 AND key = $3",
                self.caller,
                self.route,
                self.key,
                status,
                encoded,
            )
            faults.point("http.before_commit")
        faults.point("http.committed")
        return _json(status, encoded)

    async def _begin(self, work: Work) -> Response | None:
        lock = int.from_bytes(
            hashlib.blake2b(f"{self.caller}|{self.route}|{self.key}".encode(), digest_size=8).digest(),
            "big",
            signed=True,
        )
        free = await work.fetch_one("SELECT pg_try_advisory_xact_lock($1) AS free", lock)
        if free is None or not free.free:
            raise Problem(
                "idempotency-in-progress", "Wait for the first answer, then send again.", retry_after_seconds=1
            )
        new = await work.execute(
            """INSERT INTO idempotency_keys (caller, route, key, request_digest) VALUES ($1, $2, $3, $4)
               ON CONFLICT DO NOTHING""",
            self.caller,
            self.route,
            self.key,
            self.request_digest,
        )
        if new:
            return None
        row = await work.fetch_one(
            "SELECT request_digest, status, body FROM idempotency_keys WHERE caller = $1 AND route = $2 AND key = $3",
            self.caller,
            self.route,
            self.key,
        )
        if row is None or bytes(row.request_digest) != self.request_digest:
            raise Problem("idempotency-key-reused", "Use a new key for a new request.")
        return _json(row.status, bytes(row.body), replayed=True)


def _json(status: int, body: bytes, *, replayed: bool = False) -> Response:
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    return Response(body, status, headers, "application/json")


async def _once(request: Request, principal: Annotated[Principal | None, Depends(maybe_caller)]) -> Once:
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= _MAX_KEY_CHARACTERS and key.isprintable()):
        raise Problem("malformed", "An Idempotency-Key has 1 to 255 printable characters.")
    body = await request.body()
    who = "public" if principal is None else principal.subject + "".join(sorted(principal.scope.values()))
    return Once(key, f"{request.method} {request.url.path}", who, hashlib.blake2b(body, digest_size=16).digest())


Idempotency = Annotated[Once, Depends(_once)]
