"""Push by a small local push service: what it says decides over delivery, device and retry, and mail never waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chassis.ids import uuid7
from chassis.testing import free_port
from chassis.work import Database
from services.notification.adapters.fcm import Fcm, project_of
from services.notification.adapters.smtp import MailServer
from services.notification.tests import samples
from services.notification.tests.conftest import Post, Sink

pytestmark = pytest.mark.db
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
DEVICES = "SELECT count(*) FROM devices"
PUSHED = "SELECT state, reason FROM deliveries WHERE recipient LIKE 'device:%'"
TASKS = "SELECT state, attempts, held_by, error_class FROM tasks"


@dataclass
class Phones:
    """The push service's mind: replies it gives next (status, body, headers), what it took, tokens it gave out."""

    url: str = ""
    replies: list[tuple[int, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    logins: int = 0
    taken: list[dict[str, Any]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def refuse(self, status: int, code: str = "", message: str = "", **headers: str) -> None:
        """Answer the next message with an error; `code` is the FcmError."""
        details = [{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}] if code else []
        error = {"code": status, "status": "X", "message": message, "details": details}
        self.replies.append((status, {"error": error}, headers))


def handler_for(phones: Phones) -> type[BaseHTTPRequestHandler]:
    """The two endpoints: token and messages:send."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/token":
                phones.logins += 1
                claims = jwt.decode(
                    parse_qs(body.decode())["assertion"][0], KEY.public_key(), ["RS256"], audience=phones.url + "/token"
                )
                assert claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging"
                status = phones.tokens.pop(0) if phones.tokens else 200
                self.answer(status, {"access_token": f"access-{phones.logins}", "expires_in": 3600}, {})
                return
            assert self.path == "/v1/projects/payfirst/messages:send"
            status, reply, headers = phones.replies.pop(0) if phones.replies else (200, {"name": "messages/0:1"}, {})
            if self.headers["Authorization"] != f"Bearer access-{phones.logins}":
                status, reply = 401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}}
            if status in (200, 0):
                phones.taken.append(orjson.loads(body)["message"])
            if status == 0:
                phones.released.wait(10)
                self.close_connection = True
                return
            self.answer(status, reply, headers)

        def answer(self, status: int, body: dict[str, Any], headers: dict[str, str]) -> None:
            """Send JSON."""
            text = orjson.dumps(body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def phones() -> Iterator[Phones]:
    """A local push service."""
    mind = Phones()
    server = ThreadingHTTPServer(("127.0.0.1", free_port()), handler_for(mind))
    mind.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield mind
    mind.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


def connected(phones: Phones) -> Fcm:
    """The adapter, pointed at `phones`."""
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = orjson.dumps({"client_email": "sender@payfirst.example", "private_key": pem}).decode()
    return Fcm(project_of(phones.url, "payfirst", phones.url + "/token", account, 0.5))


@pytest.fixture
async def push(phones: Phones) -> AsyncIterator[Fcm]:
    """The adapter, closed afterwards."""
    adapter = connected(phones)
    yield adapter
    await adapter.close()


@pytest.fixture
async def bought(database: Database) -> None:
    """A fulfilled purchase of a buyer with one device."""
    async with database.transaction() as work:
        await work.execute(
            "INSERT INTO devices (device_id, owner, target, registration) VALUES ($1, 'student-1', 'token', 'phone-1')",
            uuid7(),
        )
    await samples.know_buyers(database, [samples.confirmed("bk-1")])
    await samples.owe(database, [samples.completed("bk-1")])


async def test_a_confirmation_reaches_the_buyers_device_with_a_key_that_lets_a_copy_replace_it(
    database: Database, post: Post, mail_server: MailServer, bought: None, phones: Phones, push: Fcm
) -> None:
    async with post(mail_server, push) as until:
        await until(PUSHED, [("sent", "accepted")])
    [message] = phones.taken
    [(delivery_id,)] = await samples.rows(
        database, "SELECT delivery_id FROM deliveries WHERE recipient LIKE 'device:%'"
    )
    assert message["token"] == "phone-1"
    assert message["notification"]["title"] == "Confirmed: Yoga & breath"
    assert message["android"]["collapse_key"] == str(delivery_id)
    assert message["data"] == {"booking_id": "bk-1", "kind": "confirmation"}
    assert phones.logins == 1


async def test_an_unregistered_device_is_forgotten(
    database: Database, post: Post, mail_server: MailServer, bought: None, phones: Phones, push: Fcm
) -> None:
    phones.refuse(404, "UNREGISTERED")
    async with post(mail_server, push) as until:
        await until(PUSHED, [("failed", "device-unregistered")])
    assert await samples.rows(database, DEVICES) == [(0,)]


async def test_our_own_bad_payload_does_not_cost_the_device(
    database: Database, post: Post, mail_server: MailServer, bought: None, phones: Phones, push: Fcm
) -> None:
    phones.refuse(400, "INVALID_ARGUMENT", "the field android.ttl is wrong")
    async with post(mail_server, push) as until:
        await until(PUSHED, [("failed", "push-invalid-argument")])
    assert await samples.rows(database, DEVICES) == [(1,)]


async def test_a_withdrawn_access_token_is_renewed_once(
    database: Database, post: Post, mail_server: MailServer, bought: None, phones: Phones, push: Fcm
) -> None:
    phones.refuse(401)
    async with post(mail_server, push) as until:
        await until(PUSHED, [("sent", "accepted")])
    assert phones.logins == 2


BUSY: tuple[tuple[Callable[[Phones], None], tuple[Any, ...]], ...] = (
    (lambda phones: phones.refuse(429, "QUOTA_EXCEEDED", Retry_After="120"), ("ready", 1, None, "RetryAfter")),
    (lambda phones: phones.refuse(500, "INTERNAL"), ("ready", 1, None, "Deferred")),
    (lambda phones: phones.refuse(401, "THIRD_PARTY_AUTH_ERROR"), ("held", 0, "fcm-credentials", None)),
    (lambda phones: phones.tokens.append(400), ("held", 0, "fcm-credentials", None)),
    (lambda phones: phones.tokens.append(503), ("held", 0, "fcm", None)),
)


@pytest.mark.parametrize(("trouble", "task"), BUSY)
async def test_a_push_service_in_trouble_is_tried_later_while_the_mail_is_sent(
    database: Database,
    post: Post,
    mail_server: MailServer,
    bought: None,
    phones: Phones,
    push: Fcm,
    trouble: Callable[[Phones], None],
    task: tuple[Any, ...],
) -> None:
    trouble(phones)
    async with post(mail_server, push) as until:
        await until("SELECT state FROM deliveries WHERE recipient = 'buyer'", [("sent",)])
        await until(TASKS, [task])
        assert await samples.rows(database, "SELECT tries_unsettled FROM deliveries WHERE recipient <> 'buyer'") == [
            (0,)
        ]
        await until(PUSHED, [("sent", "accepted")], hurry=True)


async def test_silence_of_the_push_service_is_unknown_and_sent_again_with_the_same_key(
    database: Database, post: Post, mail_server: MailServer, bought: None, phones: Phones, push: Fcm
) -> None:
    phones.replies.append((0, {}, {}))
    async with post(mail_server, push) as until:
        await until(PUSHED, [("sent", "accepted")], hurry=True)
    first, second = (message["android"]["collapse_key"] for message in phones.taken)
    assert first == second


async def test_a_declined_push_is_suppressed_and_the_mail_is_sent(
    database: Database, post: Post, mail_server: MailServer, bought: None, phones: Phones, push: Fcm
) -> None:
    async with database.transaction() as work:
        await work.execute("INSERT INTO preferences (owner, push, optional_mail) VALUES ('booking:bk-1', false, true)")
    async with post(mail_server, push) as until:
        await until(PUSHED, [("suppressed", "push-declined")])
        await until("SELECT state FROM deliveries WHERE recipient = 'buyer'", [("sent",)])
    assert phones.taken == []


async def test_without_a_push_project_nobody_is_pushed(
    database: Database, post: Post, mail_server: MailServer, bought: None, sink: Sink
) -> None:
    async with post(mail_server) as until:
        await until("SELECT recipient, state FROM deliveries", [("buyer", "sent")])


async def test_retries_of_the_mail_do_not_repeat_the_push(
    database: Database, post: Post, mail_server: MailServer, bought: None, phones: Phones, push: Fcm, sink: Sink
) -> None:
    sink.rcpt = ["451 later"] * 3
    async with post(mail_server, push) as until:
        await until("SELECT state FROM deliveries ORDER BY recipient", [("sent",), ("sent",)], hurry=True)
    await asyncio.sleep(0)
    assert len(phones.taken) == 1


@pytest.mark.parametrize("account", ["", "{}", "[]", "not json"])
def test_a_service_account_that_is_none_stops_the_start(account: str) -> None:
    with pytest.raises(ValueError, match="FCM_SERVICE_ACCOUNT"):
        project_of("http://fcm", "payfirst", "http://token", account, 1.0)
