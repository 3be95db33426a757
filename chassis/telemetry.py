"""Logs, traces and metrics: every metric's name is in this one list, and every span belongs to its purchase's trace."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

STEP_MESSAGES = Counter("step_messages_total", "Messages by step and outcome.", ["step", "outcome"])
BATCH_SECONDS = Histogram("step_batch_seconds", "Seconds to take one batch of a step.", ["step"], buckets=_SECONDS)
DEAD_LETTERS = Counter("dead_letters_total", "Messages that became dead letters.", ["step", "disposition"])
GUARD_FAILURES = Counter("consumer_guard_failures_total", "Batches that will be read again.", ["step"])
OFFSET_GAPS = Counter("consumer_offset_gap_records_total", "Records that never came.", ["step"])
COMMIT_FAILURES = Counter("consumer_commit_failures_total", "Offset commits that failed.", ["step"])
CONSUMER_LAG = Gauge("consumer_lag_messages", "Messages behind, by step.", ["step"])
CONSUMER_LAG_SECONDS = Gauge("consumer_lag_seconds", "Age of the oldest message not taken, by step.", ["step"])
TASKS = Gauge("tasks", "Tasks by step and state.", ["step", "state"])
TASK_ATTEMPTS = Counter("task_attempts_total", "Attempts of tasks by step and outcome.", ["step", "outcome"])
OUTBOX_UNPUBLISHED = Gauge("outbox_unpublished", "Events that have not reached Kafka.", ["service"])
OUTBOX_OLDEST_SECONDS = Gauge("outbox_oldest_seconds", "Age of the oldest event not published.", ["service"])
RELAY_PUBLISHED = Counter("relay_published_total", "Events published by the relay.", ["service"])
RELAY_LEADER = Gauge("relay_leader", "1 when this process leads its service's relay.", ["service"])
RELAY_ERRORS = Counter("relay_errors_total", "Failed relay passes; the same rows go again.", ["service"])
PERIODIC_FAILURES = Counter("periodic_failures_total", "Failed runs of periodic jobs.", ["job"])
HTTP_PROBLEMS = Counter("http_problems_total", "Problems answered, by type.", ["service", "type"])
RATE_LIMITED = Counter(
    "rate_limited_total", "Requests refused because they came too fast.", ["service", "group", "caller"]
)
SECURITY_EVENTS = Counter("security_events_total", "Refused signatures, tokens and amounts.", ["service", "kind"])
BREAKER_OPEN = Gauge("breaker_open", "1 while the breaker to an outside is open.", ["outside"])
GATEWAY_CALLS = Histogram(
    "gateway_call_seconds", "Seconds of a call to a gateway, by outcome.", ["gateway", "outcome"], buckets=_SECONDS
)
PURCHASES = Counter("purchases_total", "Purchases recorded or failed.", ["outcome"])
ASSIGNMENTS = Counter("assignments_total", "Trainer assignments by outcome.", ["outcome"])
PAID_NOT_FULFILLED = Gauge("paid_not_fulfilled", "Bookings paid and not fulfilled.", [])
PAID_NOT_FULFILLED_OLDEST_SECONDS = Gauge("paid_not_fulfilled_oldest_seconds", "Age of the oldest of those.", [])
PAID_NOT_FULFILLED_MINOR = Gauge("paid_not_fulfilled_amount_minor", "Money of those, minor units.", ["currency"])

_tracer: trace.Tracer | None = None


def configure_logging(service: str, level: str) -> None:
    """One JSON object a line, for our code and for libraries; aiokafka speaks only from ERROR up."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _, __, line: {"service": service, **line},
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name, floor in (
        ("aiokafka", "CRITICAL"),
        ("uvicorn.access", "WARNING"),
        ("httpx2", "WARNING"),
        ("httpx", "WARNING"),
    ):
        logging.getLogger(name).setLevel(floor)


def configure_tracing(service: str, endpoint: str = "", processor: Any | None = None) -> None:
    """Export spans to `endpoint` (OTLP over HTTP) or to `processor`; without either, tracing costs nothing."""
    global _tracer
    if not endpoint and processor is None:
        return
    if processor is None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        processor = BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces"))
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    _tracer = provider.get_tracer("payfirst")


def traceparent_of(span: trace.Span) -> str:
    """The W3C text of a span's context."""
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-01"


@contextmanager
def handling(step: str, messages: Sequence[Any]) -> Iterator[dict[str, str] | None]:
    """One span for each message of a batch, child of the one that told it; yields the contexts by key."""
    if _tracer is None:
        yield None
        return
    started = time.time_ns()
    spans = []
    for message in messages:
        parent = extract({"traceparent": message.traceparent}) if message.traceparent else None
        attributes = {"messaging.message.id": str(message.id), "booking_id": message.key}
        spans.append(
            _tracer.start_span(f"{step} {message.type}", parent, SpanKind.CONSUMER, attributes, start_time=started)
        )
    try:
        yield {message.key: traceparent_of(span) for message, span in zip(messages, spans, strict=True)}
    except BaseException as error:
        for span in spans:
            span.set_attribute("error.type", type(error).__name__)
        raise
    finally:
        for span in spans:
            span.end()


@contextmanager
def purchase_span(name: str, booking_id: str) -> Iterator[str | None]:
    """A span of an HTTP request in the trace of its purchase, whose trace id is the booking id; yields its context."""
    digits = booking_id.replace("-", "")
    if _tracer is None or len(digits) != 32:
        yield None
        return
    parent = extract({"traceparent": f"00-{digits}-{digits[16:]}-01"})
    with _tracer.start_as_current_span(name, parent, SpanKind.SERVER) as span:
        yield traceparent_of(span)
