"""The HTTP door on a real database: problems, idempotency, tokens, limits, ops routes with their roles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from chassis.hosting import Application, api_of
from chassis.idempotency import Idempotency
from chassis.identity import Caller, Principal, issue_account_token, issue_guest_token
from chassis.ids import uuid7
from chassis.outcomes import Dead
from chassis.problems import TYPES, Problem
from chassis.serving import Db
from chassis.settings import ServiceSettings
from chassis.tests.lab import MIGRATIONS, Lab
from chassis.work import Work

SECRET = "a-secret-of-at-least-thirty-two-bytes"


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    n: int


routes = APIRouter()


@routes.post("/things", status_code=201)
async def make_thing(body: Thing, once: Idempotency, database: Db) -> Any:
    async def make(work: Work) -> tuple[int, dict[str, Any]]:
        await work.fetch("SELECT pg_sleep(0.05)")
        await work.execute("INSERT INTO effects (message_id, booking_id, n) VALUES ($1, 'http', $2)", uuid7(), body.n)
        return 201, {"n": body.n}

    return await once.answer(database, make)


@routes.get("/mine")
async def mine(caller: Caller) -> dict[str, Any]:
    return {"subject": caller.subject, "roles": sorted(caller.roles), "scope": caller.scope}


@routes.get("/broken")
async def broken() -> None:
    raise RuntimeError("secret words of mail a.person@example.com")


@routes.get("/problem")
async def problem() -> None:
    raise Problem("slot-taken", "Choose another time.", booking_id="b-1")


@pytest_asyncio.fixture
async def http(lab: Lab) -> AsyncIterator[httpx2.AsyncClient]:
    settings = ServiceSettings(
        database_url="postgresql://unused",
        token_secret=SECRET,
        kafka_bootstrap_servers=lab.bootstrap,
    )
    application = Application("lab", settings, MIGRATIONS, (routes,), (lab.inline(),))
    application.connected = lab.database
    transport = httpx2.ASGITransport(app=api_of(application), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://lab") as client:
        yield client


def _bearer(*roles: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue_account_token(SECRET, 'ada', list(roles))}"}


async def test_the_same_key_and_body_get_the_same_answer_and_one_effect(http: httpx2.AsyncClient, lab: Lab) -> None:
    key = {"Idempotency-Key": "k-1"}
    answers = [await http.post("/things", json={"n": 1}, headers=key) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, "true", "true"]
    assert {answer.text for answer in answers} == {'{"n":1}'}
    assert (await lab.rows("SELECT count(*) FROM effects"))[0][0] == 1


async def test_the_same_key_at_the_same_time_runs_once_and_tells_the_others_to_wait(
    http: httpx2.AsyncClient, lab: Lab
) -> None:
    key = {"Idempotency-Key": "k-2"}
    answers = await asyncio.gather(*(http.post("/things", json={"n": 2}, headers=key) for _ in range(6)))
    assert sorted({answer.status_code for answer in answers}) in ([201], [201, 409])
    assert (await lab.rows("SELECT count(*) FROM effects"))[0][0] == 1
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["type"].endswith("/idempotency-in-progress")
            assert answer.headers["Retry-After"] == "1"


async def test_the_same_key_with_another_body_is_refused_and_another_caller_sees_nothing(
    http: httpx2.AsyncClient, lab: Lab
) -> None:
    key = {"Idempotency-Key": "k-3"}
    await http.post("/things", json={"n": 3}, headers=key)
    other = await http.post("/things", json={"n": 4}, headers=key)
    assert (other.status_code, other.json()["type"]) == (422, "https://payfirst.dev/problems/idempotency-key-reused")
    stranger = await http.post("/things", json={"n": 4}, headers={**key, **_bearer("buyer")})
    assert (stranger.status_code, stranger.headers.get("Idempotent-Replayed")) == (201, None)


@pytest.mark.parametrize(
    ("body", "status", "kind", "pointer"),
    [
        (b'{"n": "x"}', 422, "validation", "/n"),
        (b'{"n": 1, "amount_minor": 1}', 422, "validation", "/amount_minor"),
        (b"{", 400, "malformed", None),
        (b"[]", 422, "validation", "/"),
        (b'{"n": ' + b"1" * 300_000 + b"}", 413, "too-large", None),
    ],
)
async def test_bad_input_gets_a_precise_problem_and_changes_nothing(
    http: httpx2.AsyncClient, lab: Lab, body: bytes, status: int, kind: str, pointer: str | None
) -> None:
    answer = await http.post("/things", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(f"/{kind}")
    if pointer is not None:
        assert pointer in [item["pointer"] for item in answer.json()["errors"]]
    assert (await lab.rows("SELECT count(*) FROM effects"))[0][0] == 0


async def test_a_bug_is_a_problem_without_anything_from_inside(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/broken")
    assert (answer.status_code, answer.json()["type"]) == (500, "https://payfirst.dev/problems/internal")
    assert "example.com" not in answer.text
    assert "Traceback" not in answer.text
    known = await http.get("/problem")
    assert (known.status_code, known.json()["booking_id"]) == (409, "b-1")
    assert (await http.get("/nowhere")).json()["type"].endswith("/not-found")
    assert (await http.delete("/problem")).json()["type"].endswith("/method")


async def test_tokens_prove_who_asks_and_nothing_else_does(http: httpx2.AsyncClient) -> None:
    assert (await http.get("/mine")).status_code == 401
    assert (await http.get("/mine", headers=_bearer("ops"))).json()["roles"] == ["ops"]
    guest = issue_guest_token(SECRET, {"cart": "c-1"})
    assert (await http.get("/mine", headers={"Authorization": f"Bearer {guest}"})).json()["scope"] == {"cart": "c-1"}
    forged = issue_account_token("another-secret-of-thirty-two-bytes!!", "ada", ["admin"])
    expired = issue_account_token(SECRET, "ada", ["admin"], valid_seconds=-120)
    for token in (forged, expired, guest[:-3] + "abc", "nonsense", ""):
        answer = await http.get("/mine", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (401, "unauthenticated")


def test_a_guest_owns_what_its_scope_names_and_an_account_what_is_written_to_it() -> None:
    guest, account = Principal("guest", scope={"booking": "b-1"}), Principal("ada", frozenset({"buyer"}))
    assert [guest.owns("booking", id_, owner) for id_, owner in (("b-1", "x"), ("b-2", "guest"))] == [True, False]
    assert not guest.owns("cart", "b-1", "guest")
    assert [account.owns("booking", "b-1", owner) for owner in ("ada", "bob", None)] == [True, False, False]


@pytest.mark.parametrize("path", ["/ops/outbox", "/ops/tasks", "/ops/dead-letters", "/ops/audit", "/ops/timeline/b-1"])
async def test_ops_routes_are_for_operators(http: httpx2.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 401
    assert (await http.get(path, headers=_bearer("buyer"))).status_code == 403
    assert (await http.get(path, headers=_bearer("ops"))).status_code == 200


async def test_an_administrator_finds_replays_and_traces_a_dead_letter(http: httpx2.AsyncClient, lab: Lab) -> None:
    lab.trouble = lambda message: (_ for _ in ()).throw(Dead("no use"))
    await lab.start()
    booking_id = str(uuid7())
    await lab.tell(lab.happened(booking_id=booking_id, n=1))
    await lab.until("SELECT count(*) = 1 FROM tasks WHERE state = 'dead'")
    (letter,) = (await http.get("/ops/dead-letters", headers=_bearer("ops"))).json()["dead_letters"]
    assert (letter["booking_id"], letter["disposition"], letter["error_class"]) == (booking_id, "NON_RETRYABLE", "Dead")
    detail = (await http.get(f"/ops/dead-letters/{letter['id']}", headers=_bearer("ops"))).json()
    assert detail["payload"] == {"booking_id": booking_id, "n": 1, "trouble": ""}
    assert len(detail["attempt_log"]) == 1
    url = f"/ops/dead-letters/{letter['id']}/replay"
    assert (await http.post(url, json={"reason": "mended"}, headers=_bearer("ops"))).status_code == 403
    assert (await http.post(url, json={}, headers=_bearer("admin"))).status_code == 422
    lab.trouble = lambda message: None
    dry = await http.post(f"{url}?dry_run=true", json={"reason": "look first"}, headers=_bearer("admin"))
    assert dry.json()["would"] == "succeed"
    assert (await http.post(url, json={"reason": "mended"}, headers=_bearer("admin"))).status_code == 200
    await lab.until("SELECT count(*) = 1 FROM effects")
    entries = (await http.get(f"/ops/timeline/{booking_id}", headers=_bearer("ops"))).json()["entries"]
    whats = [entry["what"] for entry in entries]
    assert whats[0] == "told"
    assert {"taken", "attempt failed", "replay"} <= set(whats)
    told, taken = entries[0], next(entry for entry in entries if entry["what"] == "taken")
    assert (told["partition"], told["offset"]) == (taken["partition"], taken["offset"])


async def test_lag_is_told_in_messages_and_seconds_without_any_consumer(http: httpx2.AsyncClient, lab: Lab) -> None:
    await lab.produce(*[lab.record(lab.happened(booking_id=str(uuid7()), n=n)) for n in range(20)])
    answer = await http.get("/ops/lag", headers=_bearer("ops"))
    (step,) = answer.json()["steps"]
    assert (step["messages"], step["drain_seconds"]) == (20, None)
    assert 0 < step["oldest_seconds"] < 60


async def test_readiness_says_what_is_missing(http: httpx2.AsyncClient, lab: Lab) -> None:
    assert (await http.get("/health/ready")).json() == {"status": "ready", "missing": {}}
    assert (await http.get("/health/live")).status_code == 200
    assert "step_messages_total" in (await http.get("/metrics")).text


def test_every_problem_type_has_a_status_that_fits() -> None:
    assert all(200 <= status < 600 and title for status, title in TYPES.values())
