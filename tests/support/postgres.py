"""A private PostgreSQL cluster in a temporary folder, from the server programs of the system."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine

from db.opening import migrate

PROGRAMS = Path("/usr/lib/postgresql")
ROLE = "limner"
EMPTIED = "migrated"
OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
EMPTYING = (
    "SELECT 'DELETE FROM ' || quote_ident(tablename) FROM pg_tables"
    " WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    " UNION ALL SELECT 'ALTER SEQUENCE ' || quote_ident(sequencename) || ' RESTART' FROM pg_sequences"
)
"""What to say to empty every table; rows that hang on others go with them."""
# Nothing here outlives the tests, so nothing need outlive a power cut.
FAST = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "100",
}


class Cluster:
    """A running cluster with a database emptied for each test; reached by a unix socket alone."""

    def __init__(self, sockets: Path) -> None:
        self._sockets = sockets
        self._empty: list[str] = []

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """Connect beside the Archive, every statement its own transaction."""
        return psycopg.connect(host=str(self._sockets), user=ROLE, dbname=database, autocommit=True)

    def fresh(self) -> str:
        """Empty the database, whoever still uses it, and return its URL as the Archive takes it."""
        with self.connect() as connection:
            connection.execute(OTHERS)
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return self._url("postgres")

    def migrated(self) -> str:
        """Return the URL of a database as the migrations leave one: emptied, which takes a hundredth of making it."""
        if not self._empty:
            with self.connect() as connection:
                connection.execute(f"CREATE DATABASE {EMPTIED}")
            engine = create_engine(self._url(EMPTIED))
            with engine.begin() as schema:
                migrate(schema)
            engine.dispose()
        with self.connect(EMPTIED) as connection:
            if not self._empty:
                self._empty.extend(str(statement) for (statement,) in connection.execute(EMPTYING))
            connection.execute(OTHERS)
            connection.execute("; ".join(self._empty))
        return self._url(EMPTIED)

    def _url(self, database: str) -> str:
        return f"postgresql+psycopg://{ROLE}@/{database}?host={self._sockets}"


def programs() -> Path | None:
    """Return the folder of the newest server programs, None where there are none."""
    found = [path.parent for path in PROGRAMS.glob("*/bin/initdb")]
    return max(found, key=lambda path: int(path.parent.name), default=None)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Start a cluster and throw it away; as root it runs as the system's user `postgres`."""
    found = programs()
    assert found is not None
    # Not below pytest's own folder: a socket's path may have 107 signs, and `postgres` could not enter it.
    home = Path(tempfile.mkdtemp(prefix="limner-pg-", dir="/tmp"))
    # The server ends with the tests, even where those are killed.
    prefix = ["setpriv", "--pdeathsig=QUIT"]
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(home, owner.pw_uid, owner.pw_gid)
        prefix += [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]

    def start(program: str, *arguments: str) -> subprocess.Popen[bytes]:
        call = [*prefix, str(found / program), "-D", str(home / "data"), *arguments]
        return subprocess.Popen(call, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)

    options = [part for key, value in FAST.items() for part in ("-c", f"{key}={value}")]
    try:
        made = start("initdb", "-A", "trust", "-U", ROLE, "-E", "UTF8", "--locale=C", "--no-sync").wait()
        assert made == 0, "initdb failed"
        server = start("postgres", "-k", str(home), *options)
        try:
            running = Cluster(home)
            _await(server, running)
            yield running
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait()
    finally:
        shutil.rmtree(home)


def _await(server: subprocess.Popen[bytes], running: Cluster) -> None:
    """Wait until the server answers; fail where it ends instead."""
    while True:
        try:
            running.connect().close()
            return
        except psycopg.OperationalError:
            # Waits a moment, and only for as long as the server lives.
            with suppress(subprocess.TimeoutExpired):
                raise AssertionError(f"the server ended with {server.wait(0.05)}") from None


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """Give the session's one cluster; without the programs skip, or fail where nothing may be skipped."""
    if programs() is None:
        absent = "PostgreSQL's server programs are missing: apt install postgresql"
        if os.environ.get("LIMNER_STRICT") == "1":
            pytest.fail(absent)
        pytest.skip(absent)
    with cluster() as running:
        yield running
