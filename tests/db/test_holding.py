"""Who holds a Sketch: who sent it and who painted from it; its digest alone opens nothing to others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from core.errors import LimitReached, NotFound
from core.limits import DAY_MS, NO_LIMITS, Limits
from core.person import AUDITOR
from core.recipe import Mask, Paint, Sketch, canonical
from core.records import Keep, NewJob
from db import opening
from db.archive import SqlArchive
from tests.db.conftest import Place
from tests.support.archive import new_job, png, recipe
from tests.support.attachments import half_mask, holed, opaque

ANN, BOB = "web:ann", "web:bob"


def over(digest: str, person: str, *, named: bool = True, mask: str | None = None) -> NewJob:
    """Return a Job that starts from a Sketch: named by its digest, or out of a logged Recipe as a reroll is."""
    job = new_job(person, sketch=digest if named else None)
    start = recipe(sketch=Sketch(digest), strength=0.5, mask=None if mask is None else Mask(mask))
    return replace(job, pictures=tuple(replace(new, recipe=start) for new in job.pictures))


async def test_a_digest_somebody_else_sent_is_refused_and_nothing_is_written(archive: SqlArchive, spot: Place) -> None:
    sketch, _ = await archive.take_sketch(holed(), ANN)
    apart, _ = await archive.take_mask(half_mask((192, 128)), ANN)
    plain, _ = await archive.take_sketch(png(), BOB)
    assert sketch.mask and await archive.sketch(sketch.digest, BOB) is None
    with pytest.raises(NotFound, match="mask is not here"):
        await archive.fit_mask(apart.digest, sketch, BOB)
    for job in (over(sketch.digest, BOB), over(plain.digest, BOB, mask=sketch.mask), over("0" * 64, BOB, named=False)):
        with pytest.raises(NotFound, match="is not here"):
            await archive.accept([new_job(BOB), job], NO_LIMITS)
    for table in ("jobs", "pictures", "ledger", "moves"):
        assert spot.rows(f"SELECT * FROM {table}") == []
    await archive.accept([over(sketch.digest, ANN, mask=sketch.mask)], NO_LIMITS)


async def test_who_paints_from_anothers_sketch_holds_it_too_and_an_audit_does_not(
    archive: SqlArchive, spot: Place
) -> None:
    sketch, _ = await archive.take_sketch(holed(), ANN)
    await archive.accept([over(sketch.digest, ANN)], NO_LIMITS)
    for person in (BOB, AUDITOR.id):
        await archive.accept([over(sketch.digest, person, named=False)], NO_LIMITS)
    assert await archive.sketch(sketch.digest, BOB) == sketch, "with its transparent part"
    assert await archive.held(BOB) == [("sketch", sketch.digest)]
    assert spot.rows("SELECT DISTINCT person FROM holders ORDER BY person") == [(ANN,), (BOB,)]
    await archive.erase(ANN)
    assert await archive.sketch(sketch.digest, BOB) == sketch and await archive.file(sketch.mask or "", "mask")
    await archive.erase(BOB)
    assert spot.rows("SELECT * FROM files") == [] == spot.rows("SELECT * FROM holders")


async def test_the_same_bytes_of_two_are_each_ones_own(archive: SqlArchive, spot: Place) -> None:
    clear, _ = await archive.take_sketch(holed(), ANN)
    plain, _ = await archive.take_sketch(opaque(), BOB)
    assert clear.digest == plain.digest
    assert await archive.sketch(clear.digest, ANN) == clear, "what another sends does not change what mine was"
    assert await archive.sketch(clear.digest, BOB) == plain
    await archive.erase(BOB)
    assert await archive.sketch(clear.digest, ANN) == clear
    await archive.take_sketch(opaque(), BOB)
    await archive.erase(ANN)
    assert await archive.sketch(clear.digest, BOB) == plain and await archive.file(plain.digest, "sketch")
    assert spot.rows("SELECT kind FROM files") == [("sketch",)], "the mask was Ann's alone"


async def test_what_was_sent_again_is_kept_for_who_sent_it_last(archive: SqlArchive, spot: Place) -> None:
    sketch, _ = await archive.take_sketch(png(), ANN)
    spot.clock.tick(2 * DAY_MS / 1000)
    await archive.take_sketch(png(), BOB)
    for keep in (Keep(), Keep(sketches_days=1)):
        assert await archive.forget(keep) == {}
    assert await archive.sketch(sketch.digest, BOB)


async def test_files_sent_are_counted_by_person_and_day(archive: SqlArchive, spot: Place) -> None:
    limits, first = Limits(day_files=2), spot.clock()
    await archive.take_sketch(png((1, 1, 1)), ANN, limits)
    spot.clock.tick(60)
    await archive.take_mask(half_mask(), ANN, limits)
    for take, raw in ((archive.take_sketch, png((3, 3, 3))), (archive.take_mask, half_mask((64, 96)))):
        with pytest.raises(LimitReached, match="You sent 2 sketches") as told:
            await take(raw, ANN, limits)
        assert told.value.opens_at == first + DAY_MS
    assert len(spot.rows("SELECT * FROM files")) == 2, "not even kept"
    await archive.take_sketch(png((3, 3, 3)), BOB, limits)
    spot.clock.now = first + DAY_MS
    await archive.take_sketch(png((4, 4, 4)), ANN, limits)


async def test_an_older_log_gives_each_sketch_to_who_used_it(bare: Place) -> None:
    """A Sketch named by a Job, one that only a reroll's Recipe holds, a mask, one nobody used; an audit holds none."""
    engine = create_engine(bare.url)
    a, b, m, c = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)
    with engine.begin() as connection:
        _to(connection, "0005_masks")
        for digest, kind in ((a, "sketch"), (b, "sketch"), (m, "mask"), (c, "sketch")):
            _row(connection, "files", digest=digest, kind=kind, bytes=1, created_at=5)
        _row(connection, "clear_parts", sketch=a, mask=m)
        _row(connection, "clear_parts", sketch=b, mask=None)
        masked = recipe(sketch=Sketch(b), mask=Mask(m), strength=0.5)
        for number, (person, sketch, start) in enumerate(
            ((ANN, a, recipe(sketch=Sketch(a), strength=0.5)), (BOB, None, masked), (AUDITOR.id, None, masked))
        ):
            _old_job(connection, number, person, sketch, start)
    with engine.begin() as connection:
        opening.migrate(connection)
        found = connection.execute(text("SELECT person, kind, digest, clear, mask FROM holders")).all()
        assert {tuple(row) for row in found} == {
            (ANN, "sketch", a, "part", m), (BOB, "sketch", b, "whole", None), (BOB, "mask", m, "none", None),
        }  # fmt: skip
        _to(connection, "0005_masks", down=True)
        back = connection.execute(text("SELECT sketch, mask FROM clear_parts")).all()
        assert {tuple(row) for row in back} == {(a, m), (b, None)}
    engine.dispose()


def _to(connection: Connection, revision: str, *, down: bool = False) -> None:
    config = Config()
    config.set_main_option("script_location", str(opening.Path(opening.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    (command.downgrade if down else command.upgrade)(config, revision)


def _row(connection: Connection, table: str, **values: Any) -> None:
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)


def _old_job(connection: Connection, number: int, person: str, sketch: str | None, start: Paint) -> None:
    _row(
        connection, "jobs", id=f"J{number}", dedupe_key=f"k{number}", person=person, place="{}", face="web",
        kind="imagine", typed="", model="tiny", notes="[]", sketch=sketch, state="delivered", priority=0, weight=1,
        cost=1, attempt=1, max_attempts=3, solo=False, fence=1, not_before=0, cancel_requested=False, created_at=7,
    )  # fmt: skip
    _row(
        connection, "pictures", id=f"P{number}", job_id=f"J{number}", idx=0, person=person, role="picture",
        recipe=canonical(start), recipe_digest="e" * 64, seed=1, cost=1, state="failed",
    )  # fmt: skip


async def test_an_erased_id_is_found_by_its_tail_without_a_walk(lite: Place) -> None:
    await (await lite.open()).close()
    plan = lite.rows("EXPLAIN QUERY PLAN SELECT id FROM erased WHERE substr(id, 21) = '123456' AND id LIKE '%123456'")
    assert "INDEX erased_tail" in str(plan)
