"""The doors to the database: one write thread with one connection, a pool of readers, and errors in plain words."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.errors import Busy, Damaged, DiskFull, StudioError, Unavailable
from core.records import Clock, CrashPoint
from db import shared, together
from db.known import Known

log = logging.getLogger(__name__)
T = TypeVar("T")

BUSY_MS = 5_000
ACCEPT_MS = 1_000
READERS = 4


class Store:
    """Run functions of a Session: writing ones one after another on one thread, reading ones on the pool."""

    def __init__(
        self, url: str, pool: Executor, at: CrashPoint, synchronous: str, clock: Clock, name: str = ""
    ) -> None:
        """name: by which other programs on the same database tell this one's moves from their own."""
        self.url, self.name = url, name
        self._at, self._pool = at, pool
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="limner-write")
        self._writer = _engine(url, 1, synchronous, writing=True)
        if isinstance(clock, shared.DatabaseClock):
            event.listen(self._writer, "begin", clock.read)
        self._readers = _engine(url, READERS, synchronous, writing=False)
        self._inbox = together.Inbox()
        self.known = Known(on=not shared.is_shared(url))
        self._closed, self._under_way = False, set[Future[Any]]()
        self.damaged: StudioError | None = None
        self.locks = shared.Locks(url)

    async def decide(self, work: Callable[[Session], T]) -> T:
        """Run `work`, which changes what is kept in memory, in one writing transaction."""

        def decided() -> T:
            try:
                return self._write(work, "", BUSY_MS)
            finally:
                self.known.forget()

        return await self.on_thread(decided)

    async def write(self, work: Callable[[Session], T], move: str = "", wait_ms: int = BUSY_MS) -> T:
        """Run `work` in one writing transaction; `move` names the crash points around its commit."""
        if move not in together.MOVES:
            return await self.on_thread(lambda: self._write(work, move, wait_ms))
        order = together.Order(work, move, wait_ms)
        self._inbox.put(order)
        try:
            # Whoever comes first takes along all that wait by then.
            await self.on_thread(self._empty)
            found: T = await asyncio.wrap_future(order.done)
        except asyncio.CancelledError:
            order.done.cancel()
            raise
        return found

    async def read(self, work: Callable[[Session], T]) -> T:
        """Run `work` on a reading connection; it sees one state of the database."""
        return await self.in_pool(lambda: self.read_now(work))

    def read_now(self, work: Callable[[Session], T]) -> T:
        """Read, for callers that are in the pool already."""
        return self._guarded(lambda: _read(self._readers, work))

    async def on_thread(self, work: Callable[[], T]) -> T:
        """Run `work` on the write thread; raise Busy once it is closed."""
        return await self._run(self._thread, work)

    async def in_pool(self, work: Callable[[], T]) -> T:
        """Run blocking `work` on the pool; raise Busy once it is closed."""
        return await self._run(self._pool, work)

    async def _run(self, where: Executor, work: Callable[[], T]) -> T:
        if self._closed:
            raise Busy("The program is stopping: not accepted, nothing charged.", "Try again when it runs.")
        future = where.submit(work)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        return await asyncio.wrap_future(future)

    async def upgrade(self, migrate: Callable[[Connection], None]) -> None:
        """Run the migrations in one writing transaction."""

        def work() -> None:
            with self._writer.begin() as connection:
                migrate(connection)

        await self.on_thread(lambda: self._guarded(work))

    async def scrub(self) -> bool:
        """Fold the WAL in and empty it, or vacuum; False where a reader still needs what is in it."""
        return await self.on_thread(lambda: self._guarded(self._scrub))

    def _scrub(self) -> bool:
        raw = self._writer.raw_connection()
        try:
            if self._writer.dialect.name == "sqlite":
                (busy, _, _) = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                return not busy
            driver: Any = raw.driver_connection
            driver.rollback()
            driver.autocommit = True
            driver.execute("VACUUM jobs, pictures, moves, outbox, replies, defaults, acts")
            driver.autocommit = False
            return True
        finally:
            raw.close()

    def examine_later(self, examine: Callable[[], StudioError | None]) -> None:
        """Look for damage while the program runs: once found, nothing more is accepted."""
        self.damaged = examine() or self.damaged

    async def close(self) -> None:
        """Finish what waits on the write thread and close every connection, the writer last: it folds the WAL in."""
        if self._closed:
            return
        self._closed = True
        # What a cancelled caller left running has a connection, which nobody would close once the readers are gone.
        await asyncio.gather(*map(asyncio.wrap_future, tuple(self._under_way)), return_exceptions=True)
        for last in (self.locks.release, self._readers.dispose):
            await asyncio.wrap_future(self._pool.submit(last))
        await asyncio.wrap_future(self._thread.submit(self._writer.dispose))
        self._thread.shutdown()

    def _empty(self) -> None:
        """Do what waits: together in one transaction, and where that breaks each by itself."""
        orders = self._inbox.take()
        outcomes = self._together(orders) if len(orders) > 1 else None
        for number, order in enumerate(orders):
            if outcomes is None:
                order.by_itself(partial(self._write, order.work, order.move, order.wait_ms))
            else:
                order.settle(outcomes[number])

    def _together(self, orders: Sequence[together.Order]) -> list[together.Outcome] | None:
        """Commit works as one; None where that broke, for then each must be told by itself."""
        try:
            with self._writer.connect() as connection:
                connection.execution_options(wait_ms=min(order.wait_ms for order in orders))
                with connection.begin():
                    outcomes = together.behind_savepoints(connection, orders, lambda s: shared.tell(s, self.name))
                    self._pass("before", orders)
        except Exception:
            log.warning("%d works could not be written together; each is tried by itself", len(orders), exc_info=True)
            return None
        self._pass("after", orders)
        return outcomes

    def _pass(self, when: str, orders: Sequence[together.Order]) -> None:
        for order in orders:
            self._at(f"{when}_{order.move}_commit")

    def _write(self, work: Callable[[Session], T], move: str, wait_ms: int) -> T:
        found = self._guarded(lambda: self._commit(work, move, wait_ms))
        if move:
            self._at(f"after_{move}_commit")
        return found

    def _commit(self, work: Callable[[Session], T], move: str, wait_ms: int) -> T:
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            session.connection(execution_options={"wait_ms": wait_ms})
            found = work(session)
            session.flush()
            shared.tell(session, self.name)
            if move:
                self._at(f"before_{move}_commit")
        return found

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except DBAPIError as error:
            plain = in_words(error)
            if plain is None:
                raise
            if isinstance(plain, Damaged):
                self.damaged = plain
            raise plain from error


def _read(engine: Engine, work: Callable[[Session], T]) -> T:
    with Session(engine, expire_on_commit=False) as session:
        return work(session)


def in_words(error: DBAPIError) -> StudioError | None:
    """Return what a database's error means for a person, None where it is a mistake of ours."""
    cause: Any = error.orig
    if isinstance(cause, sqlite3.Error):
        kind = _SQLITE.get(cause.sqlite_errorcode & 0xFF if hasattr(cause, "sqlite_errorcode") else -1)
    else:
        state = str(getattr(cause, "sqlstate", "") or "")
        lost = error.connection_invalidated or type(cause).__name__ == "OperationalError" and not state
        kind = _POSTGRES.get(state) or ("away" if lost or state[:2] in ("08", "57") else None)
    return _sentence(kind) if kind else None


_SQLITE = {
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
    sqlite3.SQLITE_IOERR: "away",
    sqlite3.SQLITE_CANTOPEN: "away",
    sqlite3.SQLITE_READONLY: "away",
}
# Classes of SQLSTATE: lock not available, deadlock, serialization; disk full; data or index corrupted.
_POSTGRES = {
    "55P03": "busy",
    "40P01": "busy",
    "40001": "busy",
    "53100": "full",
    "XX001": "damaged",
    "XX002": "damaged",
}


def _sentence(kind: str) -> StudioError:
    if kind == "busy":
        return Busy("The database is busy: not accepted, nothing charged.", "Try again in a moment.")
    if kind == "full":
        return DiskFull("The disk is full: not accepted, nothing charged.", "The owner must make room.")
    if kind == "damaged":
        return Damaged(
            "The database is damaged.",
            "Nothing more is accepted; the owner must stop the program and restore a backup.",
        )
    return Unavailable("The database cannot be reached.", "Try again in a moment; the owner finds more in the log.")


def _engine(url: str, size: int, synchronous: str, *, writing: bool) -> Engine:
    # Values are hidden in the text of errors: they are words people typed, and errors go to the log.
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(
            parsed, pool_size=size, max_overflow=0, connect_args={"check_same_thread": False}, hide_parameters=True
        )
        event.listen(engine, "connect", lambda raw, _: _prepare(raw, synchronous, writing))
        event.listen(engine, "begin", _begin_writing if writing else _begin_reading)
        return engine
    options = {} if writing else {"options": "-c default_transaction_read_only=on"}
    engine = create_engine(
        parsed, pool_size=size, max_overflow=0, pool_pre_ping=True, connect_args=options, hide_parameters=True
    )
    if writing:
        event.listen(engine, "begin", _begin_postgres)
    return engine


def _prepare(raw: sqlite3.Connection, synchronous: str, writing: bool) -> None:
    # The driver must begin nothing by itself: a deferred transaction that turns to writing fails at once.
    raw.isolation_level = None
    raw.create_function("lower", 1, _lower, deterministic=True)
    pragmas = [f"busy_timeout={BUSY_MS}"]
    if writing:
        pragmas += ["journal_mode=WAL", f"synchronous={synchronous}", "secure_delete=ON", "foreign_keys=ON"]
    else:
        pragmas += ["query_only=ON"]
    for pragma in pragmas:
        raw.execute(f"PRAGMA {pragma}").close()


def _lower(words: str | None) -> str | None:
    """Lower more than ASCII, which is all that SQLite's own does."""
    return None if words is None else words.lower()


def _begin_writing(connection: Connection) -> None:
    wait_ms = int(connection.get_execution_options().get("wait_ms", BUSY_MS))
    connection.exec_driver_sql(f"PRAGMA busy_timeout={wait_ms}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_postgres(connection: Connection) -> None:
    wait_ms = int(connection.get_execution_options().get("wait_ms", BUSY_MS))
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {wait_ms}")
