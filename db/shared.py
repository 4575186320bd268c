"""What several programs on one PostgreSQL share: its clock, word of each other's moves, and locks by name."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Connection, make_url
from sqlalchemy.orm import Session

log = logging.getLogger(__name__)
CHANNEL = "limner"
AGAIN_S = 2.0
MOVED = "moved"
"""Under this key a Session remembers that the others are to be told."""

TAKE = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
LEAVE = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"
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
        self._url, self._shared = url, is_shared(url)
        self._connection: Any = None
        self._held: set[str] = set()
        self._one_at_a_time = threading.Lock()

    def holds(self, name: str) -> bool:
        """Say whether this program took a name; where no other is there, it has them all."""
        return not self._shared or name in self._held

    def take(self, name: str) -> bool:
        """Take a name; False where another program has it. Blocks."""
        if not self._shared:
            return True
        with self._one_at_a_time:
            taken = bool(self._ask(TAKE, name))
            self._held |= {name} if taken else set()
            return taken

    def gone(self, names: Collection[str | None]) -> set[str | None]:
        """Return the names that no program has; without one, it is nobody's. Blocks."""
        if not self._shared:
            return set(names)
        with self._one_at_a_time:
            # Also where there is nothing to look up: after a broken line its own names are taken again.
            self._ask("SELECT %s::text", "")
            return {name for name in names if name is None or name not in self._held and self._is_free(name)}

    def release(self) -> None:
        """Let every name go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _is_free(self, name: str) -> bool:
        return bool(self._ask(TAKE, name)) and bool(self._ask(LEAVE, name))

    def _ask(self, sql: str, name: str) -> Any:
        """Ask on a connection that holds all names; on a new one where the old one broke."""
        import psycopg

        try:
            if self._connection is None or self._connection.closed:
                self._connect()
            return self._connection.execute(sql, (name,)).fetchone()[0]
        except psycopg.OperationalError:
            self._connect()
            return self._connection.execute(sql, (name,)).fetchone()[0]

    def _connect(self) -> None:
        import psycopg

        self._connection = psycopg.connect(_plain(self._url), autocommit=True)
        for name in sorted(self._held):
            self._connection.execute(TAKE, (name,))


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
