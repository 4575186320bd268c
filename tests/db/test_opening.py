"""Opening: pragmas as promised, and a damaged database that is named and left alone."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.errors import Damaged
from core.limits import Limits
from db import opening
from tests.db.conftest import Place
from tests.support.archive import new_job, paint_all

NONE = Limits()


async def filled(lite: Place) -> Path:
    """Leave a database with one Job behind, and return its path."""
    archive = await lite.open()
    await archive.accept([new_job()], NONE)
    await archive.close()
    return lite.data / "limner.db"


def spoil(path: Path) -> None:
    """Damage the page that holds the Jobs, and no other."""
    beside = sqlite3.connect(path)
    [page] = beside.execute("SELECT rootpage FROM sqlite_master WHERE name = 'jobs'").fetchone()
    beside.close()
    raw = path.read_bytes()
    start = (page - 1) * 4096
    path.write_bytes(raw[:start] + b"\xff" * 64 + raw[start + 64 :])


def content(path: Path) -> bytes | None:
    """Return a file's bytes, None where there is none."""
    return path.read_bytes() if path.exists() else None


async def refused(lite: Place, path: Path) -> Damaged:
    """Open, be refused, and find the file as it was."""
    before = content(path)
    with pytest.raises(Damaged) as told:
        await lite.open()
    assert content(path) == before
    assert str(path) in told.value.sentence
    return told.value


async def test_the_connections_are_as_promised(lite: Place) -> None:
    archive = await lite.open(synchronous="FULL")

    def pragmas(session: object) -> list[object]:
        names = ("journal_mode", "synchronous", "secure_delete", "foreign_keys", "busy_timeout", "query_only")
        return [session.execute(text(f"PRAGMA {name}")).scalar() for name in names]  # type: ignore[attr-defined]

    assert await archive._store.write(pragmas) == ["wal", 2, 1, 1, 5000, 0]
    assert await archive._store.write(pragmas, wait_ms=1000) == ["wal", 2, 1, 1, 1000, 0]
    assert (await archive._store.read(pragmas))[-1] == 1
    await archive.close()


async def test_a_reader_cannot_write(spot: Place) -> None:
    archive = await spot.open()
    with pytest.raises(Exception, match=r"readonly|read-only|cannot be reached"):
        await archive._store.read(lambda s: s.execute(text("DELETE FROM jobs")))
    await archive.close()


async def test_a_writer_holds_the_file_from_its_first_statement(lite: Place) -> None:
    archive = await lite.open()

    def look(_: object) -> str:
        other = sqlite3.connect(lite.data / "limner.db", isolation_level=None, timeout=0)
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            return str(error)
        finally:
            other.close()
        return "let in"

    assert await archive._store.write(look) == "database is locked"
    await archive.close()


@pytest.mark.fault("F9", "the program does not start, names the newest backup and writes nothing over the file")
async def test_a_damaged_header_names_the_newest_backup(lite: Place) -> None:
    path = await filled(lite)
    shutil.copy(path, lite.data / "backups" / "old.db")
    shutil.copy(path, lite.data / "backups" / "new.db")
    os.utime(lite.data / "backups" / "old.db", (1, 1))
    raw = bytearray(path.read_bytes())
    raw[:16] = b"not a database!!"
    path.write_bytes(raw)
    told = await refused(lite, path)
    assert "new.db" in told.hint
    assert "old.db" not in told.hint


async def test_a_damaged_schema_is_refused(lite: Place) -> None:
    path = await filled(lite)
    raw = bytearray(path.read_bytes())
    raw[100:2000] = os.urandom(1900)
    path.write_bytes(raw)
    assert "no backup" in (await refused(lite, path)).hint


async def test_a_file_cut_short_is_refused(lite: Place) -> None:
    path = await filled(lite)
    path.write_bytes(path.read_bytes()[:50])
    await refused(lite, path)


@pytest.mark.fault("F9", "after an unclean stop every page is checked")
async def test_after_an_unclean_stop_every_page_is_checked(lite: Place) -> None:
    path = await filled(lite)
    spoil(path)
    # A clean stop: the quick check alone, which looks no further than the schema.
    opening.look(lite.url, lite.data, lite.data)
    path.with_name("limner.db-wal").write_bytes(b"left behind")
    await refused(lite, path)


@pytest.mark.parametrize("empty", [True, False])
async def test_no_empty_log_is_begun_beside_pictures(lite: Place, empty: bool) -> None:
    path = await filled(lite)
    picture = lite.data / "pictures" / "ab" / f"{'ab' * 32}.png"
    picture.parent.mkdir()
    picture.write_bytes(b"x")
    path.unlink()
    if empty:
        path.touch()
    await refused(lite, path)


async def test_no_empty_log_is_begun_where_the_files_lie_elsewhere(lite: Place, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    picture = elsewhere / "pictures" / "ab" / f"{'ab' * 32}.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"x")
    with pytest.raises(Damaged, match="its pictures or backups are there"):
        await lite.open(files_in=elsewhere)


async def test_an_empty_file_and_nothing_else_is_a_first_start(lite: Place) -> None:
    (lite.data / "limner.db").touch()
    archive = await lite.open()
    await archive.accept([new_job()], NONE)
    await archive.close()


@pytest.mark.fault("F9", "found while it runs: nothing more is accepted, and it is said")
async def test_damage_found_while_it_runs_stops_accepting(lite: Place) -> None:
    archive = await lite.open()
    archive._store.examine_later(lambda: Damaged("The database is damaged."))
    with pytest.raises(Damaged):
        await archive.accept([new_job()], NONE)
    await archive.close()


async def test_damage_met_by_a_reader_stops_accepting(lite: Place) -> None:
    path = await filled(lite)
    spoil(path)
    with pytest.raises(Damaged):
        archive = await lite.open()
        try:
            await archive.history("web:owner", None, 5)
        finally:
            with pytest.raises(Damaged):
                await archive.accept([new_job()], NONE)
            await archive.close()


@pytest.mark.parametrize(
    ("version", "warned"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 0), False),
        ((3, 6, 9), False),
    ],
)
def test_the_wal_reset_bug_is_known_by_version(version: tuple[int, int, int], warned: bool) -> None:
    assert opening.warn_of_wal_reset(version) is warned


async def test_the_wal_is_folded_in_at_close(lite: Place) -> None:
    path = await filled(lite)
    assert not path.with_name("limner.db-wal").exists()


async def test_closing_waits_for_a_read_whose_caller_is_gone(spot: Place) -> None:
    """Else its connection goes back to readers that are closed already, and nobody closes it."""
    archive = await spot.open()
    begun, go_on, said = threading.Event(), threading.Event(), list[str]()

    def slow(session: Session) -> None:
        session.execute(text("SELECT 1"))
        begun.set()
        go_on.wait()
        said.append("read")

    reading = asyncio.create_task(archive._store.read(slow))
    await asyncio.to_thread(begun.wait)
    reading.cancel()
    closing = asyncio.create_task(archive.close())
    closing.add_done_callback(lambda _: said.append("closed"))
    await asyncio.wait([reading])
    asyncio.get_running_loop().call_later(0.1, go_on.set)
    await closing
    assert said == ["read", "closed"]


async def test_what_was_deleted_leaves_no_bytes(lite: Place) -> None:
    archive = await lite.open()
    await archive.accept([new_job(typed="SECRETWORDS" * 50, prompt="SECRETWORDS")], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    await paint_all(archive, *claimed)
    await archive._store.write(lambda s: s.execute(text("DELETE FROM jobs")))
    await archive.close()
    assert b"SECRETWORDS" not in (lite.data / "limner.db").read_bytes()
