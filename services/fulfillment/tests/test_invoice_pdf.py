"""Invoices as PDF: the same bytes each time, the customer's text inert, every script readable."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pypdf
import pytest

from services.fulfillment.adapters.invoice_pdf import money, render

INVOICE = {
    "number": "PF-2026-000001",
    "issued_at": datetime(2026, 11, 20, tzinfo=UTC),
    "issuer": {"name": "Payfirst Learning Private Limited", "address": "12 Residency Road, Bengaluru"},
    "buyer": {"name": "Zoë Łukasz <script> #let x=1 $*_"},
    "reference": "BK-449034CB",
    "lines": [{"text": "Mathematics, one to one, 10 sessions", "quantity": 1, "amount_minor": 123456750}],
    "total_minor": 123456750,
    "currency": "INR",
}


def test_the_same_invoice_is_the_same_bytes_and_says_what_it_should() -> None:
    first, again = render(INVOICE), render(INVOICE)
    assert first == again
    text = pypdf.PdfReader(io.BytesIO(first)).pages[0].extract_text()
    for words in (
        "PF-2026-000001",
        "BK-449034CB",
        "12,34,567.50",
        "<script> #let x=1 $*_",
        "Zoë Łukasz",
        "20 November 2026",
    ):
        assert words in " ".join(text.split())


def test_devanagari_is_printed() -> None:
    text = pypdf.PdfReader(io.BytesIO(render({**INVOICE, "buyer": {"name": "अनन्या"}}))).pages[0].extract_text()
    assert "अनन्या" in text


@pytest.mark.parametrize(
    ("minor", "currency", "shown"), [(99900, "INR", "999.00"), (1999, "JPY", "1,999"), (1999, "KWD", "1.999")]
)
def test_money_has_its_currencys_own_digits(minor: int, currency: str, shown: str) -> None:
    assert shown in money(minor, currency)
