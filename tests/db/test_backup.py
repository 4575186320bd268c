"""Backups of a log in use and the way back; nothing that is there is ever written over unasked."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import Damaged, NotAllowed, NotFound
from core.limits import Limits
from core.records import Keep, Receipt
from db import backup
from db.archive import SqlArchive
from tests.db.conftest import Place
from tests.support.archive import new_job, paint_all, png

DAY_MS = 24 * 3_600_000


async def paint(archive: SqlArchive, seed: int = 1, **over: str) -> str:
    """Paint one Picture to its end and return its file's digest."""
    await archive.accept([new_job(seed=seed, **over)], Limits())  # type: ignore[arg-type]
    claimed = await archive.claim("t", 60)
    assert claimed is not None
    job = await paint_all(archive, *claimed)
    for parcel in await archive.parcels("t", 60):
        await archive.delivered(parcel, Receipt())
    found = (await archive.pictures([job.id]))[job.id][0].file_digest
    assert found is not None
    return found


def words(log: Path) -> list[str]:
    with closing(sqlite3.connect(log)) as connection:
        return [row[0] for row in connection.execute("SELECT typed FROM jobs ORDER BY id")]


async def test_a_log_in_use_is_copied_whole_and_comes_back(lite: Place) -> None:
    (lite.data / "payer.key").write_bytes(b"k" * 32)
    (lite.data / "env").write_text("DISCORD_TOKEN=secret")
    archive = await lite.open()
    digest = await paint(archive, 1, typed="first")
    made = await archive.backup(0)
    await paint(archive, 2, typed="second")
    folder = Path(made["path"])
    assert (made["files"], made["missing"], made["deleted"], made["also"]) == (1, 0, 0, "")
    assert sorted(os.listdir(folder)) == ["files.txt", "limner.db", "manifest.json", "payer.key"]
    assert words(folder / "limner.db") == ["first"] and stat.S_IMODE((folder / "limner.db").stat().st_mode) == 0o600
    await archive.close()

    with pytest.raises(NotAllowed, match="a log already"):
        backup.restore(lite.data, made["name"], replace=False, stamp="1")
    assert words(lite.data / "limner.db") == ["first", "second"]
    picture = lite.data / "pictures" / digest[:2] / f"{digest}.png"
    picture.unlink()
    found = backup.restore(lite.data, made["name"], replace=True, stamp="1")
    assert found["missing"] == 0 and picture.is_file(), "the file came back with the log"
    assert words(lite.data / "limner.db") == ["first"]
    assert words(Path(found["aside"]) / "limner.db") == ["first", "second"], "put aside, not deleted"
    again = await lite.open()
    assert await again.file(digest, "picture")
    await again.close()


async def test_a_damaged_backup_is_refused_and_an_unknown_one_names_the_newest(lite: Place) -> None:
    archive = await lite.open()
    await paint(archive)
    made = await archive.backup(0)
    await archive.close()
    copy = Path(made["path"]) / "limner.db"
    raw = bytearray(copy.read_bytes())
    raw[4096:8192] = bytes(4096)
    copy.write_bytes(raw)
    before = (lite.data / "limner.db").read_bytes()
    with pytest.raises(Damaged, match="backup"):
        backup.restore(lite.data, made["name"], replace=True, stamp="1")
    with pytest.raises(NotFound) as caught:
        backup.restore(lite.data, "limner-none", replace=True, stamp="1")
    assert made["name"] in caught.value.hint
    assert (lite.data / "limner.db").read_bytes() == before


async def test_a_damaged_log_names_the_backup_and_is_never_replaced_by_an_empty_one(lite: Place) -> None:
    archive = await lite.open()
    await paint(archive)
    made = await archive.backup(0)
    await archive.close()
    log = lite.data / "limner.db"
    for harm in (b"not a database!!" * 300, b""):
        log.write_bytes(harm)
        with pytest.raises(Damaged) as caught:
            await lite.open()
        assert f"./limner restore {made['name']} --replace" in caught.value.hint
        assert log.read_bytes() == harm
    backup.restore(lite.data, made["name"], replace=True, stamp="1")
    await (await lite.open()).close()


async def test_old_backups_go_with_the_files_no_other_names_but_never_the_newest(lite: Place) -> None:
    archive = await lite.open()
    digest = await paint(archive, 1)
    first = await archive.backup(2)
    pool = lite.data / "backups" / "files" / "pictures" / digest[:2] / f"{digest}.png"
    assert pool.is_file()
    lite.change(lambda connection: connection.exec_driver_sql("DELETE FROM files"))
    lite.clock.now += 3 * DAY_MS
    second = await archive.backup(2)
    assert second["deleted"] == 1 and first["name"] not in os.listdir(pool.parents[3]) and not pool.exists()
    lite.clock.now += 30 * DAY_MS
    third = await archive.backup(0)
    assert third["deleted"] == 0 and second["name"] in os.listdir(pool.parents[3])
    assert json.loads((Path(third["path"]) / "manifest.json").read_text())["name"] == third["name"]
    await archive.close()


async def test_postgresql_copies_the_files_and_names_the_dump(spot: Place) -> None:
    archive = await spot.open()
    digest = await paint(archive)
    made = await archive.backup(0)
    await archive.close()
    assert made["files"] == 1
    assert (spot.data / "backups" / "files" / "pictures" / digest[:2] / f"{digest}.png").is_file()
    if spot.url.startswith("postgresql"):
        assert made["also"].startswith("pg_dump --format=custom")
        with pytest.raises(NotFound, match="PostgreSQL"):
            backup.restore(spot.data, made["name"], replace=False, stamp="1")


def age(spot: Place, digest: str) -> Path:
    """Let a file look as old as its row."""
    [path] = [path for path in spot.data.glob(f"*/*/{digest}.png") if "backups" not in path.parts]
    os.utime(path, (1, 1))
    return path


async def test_nothing_goes_where_nothing_is_set_but_sketches_nobody_used(spot: Place) -> None:
    archive = await spot.open()
    spare, _ = await archive.take_sketch(png(), "web:owner")
    used, _ = await archive.take_sketch(png((1, 2, 3)), "web:owner")
    picture = await paint(archive, sketch=used.digest)
    paths = [age(spot, each) for each in (spare.digest, used.digest, picture)]
    assert await archive.forget(Keep()) == {}, "it came today"
    spot.clock.now += 2 * DAY_MS
    assert await archive.forget(Keep()) == {("sketch", "unused"): 1}
    assert [path.exists() for path in paths] == [False, True, True]
    assert await archive.sketch(spare.digest, "web:owner") is None
    await archive.close()


async def test_old_pictures_go_their_rows_stay_and_say_so(spot: Place) -> None:
    archive = await spot.open()
    old = await paint(archive, 1)
    path = age(spot, old)
    spot.clock.now += 3 * DAY_MS
    new = await paint(archive, 2)
    assert await archive.forget(Keep(pictures_days=2)) == {("picture", "age"): 1}
    assert not path.exists() and await archive.file(new, "picture")
    assert spot.rows("SELECT state, file_digest IS NULL FROM pictures ORDER BY id") == [
        ("stored", True), ("stored", False),
    ]  # fmt: skip
    await archive.close()


async def test_a_full_budget_takes_the_unshown_first_and_then_the_oldest(spot: Place) -> None:
    archive = await spot.open()
    digests = []
    for seed in (1, 2, 3):
        digests.append(await paint(archive, seed))
        spot.clock.tick(60)
    spot.change(lambda connection: connection.exec_driver_sql("UPDATE files SET bytes = 600000"))
    unshown = f"SELECT job_id FROM pictures WHERE file_digest = '{digests[2]}'"
    spot.change(lambda c: c.exec_driver_sql(f"UPDATE jobs SET state = 'undeliverable' WHERE id = ({unshown})"))
    paths = [age(spot, each) for each in digests]
    assert await archive.forget(Keep(disk_mb=1)) == {("picture", "disk"): 2}
    assert [path.exists() for path in paths] == [False, True, False]
    await archive.close()


async def test_a_file_just_written_again_stays(spot: Place) -> None:
    archive = await spot.open()
    digest = await paint(archive, 1)
    path = age(spot, digest)
    spot.clock.now += 3 * DAY_MS
    just_now = spot.clock.now / 1000 - 60
    os.utime(path, (just_now, just_now))
    assert await archive.forget(Keep(pictures_days=1)) == {} and path.exists()
    await archive.close()
