"""Files: durable before the row, kept once, checked when read, swept when lost."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from core.errors import Damaged, NotFound
from core.limits import Limits
from core.progress import Painted
from core.records import Reply
from db.archive import SqlArchive
from db.files import Files
from tests.db.conftest import Place
from tests.support.archive import new_job, paint_all, painted, png

NONE = Limits()


async def stored(archive: SqlArchive, seed: int = 1) -> tuple[Painted, str]:
    """Paint one Picture; return what was painted and the digest of its file."""
    await archive.accept([new_job(seed=seed)], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    made = painted(claimed[1][0])
    found = await archive.store(claimed[0], claimed[1][0], made)
    await archive.finish(claimed[0])
    assert found.file_digest
    return made, found.file_digest


async def test_a_picture_lies_under_its_digest(archive: SqlArchive, spot: Place) -> None:
    made, digest = await stored(archive)
    assert digest == hashlib.sha256(made.png).hexdigest()
    path = spot.data / "pictures" / digest[:2] / f"{digest}.png"
    assert path.read_bytes() == made.png == await archive.file(digest, "picture")
    assert spot.rows("SELECT digest, kind, bytes FROM files") == [(digest, "picture", len(made.png))]
    assert list(path.parent.iterdir()) == [path]


async def test_equal_pictures_are_one_file(archive: SqlArchive, spot: Place) -> None:
    _, first = await stored(archive)
    _, second = await stored(archive)
    assert first == second
    assert len(spot.rows("SELECT * FROM files")) == 1
    assert len(spot.rows("SELECT * FROM pictures WHERE state = 'stored'")) == 2


async def test_the_file_is_there_before_the_row(spot: Place) -> None:
    seen: list[tuple[int, int]] = []

    def at(point: str) -> None:
        if point == "after_picture_file":
            rows = spot.rows("SELECT * FROM pictures WHERE state = 'stored'")
            seen.append((len(list(spot.data.glob("pictures/*/*.png"))), len(rows)))

    archive = await spot.open(at=at)
    await stored(archive)
    assert seen == [(1, 0)]
    await archive.close()


async def test_what_is_written_is_flushed_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def flushed(handle: int) -> None:
        fsync(handle)
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file")

    def renamed(path: Path, target: Path) -> Path:
        done.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    Files(tmp_path, os.urandom).keep(b"bytes", "picture")
    assert done == ["file", "rename", "folder", "folder"]


async def test_a_damaged_file_is_named(archive: SqlArchive, spot: Place) -> None:
    made, digest = await stored(archive)
    path = spot.data / "pictures" / digest[:2] / f"{digest}.png"
    path.write_bytes(made.png[:-1] + b"x")
    with pytest.raises(Damaged, match=digest):
        await archive.file(digest, "picture")
    again, _ = await stored(archive)
    assert await archive.file(digest, "picture") == again.png


async def test_a_file_that_is_gone_or_never_was(archive: SqlArchive, spot: Place) -> None:
    _, digest = await stored(archive)
    (spot.data / "pictures" / digest[:2] / f"{digest}.png").unlink()
    for asked in (digest, "0" * 64, "../../limner.db", "", "a" * 63 + "/"):
        with pytest.raises(NotFound):
            await archive.file(asked, "picture")


async def test_the_sweep_takes_what_is_lost_and_old(archive: SqlArchive, spot: Place) -> None:
    _, digest = await stored(archive)
    info, _ = await archive.take_sketch(png(size=(80, 80)), "web:owner")
    folder = spot.data / "pictures" / "00"
    folder.mkdir(exist_ok=True)
    lost, part, young = folder / f"{'00' * 32}.png", folder / "x.png.ab.part", folder / f"{'01' * 32}.png"
    wrong = spot.data / "sketches" / digest[:2] / f"{digest}.png"
    wrong.parent.mkdir(exist_ok=True)
    hour = spot.clock.now / 1000 - 3600
    for path in (lost, part, young, wrong):
        path.write_bytes(b"x")
        os.utime(path, (hour - 1, hour - 1))
    os.utime(young, (hour + 1, hour + 1))
    kept = [path for path in spot.data.glob("*/??/*.png") if path not in (lost, young, wrong)]
    for path in kept:
        os.utime(path, (1, 1))
    assert await archive.sweep() == 3
    assert young.exists()
    assert not lost.exists() and not part.exists() and not wrong.exists()
    assert all(path.exists() for path in kept)
    assert len(kept) == 2 and await archive.sketch(info.digest, "web:owner") == info


async def test_a_kill_between_file_and_row_paints_the_same_again(spot: Place) -> None:
    class Killed(BaseException):
        pass

    armed = [True]

    def at(point: str) -> None:
        if point == "before_store_commit" and armed.pop():
            raise Killed

    archive = await spot.open(at=at)
    reply = Reply(token="t")
    [(job, _)] = await archive.accept([new_job(reply=reply)], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    with pytest.raises(Killed):
        await archive.store(claimed[0], claimed[1][0], painted(claimed[1][0]))
    await archive.close()
    armed.append(False)
    archive = await spot.open(at=at)
    assert spot.rows("SELECT * FROM files") == []
    assert await archive.restart() == 1
    spot.clock.tick(2)
    claimed = await archive.claim("w", 15)
    assert claimed and claimed[0].id == job.id
    armed.append(False)
    assert (await paint_all(archive, *claimed)).state == "rendered"
    assert len(list(spot.data.glob("pictures/*/*"))) == 1
    await archive.close()
