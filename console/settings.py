"""Knobs of the console; the environment variable of a knob is its name in capitals."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.identity import issue_account_token

_TOKEN_SECONDS = 365 * 86_400


class ConsoleSettings(BaseSettings):
    """Where the services are and what proves who asks. A missing required knob stops the start with its name."""

    model_config = SettingsConfigDict(extra="ignore", case_sensitive=False)

    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8100, ge=0, le=65535)
    booking_url: str
    payment_url: str
    fulfillment_url: str
    notification_url: str
    token_secret: SecretStr
    ops_token: SecretStr = Field(default=SecretStr(""), description="What the console reads with; its own when empty.")
    simulators_url: str = ""
    mail_url: str = ""
    log_level: str = "INFO"
    session_seconds: int = Field(default=12 * 3600, ge=60, description="How long a sign-in lasts at most.")

    @property
    def reading_token(self) -> str:
        """The token that the console reads with: the one given, else one that it issues to itself."""
        secret = self.token_secret.get_secret_value()
        return self.ops_token.get_secret_value() or issue_account_token(secret, "console", ["ops"], _TOKEN_SECONDS)

    @property
    def services(self) -> dict[str, str]:
        """Address by service, in the order of a purchase."""
        return {
            "booking": self.booking_url,
            "payment": self.payment_url,
            "fulfillment": self.fulfillment_url,
            "notification": self.notification_url,
        }
