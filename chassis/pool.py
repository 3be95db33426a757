"""Connections to one database: SQLAlchemy's engine and pool keep them, statements go to the driver alone (ADR 0016)."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
from sqlalchemy import PoolProxiedConnection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

Driver = Any  # asyncpg's connection; it has no types
_ROLLBACK_SECONDS = 5.0


class Row(asyncpg.Record):  # type: ignore[misc]
    """A row of a result: a tuple whose columns are attributes too. `dict(row)` gives it by column names."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        """The column `name`. Raises `AttributeError` when there is none."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Lent:
    """A connection taken from the pool: `driver` outside any transaction. Ends with `give_back` or `give_up`."""

    __slots__ = ("_proxied", "driver")

    def __init__(self, proxied: PoolProxiedConnection) -> None:
        self._proxied = proxied
        self.driver: Driver = proxied.driver_connection

    def give_back(self) -> None:
        """The connection is outside any transaction again; one that was lost meanwhile is thrown away."""
        if self.driver.is_closed():
            self._proxied.invalidate()
        self._proxied.close()

    async def give_up(self) -> None:
        """Whatever the connection was doing is rolled back; where that fails it is closed. Ends even if cancelled."""
        await asyncio.shield(self._roll_back())

    async def _roll_back(self) -> None:
        try:
            await self.driver.execute("ROLLBACK", timeout=_ROLLBACK_SECONDS)
        except Exception:
            self.driver.terminate()
        finally:
            self.give_back()


async def take(engine: AsyncEngine) -> Lent:
    """A live connection. Raises SQLAlchemy's `TimeoutError` when none is free in time, the driver's errors of connecting."""
    while True:
        lent = Lent(await engine.raw_connection())
        if not lent.driver.is_closed():
            return lent
        lent.give_back()


def engine_of(url: str, connections: int, application: str) -> AsyncEngine:
    """An engine for `url` (`postgresql://…`); nothing is opened before it is needed."""
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=connections,
        max_overflow=0,  # SQLAlchemy closes what overflows inside a greenlet, which our way back does not have
        pool_timeout=10,
        pool_use_lifo=True,
        pool_reset_on_return=None,  # what escapes a transaction is rolled back by us; the rest needs no second look
        connect_args={
            "timeout": 5,
            "command_timeout": 60,
            "record_class": Row,
            "server_settings": {
                "application_name": application,
                "jit": "off",
                "lock_timeout": "5s",
                "statement_timeout": "30s",
                "idle_in_transaction_session_timeout": "30s",
            },
        },
    )
    event.listen(engine.sync_engine, "connect", _json_as_text)
    return engine


def _json_as_text(connection: Any, _: Any) -> None:
    """JSON goes in and comes out as text: each reader decides whether and how it is parsed."""

    async def register(driver: Driver) -> None:
        for name in ("json", "jsonb"):
            await driver.set_type_codec(name, encoder=str, decoder=str, schema="pg_catalog", format="text")

    connection.run_async(register)
