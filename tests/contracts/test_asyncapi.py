"""The AsyncAPI document is made from the running apps' subscribers, and the committed one is that."""

from __future__ import annotations

import json
from pathlib import Path

from contracts.topics import EVENT_TOPICS, STEPS
from deploy.asyncapi import DOCUMENT, document, main


def test_the_committed_document_is_what_the_apps_say() -> None:
    assert json.loads(Path(DOCUMENT).read_text()) == json.loads(document()), "run `make schemas`"


def test_every_event_topic_and_every_reading_step_is_in_it() -> None:
    text = document()
    for topic in EVENT_TOPICS:
        assert topic.name in text
    for step in STEPS:
        if step.topics:
            assert step.name in text
    assert callable(main)
