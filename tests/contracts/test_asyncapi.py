"""The AsyncAPI document is made from the running apps' subscribers, and the committed one is that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.registry import REGISTRY
from contracts.topics import EVENT_TOPICS, STEPS, Step, Topic
from deploy.asyncapi import DOCUMENT, applications, document

READING = [step for step in STEPS if step.topics]


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """The document as the apps say it."""
    read: dict[str, Any] = json.loads(document())
    return read


def _addresses(made: dict[str, Any], action: str, title: str) -> set[str]:
    """The topics of the operations that `title` has: one for each topic that a step reads."""
    found = set()
    for operation in made["operations"].values():
        channel = operation["channel"]["$ref"].rsplit("/", 1)[1].replace("%20", " ")
        if operation["action"] == action and (channel == title or channel.startswith(f"{title}:")):
            found.add(made["channels"][channel]["address"])
    return found


def test_the_committed_document_is_what_the_apps_say(made: dict[str, Any]) -> None:
    assert json.loads(Path(DOCUMENT).read_text()) == made, "run `make schemas`"


def test_it_is_asyncapi_3(made: dict[str, Any]) -> None:
    assert made["asyncapi"] == "3.0.0"


@pytest.mark.parametrize("topic", EVENT_TOPICS, ids=lambda topic: topic.name)
def test_each_owner_sends_its_events_on_its_topic(made: dict[str, Any], topic: Topic) -> None:
    title = f"{topic.owner} tells"
    assert _addresses(made, "send", title) == {topic.name}
    told = made["components"]["schemas"][f"{title}:Message:Payload"]["anyOf"]
    names = {item["$ref"].rsplit("/", 1)[1] for item in told}
    assert names == {event.__name__ for event in REGISTRY.values() if event.topic == topic}


@pytest.mark.parametrize("step", READING, ids=lambda step: step.name)
def test_each_step_receives_what_the_topics_module_says(made: dict[str, Any], step: Step) -> None:
    assert _addresses(made, "receive", step.name) == set(step.topics)


def test_the_four_services_run_all_steps_and_nothing_else() -> None:
    running = {step.name for application in applications() for step in application.steps}
    assert running == {step.name for step in STEPS}
