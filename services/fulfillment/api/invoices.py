"""Invoices: as JSON and as PDF; a PDF is made from the row each time, the same bytes each time."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from chassis.identity import Caller, Principal, require
from chassis.ops.letters import Act, record
from chassis.ops.views import plain
from chassis.problems import Problem
from chassis.serving import Db
from chassis.work import Work
from services.fulfillment.adapters import invoice_pdf
from services.fulfillment.api.purchases import may_see
from services.fulfillment.domain.invoices import number_text
from services.fulfillment.storage import views

router = APIRouter(prefix="/api/v1/invoices", tags=["invoices"])


async def _own(work: Work, invoice_id: UUID, caller: Principal) -> Any:
    row = await views.invoice(work, invoice_id)
    if row is None or not may_see(caller, row.student_id, row.booking_id):
        raise Problem("not-found", "You have no such invoice.")
    return row


@router.get("/{invoice_id}.pdf")
async def pdf(invoice_id: UUID, request: Request, caller: Caller, database: Db) -> Response:
    """The invoice as PDF."""
    async with database.transaction() as work:
        row = await _own(work, invoice_id, caller)
    settings = request.app.state.settings
    issuer = {"name": settings.invoice_issuer_name, "address": settings.invoice_issuer_address}
    document = {
        "number": number_text(row.issuer, row.year, row.number),
        "issued_at": row.issued_at,
        "issuer": issuer,
        "buyer": {"name": orjson.loads(row.buyer)["name"]},
        "reference": row.reference,
        "lines": orjson.loads(row.lines),
        "total_minor": row.total_minor,
        "currency": row.currency,
    }
    made = await asyncio.to_thread(invoice_pdf.render, document)
    name = document["number"]
    return Response(
        made, media_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}.pdf"'}
    )


@router.get("/{invoice_id}")
async def show(invoice_id: UUID, caller: Caller, database: Db) -> dict[str, Any]:
    """The invoice."""
    async with database.transaction() as work:
        row = await _own(work, invoice_id, caller)
    return {
        "invoice_id": str(row.invoice_id),
        "invoice_number": number_text(row.issuer, row.year, row.number),
        "booking_id": row.booking_id,
        "purchase_id": str(row.purchase_id),
        "status": row.state,
        "lines": orjson.loads(row.lines),
        "total_minor": row.total_minor,
        "currency": row.currency,
        "issued_at": plain(row.issued_at),
    }


@router.post("/{invoice_id}/regenerate")
async def regenerate(
    invoice_id: UUID, caller: Annotated[Principal, Depends(require("admin"))], request: Request, database: Db
) -> dict[str, Any]:
    """Make the PDF anew and say its digest: a final invoice never changes, so neither does this (S3-19, V-4)."""
    made = bytes((await pdf(invoice_id, request, caller, database)).body)
    async with database.transaction() as work:
        await record(work, Act(caller.subject, "asked for by hand"), "regenerate-invoice", str(invoice_id), None)
    return {"invoice_id": str(invoice_id), "bytes": len(made), "sha256": hashlib.sha256(made).hexdigest()}
