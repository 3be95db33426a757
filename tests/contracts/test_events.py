"""Schemas, examples, models and the wire agree; and a change that others would notice is caught."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from jsonschema import Draft202012Validator

from chassis.ids import uuid7
from chassis.relay import outbound
from contracts import generate
from contracts.compatibility import incompatibilities
from contracts.registry import REGISTRY, decode, schema_of
from contracts.samples import samples

PUBLISHED = Path(__file__).parent / "published"
TYPES = sorted(REGISTRY)


def test_the_committed_schemas_and_examples_are_the_models() -> None:
    stale = [path.name for path, text in generate.files().items() if not path.exists() or path.read_text() != text]
    assert not stale, "run `make schemas`"


@pytest.mark.parametrize("name", TYPES)
def test_every_example_fits_its_schema_and_survives_the_wire(name: str) -> None:
    event = samples()[name]
    body = json.loads(event.encode())
    Draft202012Validator(schema_of(REGISTRY[name])).validate(body)
    assert decode(name, event.encode()) == event
    assert decode(name, json.dumps({**body, "unknown_to_us": 1}).encode()) == event


@pytest.mark.parametrize("path", sorted(PUBLISHED.glob("*.json")), ids=lambda path: path.stem)
def test_no_published_schema_changed_in_a_way_that_others_notice(path: Path) -> None:
    old = json.loads(path.read_text())
    name = path.stem.rsplit(".v", 1)[0]
    assert name in REGISTRY, f"{name} was published and is gone"
    assert incompatibilities(old, schema_of(REGISTRY[name])) == []


def test_everything_that_exists_is_published() -> None:
    assert {path.stem for path in PUBLISHED.glob("*.json")} == {f"{name}.v{REGISTRY[name].version}" for name in TYPES}


def _with_required(schema: dict[str, Any]) -> None:
    schema["properties"]["coupon"] = {"type": "string"}
    schema["required"].append("coupon")


def _with_other_type(schema: dict[str, Any]) -> None:
    schema["properties"]["amount_minor"] = {"type": "string"}


def _without_required(schema: dict[str, Any]) -> None:
    del schema["properties"]["gateway"]
    schema["required"].remove("gateway")


def _with_new_word(schema: dict[str, Any]) -> None:
    schema["properties"]["secured_as"]["enum"].append("promised")


@pytest.mark.parametrize("change", [_with_required, _with_other_type, _without_required, _with_new_word])
def test_a_breaking_change_is_caught(change: Any) -> None:
    old = schema_of(REGISTRY["payment.secured"])
    new = copy.deepcopy(old)
    change(new)
    assert incompatibilities(old, new)


def test_an_optional_field_may_be_added() -> None:
    old = schema_of(REGISTRY["payment.secured"])
    new = copy.deepcopy(old)
    new["properties"]["coupon"] = {"type": "string"}
    assert incompatibilities(old, new) == []


@pytest.mark.parametrize("name", TYPES)
def test_the_records_are_cloudevents_for_any_other_reader(name: str) -> None:
    event = samples()[name]
    row = (
        1,
        uuid7(),
        event.topic.name,
        event.booking_id,
        name,
        event.encode(),
        None,
        uuid7(),
        f"00-{event.booking_id.replace('-', '')}-00f067aa0ba902b7-01",
        datetime(2026, 11, 20, tzinfo=UTC),
    )
    record = outbound(row, "/payfirst/test")
    message = KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value)
    read = from_binary(message, JSONFormat(), CloudEvent)
    assert (read.get_id(), read.get_type(), read.get_subject()) == (str(row[1]), name, event.booking_id)
    assert read.get_data() == json.loads(event.encode())


def test_two_types_never_share_a_name_and_all_have_owners() -> None:
    for name, event in REGISTRY.items():
        assert event.type == name
        assert event.topic.owner in ("booking", "payment", "fulfillment")
    assert samples().keys() == REGISTRY.keys()
