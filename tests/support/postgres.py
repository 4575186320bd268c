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
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine

from db.opening import migrate

PROGRAMS = Path("/usr/lib/postgresql")
ROLE = "limner"
TEMPLATE = "migrated"
# Nothing here outlives the tests, so nothing need outlive a power cut.
FAST = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "100",
}


class Cluster:
    """A running cluster with a database emptied or copied for each test; reached by a unix socket alone."""

    def __init__(self, sockets: Path) -> None:
        self._sockets = sockets
        self._numbers = count()
        self._copied: list[str] = []

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Connect beside the Archive, every statement its own transaction."""
        return psycopg.connect(host=str(self._sockets), user=ROLE, dbname="postgres", autocommit=True)

    def fresh(self) -> str:
        """Empty the database, whoever still uses it, and return its URL as the Archive takes it."""
        with self.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return self._url("postgres")

    def migrated(self) -> str:
        """Return the URL of a new database as the migrations leave one: they take ten times as long as a copy."""
        with self.connect() as connection:
            if not self._copied:
                connection.execute(f"CREATE DATABASE {TEMPLATE}")
                engine = create_engine(self._url(TEMPLATE))
                with engine.begin() as schema:
                    migrate(schema)
                engine.dispose()
                self._copied.append(TEMPLATE)
            while len(self._copied) > 1:
                connection.execute(f"DROP DATABASE {self._copied.pop()} WITH (FORCE)")
            name = f"copy{next(self._numbers)}"
            # Before 15 there is no other strategy, nor a word for it.
            strategy = " STRATEGY = FILE_COPY" if connection.info.server_version >= 150_000 else ""
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}{strategy}")
            self._copied.append(name)
        return self._url(name)

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
