"""The eleven promises, one test each, of the whole program; where other tests hold the details, they are named."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import pickle
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from build import HOME, Program
from core.errors import BadInput, CannotBind, ModelUnavailable, StudioError
from core.person import OWNER, Person
from core.sheet import JobSheet
from parts import settle
from tests.crash.harness import ENDED
from tests.promises.conftest import KILLS, Life
from tests.support import page
from tests.support.fake_engine import FakeEngine
from tests.support.program import PLACE, ask, done, ended, running
from web.app import Page

LONGEST_S = 0.05
LIVES = 6


def test_p1_no_accepted_job_is_lost(life: Life) -> None:
    """Every point and random moments: tests/crash; every order of steps: tests/db/test_machine.py."""
    assert life.verdict.accepted == len(KILLS) and life.verdict.lost == 0
    assert all(state in ENDED for (state,) in life.rows("SELECT state FROM jobs"))


def test_p2_work_may_be_done_twice_but_one_result_is_taken(life: Life) -> None:
    """One message in a chat: tests/crash/test_chat.py; fences: tests/db/test_machine.py."""
    assert max(attempt for (attempt,) in life.rows("SELECT attempt FROM jobs")) > 1, "nothing was done twice"
    assert life.verdict.doubled == 0
    stores = life.rows("SELECT job_id, why, count(*) FROM moves WHERE why LIKE 'store %' GROUP BY job_id, why")
    assert len(stores) == 2 * len(KILLS) and {count for _, _, count in stores} == {1}
    assert {count for _, count in life.rows("SELECT job_id, count(*) FROM outbox GROUP BY job_id")} == {1}


def test_p3_every_accepted_job_is_settled_exactly_once(life: Life) -> None:
    """Partial results and refunds: tests/db/test_moves.py."""
    kinds = life.rows("SELECT job_id, kind, count(*) FROM ledger GROUP BY job_id, kind")
    assert len(kinds) == 3 * len(KILLS) and {count for _, _, count in kinds} == {1}
    sums = life.rows("SELECT sum(CASE kind WHEN 'hold' THEN amount ELSE -amount END) FROM ledger GROUP BY job_id")
    assert {left for (left,) in sums} == {0} and life.verdict.charged_twice == 0


def test_p4_what_is_shown_was_logged_before(life: Life) -> None:
    """In a chat, at the moment each picture comes: tests/crash/chat.py looks into the log."""
    assert len(life.history.shown) == 2 * len(KILLS) and life.verdict.shown_before_logged == 0
    for picture, digest in life.rows("SELECT id, file_digest FROM pictures WHERE state = 'stored'"):
        file = life.data / "pictures" / digest[:2] / f"{digest}.png"
        assert hashlib.sha256(file.read_bytes()).hexdigest() == digest, picture


async def test_p5_the_same_recipe_paints_the_same_picture(life: Life, tmp_path: Path) -> None:
    """With the real engine, alone and in company: tests/test_end_to_end.py, tests/test_exactness.py."""
    sql = "SELECT recipe_digest, pixels_digest FROM pictures ORDER BY seed"
    async with running(tmp_path, lambda *_: FakeEngine()) as undisturbed:
        calm = [await done(undisturbed, words) for words in life.history.sent.values()]
    painted = [(each["recipe_digest"], each["pixels_digest"]) for job in calm for each in job["pictures"]]
    assert life.rows(sql) == painted, "an attempt after a kill painted something else"


async def test_p6_every_failure_says_what_happened_and_what_to_do(tmp_path: Path) -> None:
    """Every error: tests/test_docs.py; every refused word: tests/core/test_grammar_refusals.py."""
    async with running(tmp_path, lambda *_: FakeEngine()) as program:
        for word in ("badbegin", "badstep", "baddecode", "badwrap", "nan", "oom"):
            sheet = await done(program, f"a {word} heart --steps 3")
            assert sheet["state"] == "failed", word
            said = sheet["error"] or ""
            assert said.endswith(".") and len(said.split()) > 3 and "Error" not in said, said
        for words in ("a heart --steps 0", "a heart --stepz 3", "--steps 3", "x" * 2001, "a heart --size 7x7"):
            with pytest.raises(StudioError) as told:
                await ask(program, words)
            assert told.value.sentence and told.value.hint, words


async def test_p7_a_poison_job_ends_after_three_attempts_and_others_go_on(tmp_path: Path) -> None:
    """What broke a device twice runs alone: tests/inference/test_queue.py."""
    jobs: list[str] = []
    for _ in range(LIVES):
        async with running(tmp_path, lambda *_: FakeEngine()) as program:
            if not jobs:
                jobs = [(await ask(program, words))["id"] for words in ("a cudaerror heart", "a heart --steps 2")]
            ends = asyncio.create_task(_all_ended(program, jobs))
            broken = asyncio.create_task(program.queue.broken.wait())
            async with asyncio.timeout(60):
                await asyncio.wait([ends, broken], return_when=asyncio.FIRST_COMPLETED)
            broken.cancel()
            if ends.done():
                poison, neighbour = ends.result()
                break
            ends.cancel()
            await asyncio.wait([ends])
    assert (poison["state"], poison["attempt"], neighbour["state"]) == ("failed", 3, "delivered")
    with closing(sqlite3.connect(tmp_path / "limner.db")) as base:
        sql = "SELECT kind, amount FROM ledger WHERE job_id = ? AND kind != 'hold'"
        assert sorted(base.execute(sql, [jobs[0]])) == [("charge", 0), ("release", poison["cost"])]


async def test_p8_the_event_loop_is_never_blocked_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in the loop's own work, so that a busy machine fails nobody; the gauge: tests/core/test_meters.py."""
    longest: list[tuple[float, str]] = [(0.0, "")]
    real = asyncio.Handle._run  # type: ignore[attr-defined]

    def timed(handle: asyncio.Handle) -> None:
        began = time.thread_time()
        real(handle)
        longest[0] = max(longest[0], (time.thread_time() - began, repr(handle)))

    async with running(tmp_path, lambda *_: FakeEngine(step_s=0.001)) as program:
        await settle(program.queue.ready)
        with monkeypatch.context() as patched:
            patched.setattr(asyncio.Handle, "_run", timed)
            many = [await ask(program, f"a heart --n 4 --steps 6 --seed {number}") for number in range(12)]
            await asyncio.gather(*(ended(program, job["id"]) for job in many))
    gc.unfreeze()
    assert 0 < longest[0][0] < LONGEST_S, longest


async def test_p9_erased_means_erased(tmp_path: Path) -> None:
    """Backups, files others need, jobs that run: tests/db/test_erasing.py, tests/db/test_backup.py."""
    person, other = Person("web:a"), Person("web:b")

    def kept() -> bytes:
        return b"".join(path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file())

    async with running(tmp_path, lambda *_: FakeEngine()) as program:
        mine = await done(program, "a xyzzyfrobozz heart --n 2 --steps 2", person)
        theirs = await done(program, "a plughtower --steps 2", other)
        assert b"xyzzyfrobozz" in kept()
        await program.studio.people.erase(person, "erase")
        assert b"xyzzyfrobozz" not in kept() and b"web:a" not in kept() and b"plughtower" in kept()
        files = {path.stem for path in (tmp_path / "pictures").rglob("*.png")}
        with pytest.raises(StudioError):
            await program.studio.job(person, PLACE, mine["id"])
        assert (await program.studio.job(other, PLACE, theirs["id"]))["pictures"][0]["state"] == "stored"
    assert len(files) == 1


async def test_p10_nothing_from_outside_runs_as_code(tmp_path: Path) -> None:
    """Each kind of file by itself: tests/inference (models, families), tests/db/test_intake.py."""
    mark, data = tmp_path / "it ran", tmp_path / "data"
    data.mkdir()
    folder = shutil.copytree(HOME / "models" / "builtin", tmp_path / "mine")
    (folder / "unet" / "old.bin").write_bytes(pickle.dumps(Bomb(mark)))
    (folder / "pipeline.py").write_text(f"open({str(mark)!r}, 'w')")
    (tmp_path / "bomb.gguf").write_bytes(pickle.dumps(Bomb(mark)))
    environ = {
        "LIMNER__MODELS__DEFAULT": "mine",
        "LIMNER__MODELS__FOLDERS": f'{{mine = "{folder}", few = "{HOME}/models/builtin"}}',
        "LIMNER__MODELS__QUANTISED": f'{{few = "{tmp_path}/bomb.gguf"}}',
    }
    async with running(data, lambda *_: FakeEngine(), environ, start=False) as program:
        with pytest.raises(ModelUnavailable, match="mine"):
            await ask(program, "a heart")
        with pytest.raises(ModelUnavailable, match=r"bomb\.gguf is a pickle with another name"):
            await ask(program, "a heart --model few")
        with pytest.raises(BadInput):
            await program.studio.take_sketch(OWNER, PLACE, pickle.dumps(Bomb(mark)))
    assert not mark.exists()
    with pytest.raises(FileExistsError):
        # The bomb would have gone off.
        mark.mkdir()
        pickle.loads(pickle.dumps(Bomb(mark)))


async def test_p11_loopback_means_loopback(tmp_path: Path) -> None:
    """Each header by itself: tests/web/test_guards.py; each address: tests/web/test_binding.py."""
    async with page.running(tmp_path) as site, page.visiting(site) as browser:
        foreign = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
        async with browser.post("/api/jobs", json={"words": "a heart"}, headers=foreign) as answer:
            assert answer.status == 403
        async with browser.get("/api/jobs", headers=foreign) as answer:
            assert answer.status == 403 and "Access-Control-Allow-Origin" not in answer.headers
        assert await site.program.archive.last_move() == 0
        [mine] = await page.ask(browser)
        assert (await page.settled(browser, mine["id"]))["state"] == "delivered"
        mine_too = site.page
        beyond = Page(
            mine_too._studio, mine_too._archive, host="0.0.0.0", port=0, clock=mine_too._clock, bearer="b",
            secret="s", randomness=mine_too._randomness,
        )  # fmt: skip
        with pytest.raises(CannotBind):
            await beyond.start()


async def _all_ended(program: Program, jobs: list[str]) -> list[JobSheet]:
    return [await ended(program, job) for job in jobs]


class Bomb:
    """Make a folder when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.mkdir, (self.mark,)
