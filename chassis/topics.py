"""Creates the topics of `contracts.topics` on a broker: `python -m chassis.topics`, servers from the environment."""

from __future__ import annotations

import asyncio
import os
import sys

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError

from contracts.topics import ALL_TOPICS, MAX_MESSAGE_BYTES

_DEAD_LETTER_ROOM_BYTES = 200_000


async def create_topics(servers: list[str], replication: int = 1) -> list[str]:
    """Create what is missing; returns the names created. One that exists is left as it is."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        known = set(await admin.list_topics())
        missing = [topic for topic in ALL_TOPICS if topic.name not in known]
        new = [
            NewTopic(
                topic.name,
                topic.partitions,
                replication,
                topic_configs={
                    "retention.ms": str(topic.retention_ms),
                    "max.message.bytes": str(
                        MAX_MESSAGE_BYTES + (_DEAD_LETTER_ROOM_BYTES if topic.name.endswith(".dlq") else 0)
                    ),
                },
            )
            for topic in missing
        ]
        if new:
            try:
                await admin.create_topics(new)
            except TopicAlreadyExistsError:
                return await create_topics(servers, replication)
        return [topic.name for topic in missing]
    finally:
        await admin.close()


def main() -> None:
    """Create the topics on KAFKA_BOOTSTRAP_SERVERS and say which were new."""
    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092").split(",")
    replication = int(os.environ.get("KAFKA_REPLICATION_FACTOR", "1"))
    created = asyncio.run(create_topics(servers, replication))
    sys.stdout.write(f"{len(created)} topics created, {len(ALL_TOPICS) - len(created)} were there\n")


if __name__ == "__main__":
    main()
