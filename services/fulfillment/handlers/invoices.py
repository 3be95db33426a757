"""`trainer.assigned`, `allocation.pending`, `meeting.ready` → the invoice; a booking's last one completes its fulfillment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from chassis.ids import uuid7
from chassis.outcomes import Dead
from chassis.steps import Message
from chassis.work import Work
from contracts.fulfillment_events import CompletedLine, FulfillmentCompleted, InvoiceIssued
from services.fulfillment.domain.invoices import ISSUER, lines_for, number_text, session_lines_for
from services.fulfillment.storage import invoices

Numbered = dict[UUID, tuple[UUID, str]]


async def issue_many(work: Work, messages: Sequence[Message]) -> None:
    """Issue what is missing for the batch's purchases; tell completion once all of a booking is in place.

    This is the only place that tells `fulfillment.completed`, also when the trainer comes days after the invoice.
    Raises `Dead` for a booking that was never recorded.
    """
    causes = {UUID(message.event.purchase_id): message.id for message in messages}
    booking_ids = sorted({message.key for message in messages})
    fulfillments = await invoices.lock_fulfillments(work, booking_ids)
    if missing := set(booking_ids) - fulfillments.keys():
        raise Dead(f"there is no fulfillment of booking {min(missing)}")
    standing = await invoices.standing(work, booking_ids)
    numbered: Numbered = {
        row.purchase_id: (row.invoice_id, number_text(ISSUER, row.year, row.number))
        for row in standing
        if row.invoice_id is not None
    }
    await _issue(
        work, [row for row in standing if row.purchase_id in causes and row.invoice_id is None], numbered, causes
    )
    await _complete(work, standing, fulfillments, numbered, causes)


async def _issue(work: Work, rows: Sequence[Any], numbered: Numbered, causes: dict[UUID, UUID]) -> None:
    if not rows:
        return
    year, first = await invoices.take_numbers(work, ISSUER, len(rows))
    now = datetime.now(UTC)
    made: list[invoices.Invoice] = []
    for number, row in enumerate(rows, first):
        invoice_id, text = uuid7(), number_text(ISSUER, year, number)
        lines = orjson.dumps(_invoiced(row)).decode()
        made.append((invoice_id, row.purchase_id, row.booking_id, number, lines, row.amount_minor, row.currency))
        numbered[row.purchase_id] = (invoice_id, text)
        event = InvoiceIssued(
            booking_id=row.booking_id,
            purchase_id=str(row.purchase_id),
            invoice_id=str(invoice_id),
            invoice_number=text,
            total_minor=row.amount_minor,
            currency=row.currency,
            issued_at=now,
        )
        work.tell(event, causation=causes[row.purchase_id])
    await invoices.issue_many(work, ISSUER, year, made)


def _invoiced(row: Any) -> tuple[dict[str, Any], ...]:
    if row.kind == "session":
        return session_lines_for(row.title, row.trainer_name, row.amount_minor)
    return lines_for(row.title, row.sessions, row.amount_minor)


async def _complete(
    work: Work, standing: Sequence[Any], fulfillments: dict[str, Any], numbered: Numbered, causes: dict[UUID, UUID]
) -> None:
    now = datetime.now(UTC)
    by_booking: dict[str, list[Any]] = {}
    for row in standing:
        by_booking.setdefault(row.booking_id, []).append(row)
    completed = []
    for booking_id, rows in by_booking.items():
        fulfillment = fulfillments[booking_id]
        whole = len(rows) == fulfillment.purchases and all(row.in_place and row.purchase_id in numbered for row in rows)
        if fulfillment.completed_at is None and whole:
            completed.append(booking_id)
            lines = tuple(_line(row, numbered) for row in rows)
            cause = next((causes[row.purchase_id] for row in rows if row.purchase_id in causes), None)
            work.tell(FulfillmentCompleted(booking_id=booking_id, lines=lines, completed_at=now), causation=cause)
    if completed:
        await invoices.complete_many(work, sorted(completed))


def _line(row: Any, numbered: Numbered) -> CompletedLine:
    invoice_id, text = numbered[row.purchase_id]
    return CompletedLine(
        purchase_id=str(row.purchase_id),
        title=row.title,
        trainer_id=row.trainer_id,
        trainer_name=row.trainer_name,
        sessions_total=row.sessions,
        first_session_at=row.first_session_at,
        invoice_id=str(invoice_id),
        invoice_number=text,
        join_url=row.join_url,
    )
