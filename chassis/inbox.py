"""The inbox: which messages a step has taken. Its insert comes first, so that a message's effect happens once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from chassis.records import Record, digest
from chassis.steps import Message

if TYPE_CHECKING:
    from chassis.work import Work


@dataclass(frozen=True, slots=True)
class Taken:
    """What of a batch is new, which keys have work waiting, and which ids came back with another body."""

    fresh: frozenset[UUID]
    waiting_keys: frozenset[str]
    altered: frozenset[UUID]


class Recent:
    """Messages that are in the inbox for certain, the latest 20,000 to 40,000: known without asking the database."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._new: dict[bytes, int] = {}
        self._old: dict[bytes, int] = {}

    def add(self, messages: Sequence[Message]) -> None:
        """`messages` were taken by a transaction whose commit was answered."""
        self._new.update((str(message.id).encode(), digest(message.body)) for message in messages)
        if len(self._new) > self._most:
            self._old, self._new = self._new, {}

    def has(self, record: Record) -> bool:
        """Whether `record` is a copy of one of them, by id and body."""
        if not self._new and not self._old:
            return False
        for name, value in record.headers or ():
            if name == "ce_id" and value is not None:
                known = self._new.get(value, self._old.get(value))
                return known is not None and record.value is not None and known == digest(record.value)
        return False


_TAKE = """
WITH incoming AS (
    SELECT * FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::int[], $6::bigint[])
             AS m (message_id, digest, topic, partition, position)
), taken AS (
    INSERT INTO inbox (step, message_id, digest, topic, partition, "offset")
    SELECT $1, message_id, digest, topic, partition, position FROM incoming ORDER BY message_id
    ON CONFLICT DO NOTHING RETURNING message_id
), waiting AS (
    SELECT key FROM tasks WHERE step = $1 AND key = ANY($7::text[]) FOR SHARE
)
SELECT message_id, NULL::text AS key FROM taken UNION ALL SELECT NULL, key FROM waiting
"""
_WAITING = "SELECT key FROM tasks WHERE step = $1 AND key = ANY($2::text[]) FOR SHARE"
_KNOWN = "SELECT message_id, digest FROM inbox WHERE step = $1 AND message_id = ANY($2::uuid[])"


async def take(work: Work, step: str, messages: Sequence[Message]) -> Taken:
    """Take `messages` for `step`. Waits for a concurrent transaction that is taking the same ones.

    `FOR SHARE` on the waiting tasks makes a worker that is finishing one wait for us, so that it sees what we queue
    behind it. When an id was there already we may have waited, so the waiting keys are read again with new eyes.
    """
    unique = {message.id: message for message in messages}
    batch = list(unique.values())
    keys = list({message.key for message in batch})
    digests = {message.id: digest(message.body) for message in batch}
    rows = await work.fetch(
        _TAKE,
        step,
        [m.id for m in batch],
        [digests[m.id] for m in batch],
        [m.topic for m in batch],
        [m.partition for m in batch],
        [m.offset for m in batch],
        keys,
    )
    fresh = frozenset(row.message_id for row in rows if row.message_id is not None)
    waiting = frozenset(row.key for row in rows if row.key is not None)
    altered: frozenset[UUID] = frozenset()
    if len(fresh) < len(batch):
        known = await work.fetch(_KNOWN, step, [message_id for message_id in unique if message_id not in fresh])
        altered = frozenset(row.message_id for row in known if row.digest != digests[row.message_id])
        waiting = frozenset(row.key for row in await work.fetch(_WAITING, step, keys))
    return Taken(fresh, waiting, altered)
