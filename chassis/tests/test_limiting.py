"""Rate limits over real HTTP on a real port: who shares a bucket, what a refusal says, what it costs and keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import APIRouter, Request
from prometheus_client import REGISTRY

from chassis.hosting import Application, api_of
from chassis.identity import Caller, issue_account_token, issue_guest_token
from chassis.problems import Problem
from chassis.settings import ServiceSettings
from chassis.testing import eventually
from chassis.tests.lab import MIGRATIONS

SECRET = "a-secret-of-at-least-thirty-two-bytes"
_KNOBS: dict[str, Any] = {
    "rate_limit_reads_per_second": 0.01,
    "rate_limit_reads_burst": 4,
    "rate_limit_writes_per_second": 0.01,
    "rate_limit_writes_burst": 2,
    "rate_limit_admin_per_second": 0.01,
    "rate_limit_admin_burst": 3,
    "rate_limit_forged_per_second": 0.01,
    "rate_limit_forged_burst": 2,
    "rate_limit_address_factor": 2,
}
_JSON = {"content-type": "application/json"}
routes = APIRouter()


@routes.get("/read")
async def read() -> dict[str, str]:
    return {}


@routes.get("/whoever")
async def whoever(caller: Caller) -> dict[str, Any]:
    return {"subject": caller.subject, "roles": sorted(caller.roles), "scope": caller.scope}


@routes.post("/write")
async def write(body: dict[str, int]) -> dict[str, int]:
    return body


@routes.get("/api/v1/admin/things")
async def administer() -> dict[str, str]:
    return {}


@routes.post("/hooks/vendor")
async def hook(request: Request) -> dict[str, str]:
    if request.headers.get("signature") != "good":
        request.app.state.limits.charge_forged(request)
        raise Problem("unauthenticated")
    return {}


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def _serving(**knobs: Any) -> AsyncIterator[httpx2.AsyncClient]:
    settings = ServiceSettings(database_url="postgresql://unused", token_secret=SECRET, **{**_KNOBS, **knobs})
    application = Application("lab", settings, MIGRATIONS, (routes,), unlimited=("/hooks/",))
    config = uvicorn.Config(
        api_of(application), port=0, log_config=None, access_log=False, lifespan="off", proxy_headers=False
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started, what="the server")
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        try:
            yield client
        finally:
            server.should_exit = True
            await serving
            await application.database.close()


def _account(subject: str) -> dict[str, str]:
    return {"authorization": f"Bearer {issue_account_token(SECRET, subject, ['admin'])}"}


def _guest(cart: str) -> dict[str, str]:
    return {"authorization": f"Bearer {issue_guest_token(SECRET, {'cart': cart})}"}


async def _statuses(http: httpx2.AsyncClient, count: int, path: str = "/read", **more: Any) -> list[int]:
    method = "POST" if path in ("/write", "/hooks/vendor") else "GET"
    return [(await http.request(method, path, **more)).status_code for _ in range(count)]


def _refused(group: str, caller: str) -> float:
    return REGISTRY.get_sample_value("rate_limited_total", {"service": "lab", "group": group, "caller": caller}) or 0.0


async def test_an_empty_bucket_answers_429_with_whole_seconds_and_is_counted() -> None:
    before = _refused("reads", "account")
    async with _serving() as http:
        assert await _statuses(http, 4, headers=_account("ada")) == [200] * 4
        answer = await http.get("/read", headers=_account("ada"))
        counted = (await http.get("/metrics")).text
    assert (answer.status_code, answer.json()["type"]) == (429, "https://payfirst.dev/problems/rate-limited")
    assert answer.headers["content-type"] == "application/problem+json"
    assert 99 <= int(answer.headers["retry-after"]) <= 100
    assert f"{answer.headers['retry-after']} s" in answer.json()["detail"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert _refused("reads", "account") == before + 1
    assert "rate_limited_total{" in counted


async def test_after_the_time_that_it_says_the_caller_is_heard_again() -> None:
    async with _serving(rate_limit_writes_per_second=2.0) as http:
        assert await _statuses(http, 3, "/write", json={}, headers=_account("ada")) == [200, 200, 429]
        answer = await http.post("/write", json={}, headers=_account("ada"))
        assert answer.headers["retry-after"] == "1"

        async def heard() -> bool:
            return (await http.post("/write", json={}, headers=_account("ada"))).status_code == 200

        # A refusal takes nothing: asking again and again does not put the end off.
        await eventually(heard, seconds=1.5, what="a token within the second")


async def test_each_caller_and_each_group_has_its_own_bucket() -> None:
    async with _serving() as http:
        assert await _statuses(http, 5, headers=_account("ada")) == [200] * 4 + [429]
        assert await _statuses(http, 5, headers=_account("bob")) == [200] * 4 + [429]
        assert await _statuses(http, 3, "/write", json={}, headers=_account("ada")) == [200, 200, 429]
        assert await _statuses(http, 4, "/api/v1/admin/things", headers=_account("ada")) == [200] * 3 + [429]
        # Another token of the same account is the same caller.
        other = issue_account_token(SECRET, "ada", ["buyer"], valid_seconds=60)
        assert await _statuses(http, 1, headers={"authorization": f"Bearer {other}"}) == [429]


async def test_health_and_metrics_are_never_limited() -> None:
    async with _serving() as http:
        assert await _statuses(http, 20, "/health/live") == [200] * 20
        assert await _statuses(http, 20, "/metrics") == [200] * 20


async def test_strangers_and_bad_tokens_count_for_their_address_and_so_do_guests() -> None:
    forged = {"authorization": "Bearer nonsense"}
    async with _serving() as http:
        assert await _statuses(http, 4, headers=_guest("c-1")) == [200] * 4
        assert await _statuses(http, 2, headers=_guest("c-1")) == [429] * 2
        # Twice one caller's four for the address; the refused two took nothing from it.
        assert await _statuses(http, 2, "/whoever", headers=forged) == [401, 401]
        assert await _statuses(http, 3) == [200, 200, 429]
        # A fresh guest token, which anybody gets for nothing, does not open the door again. An account does.
        assert await _statuses(http, 1, headers=_guest("c-2")) == [429]
        assert await _statuses(http, 1, headers=_account("ada")) == [200]


async def test_the_route_still_learns_who_asks() -> None:
    async with _serving() as http:
        assert (await http.get("/whoever", headers=_account("ada"))).json()["subject"] == "ada"
        assert (await http.get("/whoever", headers=_guest("c-1"))).json()["scope"] == {"cart": "c-1"}
        assert (await http.get("/whoever")).status_code == 401


async def test_a_flood_of_bad_bodies_and_unknown_paths_is_limited_too() -> None:
    async with _serving() as http:
        assert await _statuses(http, 6, "/write", content=b"{", headers=_JSON) == [400] * 4 + [429] * 2
        assert await _statuses(http, 9, "/nowhere") == [404] * 8 + [429]


@pytest.mark.parametrize(
    ("trusted", "first", "second", "answers"),
    [
        ("127.0.0.1", "198.51.100.1", "198.51.100.2", [200, 200]),
        ("127.0.0.0/8", "198.51.100.1", "198.51.100.2", [200, 200]),
        # What the client itself wrote stands to the left of what our proxy saw, and counts for nothing.
        ("127.0.0.1", "203.0.113.7, 198.51.100.1", "203.0.113.8, 198.51.100.1", [200, 429]),
        # One IPv6 customer has a whole /64.
        ("127.0.0.1", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", [200, 429]),
        # Nobody is trusted: the header is anybody's word.
        ("", "198.51.100.1", "198.51.100.2", [200, 429]),
        ("192.0.2.1", "198.51.100.1", "198.51.100.2", [200, 429]),
    ],
)
async def test_a_forwarded_address_counts_from_a_trusted_proxy_alone(
    trusted: str, first: str, second: str, answers: list[int]
) -> None:
    async with _serving(trusted_proxies=trusted, rate_limit_reads_burst=1, rate_limit_address_factor=1) as http:
        seen = [(await http.get("/read", headers={"x-forwarded-for": value})).status_code for value in (first, second)]
    assert seen == answers


async def test_authentic_webhooks_are_always_heard_and_forged_ones_are_limited() -> None:
    good = {"signature": "good"}
    async with _serving() as http:
        assert await _statuses(http, 60, "/hooks/vendor", headers=good) == [200] * 60
        assert await _statuses(http, 4, "/hooks/vendor") == [401, 401, 429, 429]
        assert await _statuses(http, 5, "/hooks/vendor", headers=good) == [200] * 5


async def test_the_defaults_leave_a_storm_of_clicks_alone() -> None:
    settings = ServiceSettings(database_url="postgresql://unused", token_secret=SECRET)
    defaults = {name: getattr(settings, name) for name in _KNOBS}
    async with _serving(**defaults) as http:
        clicks = await asyncio.gather(
            *(http.post("/write", json={}, headers=_guest("c-1"), timeout=30) for _ in range(40))
        )
        assert {answer.status_code for answer in clicks} == {200}


def test_openapi_says_429_with_retry_after_everywhere_but_at_health() -> None:
    settings = ServiceSettings(database_url="postgresql://unused", token_secret=SECRET)
    paths = api_of(Application("lab", settings, MIGRATIONS, (routes,))).openapi()["paths"]
    for path, operations in paths.items():
        for operation in operations.values():
            limited = not path.startswith(("/health/", "/metrics"))
            assert ("429" in operation["responses"]) == limited, path
            if limited:
                told = operation["responses"]["429"]
                assert told["headers"]["Retry-After"]["schema"] == {"type": "integer", "minimum": 1}
                (example,) = told["content"]["application/problem+json"]["examples"].values()
                assert example["value"]["type"].endswith("/rate-limited")
