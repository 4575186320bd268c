"""Fixtures of the Archive's tests: the same Archive on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine

from db.archive import SqlArchive
from db.opening import migrate
from tests.support.archive import Ticks, open_archive
from tests.support.postgres import Cluster, postgres

__all__ = ["postgres"]


@dataclass
class Place:
    """Where one test keeps its Archive, its clock, and a way to look at the rows beside it."""

    url: str
    data: Path
    pool: ThreadPoolExecutor
    clock: Ticks = field(default_factory=Ticks)
    points: list[str] = field(default_factory=list)

    async def open(self, **over: Any) -> SqlArchive:
        """Open an Archive here."""
        given = {"url": self.url, "clock": self.clock, "pool": self.pool, "at": self.points.append}
        return await open_archive(self.data, **(given | over))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what stands in the database."""
        engine = create_engine(self.url)
        with engine.connect() as connection:
            found = [tuple(row) for row in connection.exec_driver_sql(sql)]
        engine.dispose()
        return found

    def change(self, work: Callable[[Connection], object]) -> None:
        """Change the database behind the Archive's back."""
        engine = create_engine(self.url)
        with engine.begin() as connection:
            work(connection)
        engine.dispose()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Give a pool of four."""
    with ThreadPoolExecutor(4) as running:
        yield running


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite file as the migrations leave it, to be copied: they take longer than most tests."""
    file = tmp_path_factory.mktemp("migrated") / "limner.db"
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        migrate(connection)
    engine.dispose()
    return file


@pytest.fixture(params=["sqlite", "postgres"])
def spot(request: pytest.FixtureRequest, tmp_path: Path, pool: ThreadPoolExecutor, migrated: Path) -> Place:
    """Give a place without rows on each database."""
    if request.param == "sqlite":
        shutil.copyfile(migrated, tmp_path / "limner.db")
        return Place(f"sqlite:///{tmp_path / 'limner.db'}", tmp_path, pool)
    cluster: Cluster = request.getfixturevalue("postgres")
    return Place(cluster.migrated(), tmp_path, pool)


@pytest.fixture(params=["sqlite", "postgres"])
def bare(request: pytest.FixtureRequest, tmp_path: Path, pool: ThreadPoolExecutor) -> Place:
    """Give a place without a schema on each database, for what migrations do."""
    if request.param == "sqlite":
        return Place(f"sqlite:///{tmp_path / 'limner.db'}", tmp_path, pool)
    cluster: Cluster = request.getfixturevalue("postgres")
    return Place(cluster.fresh(), tmp_path, pool)


@pytest.fixture
def lite(tmp_path: Path, pool: ThreadPoolExecutor) -> Place:
    """Give an empty place on SQLite, for what has nothing to do with the database."""
    return Place(f"sqlite:///{tmp_path / 'limner.db'}", tmp_path, pool)


@pytest.fixture
async def archive(spot: Place) -> AsyncIterator[SqlArchive]:
    """Give an open Archive on each database."""
    found = await spot.open()
    yield found
    await found.close()
