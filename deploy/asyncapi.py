"""Writes `contracts/asyncapi.json` from the four apps' subscribers and the events that they tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Union

from faststream import AsyncAPI
from faststream.kafka import KafkaBroker
from pydantic import SecretStr

from chassis.consuming import make_broker, subscribe
from chassis.hosting import Application
from contracts.registry import REGISTRY
from contracts.topics import EVENT_TOPICS
from services.booking.app import build as booking
from services.booking.settings import BookingSettings
from services.fulfillment.app import build as fulfillment
from services.fulfillment.settings import FulfillmentSettings
from services.notification.app import build as notification
from services.notification.settings import NotificationSettings
from services.payment.app import build as payment
from services.payment.settings import PaymentSettings

DOCUMENT = Path(__file__).parent.parent / "contracts" / "asyncapi.json"
_BUILDS: tuple[tuple[Any, Any], ...] = (
    (booking, BookingSettings),
    (payment, PaymentSettings),
    (fulfillment, FulfillmentSettings),
    (notification, NotificationSettings),
)


def applications() -> list[Application]:
    """The four services as they run, with settings that reach nothing."""
    nothing = {"database_url": SecretStr("postgresql://nobody@nowhere/none"), "token_secret": SecretStr("none")}
    return [build(settings(**nothing)) for build, settings in _BUILDS]


def _broker() -> KafkaBroker:
    broker = make_broker(["localhost:9092"])

    async def nothing(_: Any) -> None:
        """Takes nothing: the document only needs the subscriber."""

    for application in applications():
        for step in application.steps:
            if step.step.topics:
                subscribe(broker, step, nothing)
    for topic in EVENT_TOPICS:
        told: Any = tuple(event for event in REGISTRY.values() if event.topic == topic)
        broker.publisher(topic.name, title=f"{topic.owner} tells", schema=Union[told])  # noqa: UP007
    return broker


def document() -> str:
    """The AsyncAPI 3.0 document as JSON."""
    specification = AsyncAPI(_broker(), title="Payfirst", version="1", description="What the services tell each other.")
    return json.dumps(json.loads(specification.to_specification().to_json()), indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Write the document."""
    DOCUMENT.write_text(document())


if __name__ == "__main__":
    main()
