"""The mail sink: an SMTP server that keeps what it gets, its JSON list, and a small inbox page."""

from __future__ import annotations

import email
import email.policy
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import cached_property
from html import escape
from typing import Any

from aiosmtpd.smtp import SMTP
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse

from simulators.faults import Faults

_KEPT = 50_000


@dataclass
class Mail:
    """One mail as it came; it is read when somebody asks for it."""

    id: str
    sender: str
    recipients: list[str]
    content: bytes
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def shown(self) -> dict[str, Any]:
        """What the inbox tells of it."""
        parsed = email.message_from_bytes(self.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        plain, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
        return {
            "id": self.id,
            "message_id": str(parsed["message-id"] or ""),
            "from": self.sender,
            "to": self.recipients,
            "subject": str(parsed["subject"] or ""),
            "text": plain.get_content() if plain is not None else "",
            "html": html.get_content() if html is not None else "",
            "attachments": [part.get_filename() for part in parsed.iter_attachments()],
            "received_at": self.received_at.isoformat().replace("+00:00", "Z"),
        }


class Sink:
    """An aiosmtpd handler that keeps the last 50,000 messages."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.messages: deque[Mail] = deque(maxlen=_KEPT)
        self.count = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep the message, or answer as a fault says."""
        fault = self.faults.take("smtp", "DATA", ",".join(envelope.rcpt_tos))
        if fault is not None and fault.kind == "reject_4xx":
            return "451 4.3.0 try again later"
        if fault is not None and fault.kind == "reject_5xx":
            return "550 5.1.1 no such mailbox"
        self._keep(envelope)
        if fault is not None and fault.kind in ("drop_after_data", "drop_after_commit"):
            server.transport.close()
        return "250 OK"

    def _keep(self, envelope: Any) -> None:
        self.count += 1
        self.messages.append(
            Mail(str(self.count), envelope.mail_from, list(envelope.rcpt_tos), bytes(envelope.content))
        )


def smtp_protocol(sink: Sink) -> SMTP:
    """One SMTP conversation."""
    return SMTP(sink, enable_SMTPUTF8=True, hostname="mail.payfirst.local", data_size_limit=1_000_000)


def inbox(sink: Sink) -> FastAPI:
    """The sink's HTTP side."""
    app = FastAPI(title="Payfirst mail sink", docs_url=None, redoc_url=None)

    @app.get("/messages")
    async def listing(to: str = "", subject: str = "") -> list[dict[str, Any]]:
        addressed = [mail for mail in sink.messages if not to or to in mail.recipients]
        return [mail.shown for mail in addressed if subject.lower() in mail.shown["subject"].lower()]

    @app.get("/messages/{number}")
    async def one(number: str) -> Any:
        found = next((mail.shown for mail in sink.messages if mail.id == number), None)
        return found or JSONResponse({"detail": "There is no such message."}, 404)

    @app.delete("/messages")
    async def clear() -> dict[str, int]:
        sink.messages.clear()
        return {"messages": 0}

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @app.get("/", response_class=HTMLResponse)
    async def page() -> HTMLResponse:
        rows = "".join(
            f"<tr><td>{escape(m['received_at'][11:19])}</td><td>{escape(', '.join(m['to']))}</td>"
            f"<td><details><summary>{escape(m['subject'])}</summary><pre>{escape(m['text'])}</pre></details></td></tr>"
            for m in [mail.shown for mail in list(sink.messages)[-200:][::-1]]
        )
        html = (
            "<!doctype html><html lang=en><meta charset=utf-8><title>Mail</title><body><h1>Mail</h1>"
            f"<p>{len(sink.messages)} messages, the newest first.</p><table>"
            f"<thead><tr><th>At<th>To<th>Subject</tr></thead>{rows}</table></body></html>"
        )
        return HTMLResponse(html, headers={"Content-Security-Policy": "default-src 'none'"})

    return app
