"""Knobs: where plain text is allowed, and what stops the start."""

from __future__ import annotations

from typing import Any

import pytest

from services.notification.settings import NotificationSettings


def settings(**knobs: Any) -> NotificationSettings:
    """Settings with the required knobs and `knobs`."""
    return NotificationSettings(database_url="postgresql://x", token_secret="x", **knobs)


@pytest.mark.parametrize(
    ("host", "asked", "mode"),
    [
        ("127.0.0.1", "auto", "none"),
        ("localhost", "auto", "none"),
        ("smtp.example.com", "auto", "starttls"),
        ("10.0.0.5", "auto", "starttls"),
        ("mail", "none", "none"),
        ("127.0.0.1", "implicit", "implicit"),
    ],
)
def test_mail_leaves_this_machine_in_plain_text_only_when_that_is_asked_for(host: str, asked: str, mode: str) -> None:
    assert settings(smtp_host=host, smtp_tls=asked).tls == mode


def test_push_needs_a_project_and_an_account() -> None:
    assert not settings().push_configured
    assert not settings(fcm_project="payfirst").push_configured
    assert settings(fcm_project="payfirst", fcm_service_account="{}").push_configured
    with pytest.raises(ValueError, match="FCM_PROJECT"):
        settings(fcm_service_account="{}")


@pytest.mark.parametrize("sender", ["nobody", "a@b.example\r\nBcc: x@y.example"])
def test_a_sender_that_no_header_carries_stops_the_start(sender: str) -> None:
    with pytest.raises(ValueError, match="mail_from"):
        settings(mail_from=sender)
