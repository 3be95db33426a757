"""Who gets in, and what protects them: cookies, CSRF, headers."""

from __future__ import annotations

import pytest

from chassis.identity import issue_account_token, issue_guest_token
from console.tests.conftest import SECRET, Person, token

PAGES = ["/", "/dead-letters", "/dead-letters/booking/9", "/purchases/x", "/replays?run=booking:x", "/search?q=x"]


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_sends_a_stranger_to_the_sign_in_form(visitor: Person, path: str) -> None:
    answer = await visitor.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


@pytest.mark.parametrize("path", ["/live/overview", "/live/purchases/x"])
async def test_a_live_fragment_answers_401_to_a_stranger(visitor: Person, path: str) -> None:
    assert (await visitor.get(path, headers={"x-live": "1"})).status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "nonsense",
        token("buyer"),
        issue_guest_token(SECRET, {"booking": "x"}),
        issue_account_token("another secret of thirty-two bytes!", "asha", ["admin"]),
        issue_account_token(SECRET, "asha", ["admin"], valid_seconds=-3600),
    ],
)
async def test_a_token_that_is_no_operators_does_not_sign_in(visitor: Person, wrong: str) -> None:
    answer = await visitor.send("/sign-in", {"token": wrong})
    assert answer.status_code == 403
    assert "not valid here" in answer.text
    assert (await visitor.get("/")).status_code == 303


async def test_a_token_in_the_address_is_not_looked_at(visitor: Person) -> None:
    assert (await visitor.get(f"/sign-in?token={token('admin')}")).status_code == 200
    assert (await visitor.get("/")).status_code == 303


async def test_signing_in_returns_to_the_page_that_was_wanted_but_to_no_other_site(visitor: Person) -> None:
    back = await visitor.send("/sign-in", {"token": token("ops"), "next": "/dead-letters?step=x"})
    assert back.headers["location"] == "/dead-letters?step=x"
    for elsewhere in ("https://evil.test/", "//evil.test", "/\\evil.test"):
        answer = await visitor.send("/sign-in", {"token": token("ops"), "next": elsewhere})
        assert answer.headers["location"] == "/"


async def test_the_session_cookie_is_host_bound_strict_secure_and_out_of_reach_of_scripts(visitor: Person) -> None:
    cookie = (await visitor.get("/sign-in")).headers["set-cookie"].lower()
    assert cookie.startswith("__host-payfirst-console=")
    for flag in ("httponly", "secure", "samesite=strict", "path=/"):
        assert flag in cookie


async def test_every_page_forbids_inline_script_and_style_and_framing(admin: Person) -> None:
    answer = await admin.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert "<script>" not in answer.text
    assert "style=" not in answer.text
    assert "onclick" not in answer.text


async def test_signing_out_ends_the_session(admin: Person) -> None:
    assert (await admin.send("/sign-out", {}, page="/")).status_code == 303
    assert (await admin.get("/")).status_code == 303


@pytest.mark.parametrize("path", ["/sign-out", "/dead-letters/booking/9", "/replays"])
async def test_a_write_without_the_sessions_csrf_token_is_refused(admin: Person, path: str) -> None:
    for fields in ({}, {"csrf": "guess"}):
        answer = await admin.client.post(path, data={"reason": "because", "act": "discard", **fields})
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_a_write_from_another_site_is_refused_even_with_the_token(admin: Person, headers: dict[str, str]) -> None:
    fields = {"reason": "because", "act": "discard"}
    answer = await admin.send("/dead-letters/booking/9", fields, page="/", headers=headers)
    assert answer.status_code == 403


async def test_a_write_of_another_content_type_is_refused(admin: Person) -> None:
    answer = await admin.client.post("/dead-letters/booking/9", json={"csrf": await admin.csrf("/"), "act": "discard"})
    assert answer.status_code == 415


async def test_an_operator_may_look_but_not_act(visitor: Person) -> None:
    person = await visitor.sign_in("ops")
    page = await person.get("/dead-letters/booking/9")
    assert "Your role may look" in page.text
    assert 'value="discard"' not in page.text
    answer = await person.send("/dead-letters/booking/9", {"reason": "because", "act": "discard"}, page="/")
    assert answer.status_code == 403


async def test_names_and_addresses_in_a_payload_are_hidden_from_operators(visitor: Person) -> None:
    person = await visitor.sign_in("ops")
    page = (await person.get("/dead-letters/booking/9")).text
    assert "asha@example.com" not in page
    assert "99900" in page
