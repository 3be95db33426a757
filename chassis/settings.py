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
    database_connections: int = Field(default=12, ge=2, le=100)
    consumer_batch_records: int = Field(default=500, ge=1, le=2000)
    relay_batch_rows: int = Field(default=1000, ge=1, le=5000)
    task_lease_seconds: float = Field(default=5.0, ge=1.0)
    retention_days: float = Field(default=35.0, ge=7.0, description="Inbox and events; never under topic retention.")

    @property
    def bootstrap(self) -> list[str]:
        """The brokers as a list: the client does not split a string by itself."""
        return [server.strip() for server in self.kafka_bootstrap_servers.split(",") if server.strip()]
