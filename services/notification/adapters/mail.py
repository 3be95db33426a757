"""Letters as mails: jinja2 renders MJML and text, MJML becomes HTML, both go into one message."""

from __future__ import annotations

import re
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formataddr, formatdate, parseaddr
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from mjml import mjml2html

from services.notification.adapters.smtp import Mailer
from services.notification.domain.delivery import Answer
from services.notification.domain.letters import Letter, Links, content
from services.notification.domain.notices import Kind
from services.notification.domain.wording import one_line

_TEMPLATES = Path(__file__).parent.parent / "templates"


class Paper:
    """All templates, compiled once."""

    def __init__(self, links: Links) -> None:
        self._links = links
        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=lambda name: bool(name and ".mjml" in name),  # noqa: S701 - the text part has no markup to escape
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates: dict[Kind, tuple[Template, Template]] = {
            kind: (environment.get_template(f"{kind}.txt.j2"), environment.get_template(f"{kind}.mjml.j2"))
            for kind in Kind
        }

    def write(self, letter: Letter) -> tuple[str, str, str]:
        """(subject, text, HTML) of `letter`. Raises `KeyError` when a fact that the templates show is missing."""
        values = content(letter, self._links)
        text, markup = self._templates[letter.kind]
        return values["subject"], text.render(values), mjml2html(markup.render(values), disable_comments=True)


class Undeliverable(ValueError):
    """The address is no mail address that a header can carry: no server was asked."""


_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")


def ascii_address(address: str) -> str:
    """`address` with its domain in ASCII. Raises `Undeliverable` for what is none, or needs SMTPUTF8."""
    local, _, domain = address.strip().rpartition("@")
    try:
        plain = f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError as error:
        raise Undeliverable("address-invalid") from error
    if not _ADDRESS.fullmatch(plain):
        raise Undeliverable("address-invalid")
    return plain


def envelope(letter: Letter, address: str, sender: str, written: tuple[str, str, str]) -> bytes:
    """The whole mail, 7-bit, to an ASCII `address`.

    Its Message-ID is made of the delivery id, so a copy is known as one (N-1). MIME classes, not `EmailMessage`: they
    take a third of the time; a boundary of ours, for looking for a random one takes a sixth of what is left.
    """
    subject, text, html = written
    mail = MIMEMultipart("alternative", boundary=f"=_{letter.delivery_id.hex}")  # no base64 has "=_" in it
    mail["To"] = formataddr((one_line(letter.name), address))
    mail["From"] = sender
    mail["Subject"] = Header(subject, "utf-8").encode() if not subject.isascii() else subject
    mail["Date"] = formatdate()
    mail["Message-ID"] = f"<{letter.delivery_id}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's out-of-office answers it
    mail.attach(MIMEText(text, "plain", "utf-8"))
    mail.attach(MIMEText(html, "html", "utf-8"))
    return mail.as_bytes()


class MailOffice:
    """Sends letters as mails from `sender`."""

    def __init__(self, paper: Paper, mailer: Mailer, sender: str) -> None:
        self._paper, self._mailer, self._sender = paper, mailer, sender

    async def send(self, letter: Letter, address: str) -> Answer:
        """Write the letter and hand it to the mail server. Raises as `Mailer.send`."""
        try:
            plain = ascii_address(address)
        except Undeliverable as refusal:
            return Answer(False, str(refusal))
        mail = envelope(letter, plain, self._sender, self._paper.write(letter))
        return await self._mailer.send(parseaddr(self._sender)[1], plain, mail)
