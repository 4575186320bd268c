"""What several programs on one PostgreSQL share: its clock, word of each other's moves, and locks by name."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, make_url
from sqlalchemy.orm import Session

log = logging.getLogger(__name__)
CHANNEL = "limner"
AGAIN_S = 2.0
MOVED = "moved"
"""Under this key a Session remembers that the others are to be told."""

NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"


def is_shared(url: str) -> bool:
    """Say whether several programs may use this database at once."""
    return make_url(url).get_backend_name() == "postgresql"


class DatabaseClock:
    """Tell ms UTC by the database's clock: read in every writing transaction, run on by `elapsed_ns` in between."""

    def __init__(self, elapsed_ns: Callable[[], int]) -> None:
        self._elapsed_ns = elapsed_ns
        self._ahead_ms: int | None = None

    def __call__(self) -> int:
        """Return the time; raise RuntimeError before the database was asked for the first time."""
        if self._ahead_ms is None:
            raise RuntimeError("the database's clock was not read yet")
        return self._ahead_ms + self._elapsed_ns() // 1_000_000

    def read(self, connection: Connection) -> None:
        """Read the database's clock."""
        now = int(connection.exec_driver_sql(NOW).scalar_one())
        self._ahead_ms = now - self._elapsed_ns() // 1_000_000


def moved(session: Session) -> None:
    """Remember that this transaction changes what other programs wait for."""
    session.info[MOVED] = True


def tell(session: Session, name: str) -> None:
    """Tell the other programs of a move, when this transaction commits; SQLite has no others."""
    if session.info.pop(MOVED, False) and session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql("SELECT pg_notify(%s, %s)", (CHANNEL, name))


async def listen(url: str, name: str, heard: Callable[[], None]) -> None:
    """Call `heard` after each move of another program, until cancelled; a lost connection is made again."""
    # Only here and only with PostgreSQL: the driver is an extra.
    import psycopg

    while True:
        try:
            async with await psycopg.AsyncConnection.connect(_plain(url), autocommit=True) as connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                # What was told before this moment was told to nobody here.
                heard()
                async for note in connection.notifies():
                    if note.payload != name:
                        heard()
        except psycopg.OperationalError as error:
            log.warning("other programs' moves are not heard, trying again: %s", error)
        await asyncio.sleep(AGAIN_S)


class Locks:
    """Hold names that one program alone may have, on one connection of its own; its end lets them go."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Any = None

    def take(self, name: str) -> bool:
        """Take a name; False where another program has it. Blocks."""
        if not is_shared(self._url):
            return True
        import psycopg

        if self._connection is None:
            self._connection = psycopg.connect(_plain(self._url), autocommit=True)
        asked = self._connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (name,))
        return bool(asked.fetchone()[0])

    def release(self) -> None:
        """Let every name go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
