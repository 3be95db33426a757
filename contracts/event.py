"""What every event is: an immutable pydantic model with a dotted type, a topic and the booking id as its key."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from contracts.topics import Topic
from contracts.values import Identifier


class Part(BaseModel):
    """A nested part of an event. Readers ignore fields they do not know, so writers may add optional ones."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Part):
    """Base of all events. `type` is the dotted name on the wire, `topic` where it is told, `version` of its schema."""

    type: ClassVar[str]
    topic: ClassVar[Topic]
    version: ClassVar[int] = 1

    booking_id: Identifier

    def encode(self) -> bytes:
        """The JSON body of the record."""
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)


REGISTRY: dict[str, type[Event]] = {}


def register(event: type[Event]) -> type[Event]:
    """Class decorator: makes `event` known under its type. Raises `ValueError` when a type is taken twice."""
    if event.type in REGISTRY:
        raise ValueError(f"event type {event.type} is registered twice")
    REGISTRY[event.type] = event
    return event


def decode(event_type: str, body: bytes) -> Event:
    """The event in `body`. Raises `KeyError` for an unknown type and pydantic's `ValidationError` for a bad body."""
    return REGISTRY[event_type].model_validate_json(body)


def schema_of(event: type[Event]) -> dict[str, Any]:
    """JSON Schema (2020-12) of the body, as committed under `contracts/schemas/`."""
    schema = event.model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{event.type}.v{event.version}",
        **schema,
    }
