"""The console in-process over made-up services."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from pydantic import SecretStr

from chassis.identity import issue_account_token
from console.app import build
from console.settings import ConsoleSettings
from console.tests.fakes import Fakes

SECRET = "a secret of the tests, 32 bytes at least"
BASE = "https://console.test"
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


def token(*roles: str, subject: str = "asha") -> str:
    """An account token of the tests."""
    return issue_account_token(SECRET, subject, list(roles))


class Person:
    """Somebody with a browser in front of the console."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client

    @property
    def token(self) -> str:
        """The token in the person's cookie."""
        (cookie,) = [item.value for item in self.client.cookies.jar]
        return str(json.loads(base64.b64decode(str(cookie).partition(".")[0]))["token"])

    async def get(self, path: str, **arguments: Any) -> httpx2.Response:
        """Load a page, without following redirects."""
        return await self.client.get(path, **arguments)

    async def csrf(self, path: str = "/sign-in") -> str:
        """The CSRF token in the page at `path`."""
        found = _CSRF.search((await self.client.get(path)).text)
        assert found is not None
        return found.group(1)

    async def send(
        self, path: str, fields: dict[str, str], page: str = "/sign-in", **arguments: Any
    ) -> httpx2.Response:
        """Send the form of `page` to `path`."""
        return await self.client.post(path, data={"csrf": await self.csrf(page), **fields}, **arguments)

    async def sign_in(self, *roles: str) -> Person:
        """Sign in with a token of `roles`."""
        answer = await self.send("/sign-in", {"token": token(*roles), "next": "/"})
        assert answer.status_code == 303, answer.text
        return self


@pytest.fixture
def fakes() -> Fakes:
    """The four services."""
    return Fakes()


@pytest.fixture
def settings() -> ConsoleSettings:
    """The console's knobs."""
    return ConsoleSettings(
        booking_url="http://services/booking",
        payment_url="http://services/payment",
        fulfillment_url="http://services/fulfillment",
        notification_url="http://services/notification",
        token_secret=SecretStr(SECRET),
        ops_token=SecretStr(token("ops", "admin", subject="console")),
    )


@pytest_asyncio.fixture
async def visitor(fakes: Fakes, settings: ConsoleSettings) -> AsyncIterator[Person]:
    """Somebody who is not signed in."""
    app = build(settings, httpx2.ASGITransport(app=fakes.app))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=BASE) as client,
    ):
        yield Person(client)


@pytest_asyncio.fixture
async def admin(visitor: Person) -> Person:
    """Somebody who may act."""
    return await visitor.sign_in("admin")
