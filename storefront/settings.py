"""Knobs of the storefront; the environment variable of a knob is its name in capitals."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class StorefrontSettings(BaseSettings):
    """Where the services and the gateway's checkout are. A missing required knob stops the start with its name."""

    model_config = SettingsConfigDict(extra="ignore", case_sensitive=False)

    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8105, ge=0, le=65535)
    booking_url: str
    payment_url: str
    fulfillment_url: str
    simulators_url: str
    token_secret: SecretStr
    log_level: str = "INFO"
    session_seconds: int = Field(default=7 * 86_400, ge=60)

    def script_of(self, gateway: str) -> str | None:
        """The script that a gateway gives to merchants' pages; None for one that leads the buyer away."""
        path = {"razorpay": "/razorpay/v1/checkout.js", "stripe": "/stripe/js/v3"}.get(gateway)
        return None if path is None else f"{self.simulators_url.rstrip('/')}{path}"

    @property
    def checkout_origin(self) -> str:
        """Scheme, host and port of the gateway's checkout, for the content security policy."""
        parts = urlsplit(self.simulators_url)
        return f"{parts.scheme}://{parts.netloc}"
