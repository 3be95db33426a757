"""PostgreSQL and Kafka of the stage: killed in the middle of work, refused, or tampered with."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import jgo
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.stage import environment, kafka, unprivileged
from deploy.stage.kafka import Kafka
from deploy.stage.keeper import Keeper
from deploy.stage.ports import Ports
from deploy.stage.postgres import Postgres, create_service_databases

_PORTS = Ports(23400)


def _there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


@pytest.fixture
def children() -> Iterator[Keeper]:
    keeper = Keeper()
    yield keeper
    keeper.close()


@pytest.mark.db
async def test_postgres_killed_in_the_middle_of_a_statement_starts_at_once_with_what_was_committed(
    tmp_path: Path, children: Keeper
) -> None:
    server = Postgres(tmp_path, _PORTS.take(0), children)
    await server.start()
    connection = await asyncpg.connect(server.url())
    await connection.execute("CREATE TABLE kept (id int)")
    await connection.execute("INSERT INTO kept VALUES (1)")
    busy = asyncio.create_task(connection.execute("INSERT INTO kept SELECT generate_series(1, 100000000)"))
    watcher = await asyncpg.connect(server.url())
    while not await watcher.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series(1,%'"):
        await asyncio.sleep(0.02)
    await server.crash()
    with pytest.raises((asyncpg.PostgresError, OSError)):
        await busy
    await server.start()
    again = await asyncpg.connect(server.url())
    assert [row["id"] for row in await again.fetch("SELECT id FROM kept")] == [1]
    await again.close()
    await server.stop()


@pytest.mark.db
async def test_postgres_runs_for_any_user_where_user_namespaces_are_forbidden(
    tmp_path: Path, children: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = unprivileged._works
    monkeypatch.setattr(unprivileged, "_works", lambda *command: "--map-user=65534" not in command and really(*command))
    server = Postgres(tmp_path, _PORTS.take(0), children)
    await server.start()
    assert set(await create_service_databases(server.url())) == {"booking", "payment", "fulfillment", "notification"}
    await server.stop()
    data = server.data
    unprivileged.remove(tmp_path)
    assert not _there(data)
    assert not _there(tmp_path)


async def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    words = dict.fromkeys(("booking", "payment", "fulfillment", "notification"), "s3cret")
    with pytest.raises(RuntimeError, match=r"127\.0\.0\.1:1 can't be used") as caught:
        await create_service_databases("postgresql://owner:s3cret@127.0.0.1:1/postgres", words)
    assert "s3cret" not in str(caught.value)


@pytest.mark.db
async def test_a_server_that_ends_while_it_starts_fails_at_once_with_the_end_of_its_log(
    tmp_path: Path, children: Keeper
) -> None:
    server = Postgres(tmp_path, _PORTS.take(0), children)
    server.process.argv += ["-c", "shared_buffers=nonsense"]
    with pytest.raises(RuntimeError, match="nonsense"):
        await asyncio.wait_for(server.start(), 30)


@pytest.mark.kafka
async def test_kafka_killed_and_started_on_other_ports_still_has_what_it_acknowledged(
    tmp_path: Path, children: Keeper
) -> None:
    broker = Kafka(tmp_path, _PORTS.take(10), _PORTS.take(11), children)
    await broker.start()
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("kept", 1, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
    await producer.start()
    await producer.send_and_wait("kept", b"1")
    await producer.stop()
    await broker.crash()
    moved = Kafka(tmp_path, _PORTS.take(10), _PORTS.take(11), children)
    await moved.start()
    consumer = AIOKafkaConsumer("kept", bootstrap_servers=moved.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    record = await asyncio.wait_for(consumer.getone(), 30)
    assert record.value == b"1"
    await consumer.stop()
    await moved.stop()


def test_a_jar_that_is_not_the_locked_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = tmp_path / "lock", tmp_path / "fetched"
    good.write_text(f"{hashlib.sha256(b'ours').hexdigest()}  some.jar\n")
    bad.mkdir()
    (bad / "some.jar").write_bytes(b"theirs")
    monkeypatch.setattr(kafka, "LOCK", good)
    monkeypatch.setenv("PAYFIRST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(jgo, "build", lambda *_, **__: SimpleNamespace(path=bad))
    with pytest.raises(RuntimeError, match=r"some\.jar is not the locked file"):
        kafka.jars()
    (bad / "some.jar").write_bytes(b"ours")
    assert [path.read_bytes() for path in kafka.jars()] == [b"ours"]


def test_secrets_are_made_once_and_what_a_newer_version_needs_is_added(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text(json.dumps({"TOKEN_SECRET": "kept"}))
    first = environment.load_secrets(tmp_path)
    assert first["TOKEN_SECRET"] == "kept"
    assert json.loads(first["FCM_SERVICE_ACCOUNT"])["client_email"]
    assert environment.load_secrets(tmp_path) == first
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
