"""Knobs that every service has. The environment variable of a knob is its name in capitals; the unit is in the name."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Base of a service's settings; a missing required knob stops the start with its name."""

    model_config = SettingsConfigDict(extra="ignore", case_sensitive=False)

    database_url: SecretStr
    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    kafka_compression: str = Field(default="lz4", pattern="^(none|gzip|snappy|lz4|zstd)$")
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8000, ge=1, le=65535)
    token_secret: SecretStr
    checkout_token_secret: SecretStr = SecretStr("")
    log_level: str = "INFO"
    otel_exporter_otlp_endpoint: str = ""
    trusted_proxies: str = Field(
        default="", description="Comma list of addresses and networks whose X-Forwarded-For names the client."
    )
    rate_limit_reads_per_second: float = Field(default=30.0, ge=0, description="One caller's; 0: no limit.")
    rate_limit_reads_burst: int = Field(default=150, ge=1)
    rate_limit_writes_per_second: float = Field(default=10.0, ge=0)
    rate_limit_writes_burst: int = Field(default=50, ge=1)
    rate_limit_admin_per_second: float = Field(default=50.0, ge=0)
    rate_limit_admin_burst: int = Field(default=500, ge=1)
    rate_limit_forged_per_second: float = Field(default=5.0, ge=0, description="Forged webhooks of one address.")
    rate_limit_forged_burst: int = Field(default=50, ge=1)
    rate_limit_address_factor: int = Field(
        default=10, ge=1, description="So many times one caller's limit for all guests and strangers at one address."
    )
    rate_limit_callers: int = Field(default=50_000, ge=100, description="Buckets kept in memory, latest callers first.")
    database_connections: int = Field(default=16, ge=2, le=100)
    consumer_batch_records: int = Field(default=500, ge=1, le=2000)
    relay_batch_rows: int = Field(default=1000, ge=1, le=5000)
    task_lease_seconds: float = Field(default=5.0, ge=1.0)
    retention_days: float = Field(default=35.0, ge=7.0, description="Inbox and events; never under topic retention.")

    @property
    def bootstrap(self) -> list[str]:
        """The brokers as a list: the client does not split a string by itself."""
        return _listed(self.kafka_bootstrap_servers)

    @property
    def proxies(self) -> list[str]:
        """The trusted proxies as a list."""
        return _listed(self.trusted_proxies)


def _listed(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]
