"""Invoices as PDF by typst: the same data gives the same bytes, and a customer's text is only ever text."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import typst
from babel.numbers import format_currency
from iso4217 import Currency

_FOLDER = Path(__file__).parent
_compiler: Any = None


def _typst() -> Any:
    global _compiler
    if _compiler is None:
        _compiler = typst.Compiler(
            str(_FOLDER / "invoice.typ"), font_paths=[str(_FOLDER / "fonts")], ignore_system_fonts=True
        )
    return _compiler


def money(amount_minor: int, currency: str) -> str:
    """An amount for people, with the currency's own digits (ISO 4217, not the locale's)."""
    exponent = Currency(currency).exponent or 0
    pattern = "¤#,##,##0" + ("." + "0" * exponent if exponent else "")
    value = Decimal(amount_minor).scaleb(-exponent)
    return format_currency(value, currency, pattern, locale="en_IN", currency_digits=False)


def render(invoice: dict[str, Any]) -> bytes:
    """The PDF of `invoice`: number, issued_at, issuer{name,address}, buyer{name}, reference, lines, total, currency."""
    issued: datetime = invoice["issued_at"]
    shown = {
        "number": invoice["number"],
        "issued": issued.strftime("%d %B %Y"),
        "year": issued.year,
        "month": issued.month,
        "day": issued.day,
        "issuer": invoice["issuer"],
        "buyer": invoice["buyer"],
        "reference": invoice["reference"],
        "lines": [
            {
                "text": line["text"],
                "quantity": line["quantity"],
                "amount": money(line["amount_minor"], invoice["currency"]),
            }
            for line in invoice["lines"]
        ],
        "total": money(invoice["total_minor"], invoice["currency"]),
    }
    pdf: bytes = _typst().compile(format="pdf", sys_inputs={"data": orjson.dumps(shown).decode()})
    return pdf
