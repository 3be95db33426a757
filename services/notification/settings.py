"""The notification service's knobs."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from chassis.settings import ServiceSettings

Tls = Literal["auto", "implicit", "starttls", "none"]


class NotificationSettings(ServiceSettings):
    """Mail server, push project and the links that notices carry."""

    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=8108, ge=1, le=65535)
    smtp_tls: Tls = Field(default="auto", description="auto: STARTTLS is required, unless the server is this machine.")
    smtp_username: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_timeout_seconds: float = Field(default=10.0, gt=0, description="Of each step of a mail's hand-over.")
    smtp_connections: int = Field(default=8, ge=1, le=32)
    smtp_mails_per_second: float = Field(default=100.0, gt=0, description="Of this process; mail never takes it all.")
    smtp_mails_per_connection: int = Field(default=100, ge=1)
    smtp_idle_seconds: float = Field(default=30.0, gt=0, description="After this a connection is asked before use.")
    mail_from: str = Field(default="Payfirst <bookings@payfirst.example>", pattern=r"^[^\r\n]*@[^\r\n]+$")
    invoice_link: str = "http://127.0.0.1:8103/api/v1/invoices/{invoice_id}.pdf"
    booking_link: str = "http://127.0.0.1:8105/bookings/{booking_id}"
    fcm_base_url: str = "https://fcm.googleapis.com"
    fcm_project: str = ""
    fcm_token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    fcm_service_account: SecretStr = SecretStr("")
    fcm_timeout_seconds: float = Field(default=10.0, gt=0)

    @property
    def tls(self) -> Literal["implicit", "starttls", "none"]:
        """The mode that `smtp_tls` means here. Plain text leaves this machine only when asked for by name."""
        if self.smtp_tls != "auto":
            return self.smtp_tls
        try:
            local = ip_address(self.smtp_host).is_loopback
        except ValueError:
            local = self.smtp_host == "localhost"
        return "none" if local else "starttls"

    @property
    def push_configured(self) -> bool:
        """Whether push notices can be sent: a project and its service account are known."""
        return bool(self.fcm_project and self.fcm_service_account.get_secret_value())

    @model_validator(mode="after")
    def _whole_push(self) -> NotificationSettings:
        if bool(self.fcm_service_account.get_secret_value()) and not self.fcm_project:
            raise ValueError("FCM_SERVICE_ACCOUNT is set but FCM_PROJECT is not")
        return self
