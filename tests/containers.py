"""The parts as containers: PostgreSQL and Apache Kafka by Testcontainers, when a Docker engine answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

POSTGRES_IMAGE = "postgres:17"
KAFKA_IMAGE = "apache/kafka:4.1.0"


def wanted() -> bool:
    """Whether containers take the local parts' place: PAYFIRST_TESTCONTAINERS is 1, or unset and an engine answers."""
    choice = os.environ.get("PAYFIRST_TESTCONTAINERS", "")
    if choice in ("0", "1"):
        return choice == "1"
    try:
        import docker

        docker.from_env(timeout=2).ping()
    except Exception:
        return False
    return True


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL container; its url."""
    from testcontainers.community.postgres import PostgresContainer

    with PostgresContainer(POSTGRES_IMAGE, driver=None) as container:
        yield container.get_connection_url()


@contextmanager
def kafka() -> Iterator[str]:
    """An Apache Kafka container; its address."""
    from testcontainers.community.kafka import KafkaContainer

    class ApacheKafka(KafkaContainer):
        def __init__(self, image: str = KAFKA_IMAGE, **more: Any) -> None:
            super().__init__(image, **more)
            self.kraft_enabled = True

        def tc_start(self) -> None:
            host, port = self.get_container_host_ip(), self.get_exposed_port(self.port)
            inside = "BROKER://$(hostname -i | cut -d' ' -f1):9092"
            script = (
                f"export KAFKA_ADVERTISED_LISTENERS={self.listener_name}://{host}:{port},{inside}\n"
                "exec /etc/kafka/docker/run\n"
            )
            self.create_file(script.encode(), self.TC_START_SCRIPT)

    with ApacheKafka() as container:
        yield container.get_bootstrap_server()
