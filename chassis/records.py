"""From a Kafka record to a message, without ever raising on its content; and back to text for a dead letter."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID, uuid5

from asyncpg.pgproto.pgproto import UUID as FastUUID  # noqa: N811 - a UUID in C, for speed
from pydantic import BaseModel, ValidationError

from chassis.steps import Message

_NAMESPACE = UUID("6a1f6f0e-2f5b-5d3c-9c55-6f6b1a3c7d10")


class Record(Protocol):
    """What aiokafka gives for one record. `key` and `value` are bytes or None, `headers` pairs of a name and such a value."""

    topic: str
    partition: int
    offset: int
    key: Any
    value: Any
    headers: Any


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that can't become a message: a dead letter with its bytes. `disposition` says of what kind."""

    id: UUID
    key: str
    type: str
    disposition: str
    why: str
    record: Record


def record_id(record: Record) -> UUID:
    """An id made of where the record lies: for records whose own id can't be read or isn't theirs."""
    return uuid5(_NAMESPACE, f"{record.topic}/{record.partition}/{record.offset}")


def digest(body: bytes) -> int:
    """64 bits of the body: tells the same message from another one under the same id."""
    return int.from_bytes(hashlib.blake2b(body, digest_size=8).digest(), "big", signed=True)


def text_headers(record: Record) -> dict[str, str]:
    """The record's headers as text; bytes that are no UTF-8 are kept as backslash escapes."""
    return {
        str(name): (value or b"").decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
        for name, value in record.headers or ()
    }


def _unreadable(record: Record, kind: str, disposition: str, why: str) -> Unreadable:
    key = (record.key or b"").decode("utf-8", "backslashreplace").replace("\x00", "\\x00") or "none"
    kind = kind.replace("\x00", "\\x00")
    return Unreadable(record_id(record), key[:200], kind[:200], disposition, why.replace("\x00", "")[:1000], record)


class Reader:
    """Reads records for a step that accepts `models`, among all `known` event types."""

    def __init__(self, models: dict[str, type[BaseModel]], known: frozenset[str]) -> None:
        self.models = models
        self._others = frozenset(name.encode() for name in known if name not in models)

    def read(self, record: Record) -> Message | Unreadable | None:
        """The message in `record`; None when it is another step's business, which costs next to nothing."""
        raw_kind = next((value for name, value in record.headers or () if name == "ce_type"), None)
        if raw_kind in self._others:
            return None
        return read(record, self.models)


def read(record: Record, models: dict[str, type[BaseModel]]) -> Message | Unreadable:
    """The message in `record` for a step that accepts `models`, or why it can't be one. Never raises on content."""
    try:
        headers = {name: value.decode("utf-8") for name, value in record.headers}
    except (AttributeError, UnicodeDecodeError):
        return _unreadable(record, "unknown", "UNDECODABLE", "a header is null or not UTF-8")
    kind = headers.get("ce_type", "")
    model = models.get(kind)
    if model is None:
        return _unreadable(record, kind or "unknown", "UNKNOWN_TYPE", f"no event has the type {kind[:100]!r}")
    if record.value is None:
        return _unreadable(record, kind, "UNDECODABLE", "the body is null")
    try:
        message_id: UUID = FastUUID(headers["ce_id"])
        key = (record.key or b"").decode("utf-8")
        event = model.__pydantic_validator__.validate_json(record.value)
    except (KeyError, ValueError) as error:
        if isinstance(error, ValidationError):
            broken = error.errors(include_url=False, include_input=False, include_context=False)
            bad_json = any(item["type"] == "json_invalid" for item in broken)
            where = "; ".join(f"{'/'.join(map(str, item['loc']))}: {item['msg']}" for item in broken[:5])
            return _unreadable(record, kind, "UNDECODABLE" if bad_json else "SCHEMA_INVALID", where)
        return _unreadable(record, kind, "UNDECODABLE", "the id or key of the record is missing or no text")
    expected = f"{kind}.v{getattr(model, 'version', 1)}"
    if headers.get("ce_dataschema", expected) != expected:
        return _unreadable(record, kind, "SCHEMA_INVALID", f"unknown version {headers['ce_dataschema'][:100]!r}")
    if key != getattr(event, "booking_id", key):
        return _unreadable(record, kind, "SCHEMA_INVALID", "the key is not the event's booking id")
    return Message(
        message_id,
        kind,
        key,
        event,
        0,
        traceparent if len(traceparent := headers.get("traceparent", "")) == 55 else None,
        record.value,
        headers,
        record.topic,
        record.partition,
        record.offset,
    )
