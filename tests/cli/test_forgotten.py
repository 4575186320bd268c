"""What retention took, as who asks for it meets it: shown and painted again by its recipe, or refused in words."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from build import Program
from core.errors import DiskFull
from core.person import OWNER
from core.records import Keep
from core.wording import FILE_GONE
from tests.support.archive import png
from tests.support.program import ended
from tests.support.shell import Shell, beside, running


async def forget(program: Program, data: Path, keep: Keep) -> None:
    """Let everything grow old, then let retention pass."""
    with closing(sqlite3.connect(data / "limner.db")) as log, log:
        log.execute("UPDATE files SET created_at = 1")
        log.execute("UPDATE pictures SET stored_at = 1")
        log.execute("UPDATE holders SET at = 1")
    make_old(data)
    await program.archive.forget(keep)


def make_old(data: Path) -> None:
    for path in data.glob("*/*/*.png"):
        os.utime(path, (1, 1))


def there(name: str) -> bool:
    return Path(name).is_file()


def charged(data: Path) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(data / "limner.db")) as log:
        return log.execute("SELECT kind, amount FROM ledger ORDER BY at, job_id, kind").fetchall()


async def painted(program: Program, shell: Shell, *words: str, seed: int = 4) -> str:
    """Paint and return the Picture's id, once its Job is delivered."""
    assert await shell.type("imagine", f"a heart --seed {seed}", *words, "--json") == 0, shell.err
    (job,) = json.loads(shell.out)
    await ended(program, job["id"])
    return str(job["pictures"][0]["id"])


async def test_a_picture_whose_file_went_is_shown_painted_again_and_enlarged_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.chdir(tmp_path)
    async with running(data) as program, beside(program) as remote:
        for seed, studio in enumerate((program.studio, remote)):
            shell = Shell(studio)
            id_ = await painted(program, shell, seed=seed)
            await forget(program, data, Keep(pictures_days=1))
            assert await shell.type("show", id_) == 0 and FILE_GONE in shell.out
            assert await shell.type("show", id_, "--out", "gone.png") == 2
            assert FILE_GONE in shell.err and not there("gone.png")
            before = charged(data)
            assert await shell.type("upscale", id_) == 2
            assert f"is kept no longer. Reproduce {id_[-6:]} first." in shell.err
            assert charged(data) == before, "what is refused costs nothing"
            assert await shell.type("reproduce", id_, "--out", "again.png") == 0
            assert shell.out.strip() == "identical" and there("again.png")
            assert await shell.type("upscale", id_) == 0


async def test_a_recipe_whose_sketch_went_is_refused_in_words_and_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "sketch.png").write_bytes(png((9, 9, 9), (96, 64)))
    monkeypatch.chdir(tmp_path)
    async with running(data) as program, beside(program) as remote:
        id_ = await painted(program, Shell(program.studio), "--sketch", "sketch.png")
        await forget(program, data, Keep(sketches_days=1))
        before = charged(data)
        for studio in (program.studio, remote):
            shell = Shell(studio)
            for verb in ("reroll", "vary", "reproduce"):
                assert await shell.type(verb, id_) == 2
                assert "The sketch it starts from is kept no longer" in shell.out + shell.err, verb
            assert await shell.type("show", id_, "--out", "kept.png") == 0, "the picture itself is still there"
        assert charged(data) == before


async def test_an_export_that_finds_no_room_is_a_sentence_on_every_side(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    async with running(data) as program, beside(program) as remote:
        shell = Shell(program.studio)
        code = await shell.type("imagine", "a heart --n 4 --steps 2 --size 512x512", "--out", str(tmp_path))
        assert code == 0, shell.err
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        # No file may grow beyond this: the kernel refuses the export as it would on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        try:
            for studio in (program.studio, remote):
                with pytest.raises(DiskFull, match="no room on the disk for an export"):
                    async for _ in studio.people.export(OWNER):
                        raise AssertionError("a broken zip went out")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert len([piece async for piece in program.studio.people.export(OWNER)]) >= 1
