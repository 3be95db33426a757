"""The one place that names topics, their owners, partition counts, retention, and the steps that read them."""

from __future__ import annotations

from dataclasses import dataclass

PARTITIONS = 12
RETENTION_MS = 7 * 24 * 3600 * 1000
DEAD_LETTER_RETENTION_MS = 30 * 24 * 3600 * 1000
MAX_MESSAGE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Topic:
    """A Kafka topic: its name, the service that writes it, and how it is laid out."""

    name: str
    owner: str
    partitions: int = PARTITIONS
    retention_ms: int = RETENTION_MS


@dataclass(frozen=True, slots=True)
class Step:
    """One consumer's work: `<service>.<what>`; its consumer group has the same name.

    `topics` is empty for a step that only HTTP or time gives work to.
    """

    name: str
    topics: tuple[str, ...] = ()

    @property
    def service(self) -> str:
        """The owning service, the part of the name before the dot."""
        return self.name.split(".", 1)[0]

    def dead_letter_topic(self, source_topic: str | None) -> str:
        """Name of the dead-letter topic for a record of `source_topic`; the step's own when it had none."""
        return f"{source_topic}.{self.name}.dlq" if source_topic in self.topics else f"{self.name}.dlq"


BOOKING_EVENTS = Topic("booking.events.v1", "booking")
PAYMENT_EVENTS = Topic("payment.events.v1", "payment")
FULFILLMENT_EVENTS = Topic("fulfillment.events.v1", "fulfillment")
EVENT_TOPICS = (BOOKING_EVENTS, PAYMENT_EVENTS, FULFILLMENT_EVENTS)

BOOKING_CONFIRMATIONS = Step("booking.confirmations", (PAYMENT_EVENTS.name,))
BOOKING_PROGRESS = Step("booking.progress", (FULFILLMENT_EVENTS.name, PAYMENT_EVENTS.name))
PAYMENT_OBSERVATIONS = Step("payment.observations")
PAYMENT_REFUNDS = Step("payment.refunds", (BOOKING_EVENTS.name,))
PAYMENT_CAPTURES = Step("payment.captures")
PAYMENT_CHARGES = Step("payment.charges")
PAYMENT_PAYOUTS = Step("payment.payouts")
PAYMENT_BOOKINGS = Step("payment.bookings", (BOOKING_EVENTS.name,))
FULFILLMENT_PURCHASES = Step("fulfillment.purchases", (BOOKING_EVENTS.name,))
FULFILLMENT_ASSIGNMENTS = Step("fulfillment.assignments", (FULFILLMENT_EVENTS.name,))
FULFILLMENT_INVOICES = Step("fulfillment.invoices", (FULFILLMENT_EVENTS.name,))
NOTIFICATION_RECIPIENTS = Step("notification.recipients", (BOOKING_EVENTS.name,))
NOTIFICATION_DELIVERIES = Step(
    "notification.deliveries", (FULFILLMENT_EVENTS.name, PAYMENT_EVENTS.name, BOOKING_EVENTS.name)
)
NOTIFICATION_SENDING = Step("notification.sending")
STEPS = (
    BOOKING_CONFIRMATIONS,
    BOOKING_PROGRESS,
    PAYMENT_OBSERVATIONS,
    PAYMENT_REFUNDS,
    PAYMENT_CAPTURES,
    PAYMENT_CHARGES,
    PAYMENT_PAYOUTS,
    PAYMENT_BOOKINGS,
    FULFILLMENT_PURCHASES,
    FULFILLMENT_ASSIGNMENTS,
    FULFILLMENT_INVOICES,
    NOTIFICATION_RECIPIENTS,
    NOTIFICATION_DELIVERIES,
    NOTIFICATION_SENDING,
)


def dead_letter_topics(step: Step) -> tuple[Topic, ...]:
    """Every dead-letter topic of `step`: one for each topic that it reads, or its own when it reads none."""
    names = [step.dead_letter_topic(topic) for topic in step.topics] or [step.dead_letter_topic(None)]
    return tuple(Topic(name, step.service, retention_ms=DEAD_LETTER_RETENTION_MS) for name in names)


ALL_TOPICS = (*EVENT_TOPICS, *(topic for step in STEPS for topic in dead_letter_topics(step)))
_PARTITIONS = {topic.name: topic.partitions for topic in ALL_TOPICS}


def partitions_of(topic: str) -> int:
    """How many partitions `topic` has. Raises `KeyError` for a topic that is not in this module."""
    return _PARTITIONS[topic]
