"""Schemas, examples, models and the wire agree; and a change that others would notice is caught."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
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


Change = Callable[[dict[str, Any]], None]


def _with_required(schema: dict[str, Any]) -> None:
    schema["properties"]["coupon"] = {"type": "string"}
    schema["required"].append("coupon")


def _with_other_type(schema: dict[str, Any]) -> None:
    schema["properties"]["amount_minor"] = {"type": "string"}


def _without_required(schema: dict[str, Any]) -> None:
    del schema["properties"]["reference"]
    schema["required"].remove("reference")


def _with_new_word(schema: dict[str, Any]) -> None:
    schema["$defs"]["ConfirmedLine"]["properties"]["kind"]["enum"].append("gift")


def _without_a_word(schema: dict[str, Any]) -> None:
    schema["$defs"]["ConfirmedLine"]["properties"]["kind"]["enum"].remove("rental")


def _without_format(schema: dict[str, Any]) -> None:
    del schema["properties"]["confirmed_at"]["format"]


def _with_other_format(schema: dict[str, Any]) -> None:
    schema["properties"]["confirmed_at"]["format"] = "date"


def _with_wider_pattern(schema: dict[str, Any]) -> None:
    schema["properties"]["currency"]["pattern"] = "^[A-Z]+$"  # one with counted repeats takes the checker half a minute


def _with_more_money(schema: dict[str, Any]) -> None:
    schema["properties"]["amount_minor"]["maximum"] = 10**16


def _with_required_inside(schema: dict[str, Any]) -> None:
    schema["$defs"]["Buyer"]["required"].append("phone")


def _with_optional(schema: dict[str, Any]) -> None:
    schema["properties"]["coupon"] = {"type": "string"}


def _with_optional_inside(schema: dict[str, Any]) -> None:
    schema["$defs"]["ConfirmedLine"]["properties"]["colour"] = {"type": "string"}


def _without_optional(schema: dict[str, Any]) -> None:
    del schema["$defs"]["Buyer"]["properties"]["phone"]


def _with_other_words_about_it(schema: dict[str, Any]) -> None:
    schema["description"] = "Said better."


_NEW_READER = "a new reader refuses what an old writer sends"
_OLD_READER = "an old reader refuses what a new writer sends"
_BREAKING: list[tuple[Change, list[str]]] = [
    (_with_required, [_NEW_READER]),
    (_with_other_type, [_NEW_READER, _OLD_READER]),
    (_without_required, [_OLD_READER]),
    (_with_new_word, [_OLD_READER]),
    (_without_a_word, [_NEW_READER]),
    (_without_format, [_OLD_READER]),
    (_with_other_format, [_NEW_READER, _OLD_READER]),
    (_with_wider_pattern, [_OLD_READER]),
    (_with_more_money, [_OLD_READER]),
    (_with_required_inside, [_NEW_READER]),
]


def _changed(old: dict[str, Any], change: Change) -> dict[str, Any]:
    new = copy.deepcopy(old)
    change(new)
    return new


@pytest.mark.parametrize(("change", "noticed"), _BREAKING, ids=lambda item: getattr(item, "__name__", ""))
def test_a_breaking_change_is_caught_on_the_side_that_notices_it(change: Change, noticed: list[str]) -> None:
    old = schema_of(REGISTRY["booking.confirmed"])
    assert incompatibilities(old, _changed(old, change)) == noticed


@pytest.mark.parametrize(
    "change", [_with_optional, _with_optional_inside, _without_optional, _with_other_words_about_it]
)
def test_a_change_that_nobody_notices_may_be_made(change: Change) -> None:
    old = schema_of(REGISTRY["booking.confirmed"])
    assert incompatibilities(old, _changed(old, change)) == []


def test_a_reader_that_forbids_unknown_fields_notices_a_new_optional_one() -> None:
    old = {**schema_of(REGISTRY["hold.expired"]), "additionalProperties": False}
    assert incompatibilities(old, _changed(old, _with_optional)) == [_OLD_READER]


def test_a_keyword_that_the_checker_would_pass_over_is_refused() -> None:
    old = schema_of(REGISTRY["hold.expired"])
    with pytest.raises(ValueError, match="prefixItems"):
        incompatibilities(old, {**old, "prefixItems": []})


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
    assert dict(record.headers)["ce_dataschema"].decode() == f"{name}.v{event.version}"
    assert record.value is not None
    message = KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value)
    read = from_binary(message, JSONFormat(), CloudEvent)
    assert (read.get_id(), read.get_type(), read.get_subject()) == (str(row[1]), name, event.booking_id)
    assert (read.get_source(), read.get_time()) == ("/payfirst/test", row[9])
    assert record.key == event.booking_id.encode()
    assert read.get_extension("causationid") == str(row[7])
    assert read.get_extension("correlationid") == event.booking_id
    assert read.get_data() == json.loads(event.encode())


def test_two_types_never_share_a_name_and_all_have_owners() -> None:
    for name, event in REGISTRY.items():
        assert event.type == name
        assert event.topic.owner in ("booking", "payment", "fulfillment")
    assert samples().keys() == REGISTRY.keys()
