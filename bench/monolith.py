"""The yardstick: the same course work as one plain FastAPI + SQLAlchemy transaction, without any messaging.

What a team would write first: ORM models, one request, one transaction. `POST /purchases` records a captured payment,
the booking, the purchase, the least loaded fitting trainer with the decision, the sessions, the invoice with its number
and the two mails to send. Run by `bench.yardstick`.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, Index, select, update
from sqlalchemy.ext.asyncio import AsyncAttrs, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.ids import uuid7


class Base(AsyncAttrs, DeclarativeBase):
    """Declarative base; times are aware."""

    type_annotation_map = {datetime: DateTime(timezone=True), dict[str, Any]: JSON, int: BigInteger}


class Payment(Base):
    __tablename__ = "payments"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    booking_id: Mapped[UUID] = mapped_column(unique=True)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    state: Mapped[str]
    captured_at: Mapped[datetime]


class Booking(Base):
    __tablename__ = "bookings"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"))
    buyer_email: Mapped[str]
    state: Mapped[str]
    confirmed_at: Mapped[datetime]


class Transition(Base):
    __tablename__ = "transitions"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    booking_id: Mapped[UUID]
    noun: Mapped[str]
    state: Mapped[str]
    at: Mapped[datetime]


class Purchase(Base):
    __tablename__ = "purchases"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    booking_id: Mapped[UUID] = mapped_column(ForeignKey("bookings.id"), unique=True)
    course_id: Mapped[str]
    tier: Mapped[int]
    details: Mapped[dict[str, Any]]


class Trainer(Base):
    __tablename__ = "trainers"
    id: Mapped[str] = mapped_column(primary_key=True)
    specialty: Mapped[str] = mapped_column(index=True)
    gender: Mapped[str]
    active_load: Mapped[int]


class Allocation(Base):
    __tablename__ = "allocations"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    purchase_id: Mapped[UUID] = mapped_column(ForeignKey("purchases.id"), unique=True)
    trainer_id: Mapped[str] = mapped_column(ForeignKey("trainers.id"))
    state: Mapped[str]
    decision: Mapped[dict[str, Any]]


class Session(Base):
    __tablename__ = "sessions"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    allocation_id: Mapped[UUID] = mapped_column(ForeignKey("allocations.id"))
    starts_at: Mapped[datetime]
    state: Mapped[str]
    __table_args__ = (Index("ix_sessions_allocation_id", "allocation_id"),)


class InvoiceSeries(Base):
    __tablename__ = "invoice_series"
    year: Mapped[int] = mapped_column(primary_key=True)
    last_number: Mapped[int]


class Invoice(Base):
    __tablename__ = "invoices"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    purchase_id: Mapped[UUID] = mapped_column(ForeignKey("purchases.id"), unique=True)
    year: Mapped[int]
    number: Mapped[int]
    total_minor: Mapped[int]
    __table_args__ = (Index("uq_invoices_year_number", "year", "number", unique=True),)


class InvoiceLine(Base):
    __tablename__ = "invoice_lines"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"))
    title: Mapped[str]
    amount_minor: Mapped[int]


class Delivery(Base):
    __tablename__ = "deliveries"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    booking_id: Mapped[UUID]
    kind: Mapped[str]
    recipient: Mapped[str]
    state: Mapped[str]


class Paid(BaseModel):
    """What the gateway's webhook said, already verified."""

    booking_id: UUID
    amount_minor: int
    currency: str
    specialty: str
    tier: int


engine = create_async_engine(os.environ.get("MONOLITH_DATABASE_URL", "postgresql+asyncpg://"), pool_size=16)
sessions = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


@app.post("/purchases", status_code=201)
async def purchase(paid: Paid) -> dict[str, str]:
    """The whole purchase in one transaction; answers with the invoice's number."""
    now = datetime.now(UTC)
    async with sessions() as session, session.begin():
        payment = Payment(
            booking_id=paid.booking_id,
            amount_minor=paid.amount_minor,
            currency=paid.currency,
            state="captured",
            captured_at=now,
        )
        session.add(payment)
        await session.flush()
        booking = Booking(
            id=paid.booking_id,
            payment_id=payment.id,
            buyer_email="buyer@example.com",
            state="confirmed",
            confirmed_at=now,
        )
        session.add(booking)
        await session.flush()
        bought = Purchase(booking_id=booking.id, course_id="crs", tier=paid.tier, details={"time_slot": "10:00"})
        session.add_all([bought, *(Transition(booking_id=booking.id, noun=n, state=s, at=now) for n, s in _STEPS)])
        await session.flush()
        trainer = await _assign(session, paid.specialty)
        allocation = Allocation(
            purchase_id=bought.id, trainer_id=trainer.id, state="approved", decision={"considered": [trainer.id]}
        )
        session.add(allocation)
        await session.flush()
        session.add_all(
            Session(allocation_id=allocation.id, starts_at=now + timedelta(days=n), state="planned")
            for n in range(paid.tier)
        )
        number = await session.scalar(
            update(InvoiceSeries)
            .where(InvoiceSeries.year == now.year)
            .values(last_number=InvoiceSeries.last_number + 1)
            .returning(InvoiceSeries.last_number)
        )
        invoice = Invoice(purchase_id=bought.id, year=now.year, number=number, total_minor=paid.amount_minor)
        session.add(invoice)
        await session.flush()
        session.add(InvoiceLine(invoice_id=invoice.id, title="Course", amount_minor=paid.amount_minor))
        session.add_all(
            Delivery(booking_id=booking.id, kind=kind, recipient=who, state="queued") for kind, who in _MAILS
        )
    return {"invoice_number": f"{now.year}-{number:06d}"}


_STEPS = (("payment", "captured"), ("hold", "converted"), ("booking", "confirmed"))
_MAILS = (("confirmation", "buyer@example.com"), ("assignment", "trainer@example.com"))


async def _assign(session: Any, specialty: str) -> Trainer:
    found = await session.scalars(
        select(Trainer)
        .where(Trainer.specialty == specialty)
        .order_by(Trainer.active_load, Trainer.id)
        .limit(1)
        .with_for_update()
    )
    trainer: Trainer = found.one()
    trainer.active_load += 1
    return trainer
