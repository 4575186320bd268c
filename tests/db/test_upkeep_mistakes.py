"""Mistakes planted in retention, backup, restore and who holds what: the test of each promise must see its own."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from core.errors import StudioError
from db import backup, holding, opening, retention
from tests.db import test_backup, test_holding, test_retention
from tests.db.conftest import Place

Scenario = Callable[[Place], Awaitable[None]]
DROP, DOOMED, BRING, COPY_LOG = retention.drop, retention.doomed, backup._bring, backup._copy_log
WANTED = holding.wanted


def opened(test: Callable[..., Awaitable[None]]) -> Scenario:
    """Return a scenario that wants an open Archive."""

    async def run(spot: Place) -> None:
        archive = await spot.open()
        try:
            await test(archive, spot)
        finally:
            await archive.close()

    return run


def forget_rows_alone(session: Session, now: int, files: Any) -> list[Any]:
    """Planted mistake: a Picture's row goes on naming a file that was deleted."""
    before = session.execute(retention.select(retention.PictureRow.id, retention.PictureRow.file_digest)).all()
    gone = DROP(session, now, files)
    for id_, digest in before:
        row = session.get_one(retention.PictureRow, id_)
        row.file_digest = digest
    return gone


def first_alone(session: Session, now: int, keep: Any) -> list[Any]:
    """Planted mistake: one file a day goes, however many should."""
    return DOOMED(session, now, keep)[:1]


def without_wal(log: Path, to: Path) -> Any:
    """Planted mistake: the log's file is copied, and what still stands in its WAL is not."""
    rows = COPY_LOG(log, to)
    shutil.copyfile(log, to)
    return rows


def sound(path: Path, *, whole: bool) -> str:
    """Planted mistake: nothing is found wrong with any log."""
    return ""


MISTAKES: list[tuple[str, Any, str, Any, Scenario]] = [
    ("parents of open jobs go", retention, "_parents", lambda _: set(),
     opened(test_retention.test_the_parent_of_an_open_job_stays_until_it_has_ended)),
    ("what an enlargement is made from goes", retention, "_parents", lambda _: set(),
     opened(test_retention.test_what_an_enlargement_to_make_again_was_made_from_stays)),
    ("sketches of open jobs go", retention, "_busy", lambda _: set(),
     opened(test_retention.test_a_job_accepted_while_it_was_looked_what_goes_keeps_its_files)),
    ("used sketches go as unused ones", holding, "wanted", lambda since, used: WANTED(since, used=False),
     test_backup.test_nothing_goes_where_nothing_is_set_but_sketches_nobody_used),
    ("a digest opens what another sent", holding, "admit", lambda session, job: None,
     opened(test_holding.test_a_digest_somebody_else_sent_is_refused_and_nothing_is_written)),
    ("who paints from it holds nothing", holding, "use", lambda session, job: None,
     opened(test_holding.test_who_paints_from_anothers_sketch_holds_it_too_and_an_audit_does_not)),
    ("erasing takes what another sent too", holding, "_kept", lambda session, digests: set(),
     opened(test_holding.test_the_same_bytes_of_two_are_each_ones_own)),
    ("files sent are not counted", holding, "check", lambda session, now, person, limits: None,
     opened(test_holding.test_files_sent_are_counted_by_person_and_day)),
    ("rows name files that went", retention, "drop", forget_rows_alone,
     test_backup.test_old_pictures_go_their_rows_stay_and_say_so),
    ("nothing grows old", retention, "DAY_MS", 10**12, test_backup.test_old_pictures_go_their_rows_stay_and_say_so),
    ("the budget takes one alone", retention, "doomed", first_alone,
     test_backup.test_a_full_budget_takes_the_unshown_first_and_then_the_oldest),
    ("files written within the hour go", retention, "quiet", lambda _files, found, _now: found,
     test_backup.test_a_file_just_written_again_stays),
    ("the copy lacks the WAL", backup, "_copy_log", without_wal,
     test_backup.test_a_log_in_use_is_copied_whole_and_comes_back),
    ("files stay out of the backup", backup, "_bring", lambda data, to, kind, digest: (data / "none").exists(),
     test_backup.test_a_log_in_use_is_copied_whole_and_comes_back),
    ("files do not come back", backup, "_bring",
     lambda source, to, kind, digest: to.name != "files" or BRING(source, to, kind, digest),
     test_backup.test_a_log_in_use_is_copied_whole_and_comes_back),
    ("the key of the ledger is left out", backup, "BESIDE", ("config.toml",),
     test_backup.test_a_log_in_use_is_copied_whole_and_comes_back),
    ("secrets come along", backup, "BESIDE", ("payer.key", "env"),
     test_backup.test_a_log_in_use_is_copied_whole_and_comes_back),
    ("a damaged backup is brought back", backup, "examine", sound,
     test_backup.test_a_damaged_backup_is_refused_and_an_unknown_one_names_the_newest),
    ("no backup ever goes", backup, "_rotate", lambda root, now, keep_days: 0,
     test_backup.test_old_backups_go_with_the_files_no_other_names_but_never_the_newest),
    ("files of backups that went stay", backup, "_listed", lambda folder: [("picture", path.stem) for path in
     (folder.parent / "files").glob("*/*/*.png")],
     test_backup.test_old_backups_go_with_the_files_no_other_names_but_never_the_newest),
    ("an empty log replaces a damaged one", opening, "prepare", lambda url, data, files_in: None,
     test_backup.test_a_damaged_log_names_the_backup_and_is_never_replaced_by_an_empty_one),
]  # fmt: skip


@pytest.mark.parametrize(("name", "home", "part", "mistake", "scenario"), MISTAKES, ids=[each[0] for each in MISTAKES])
async def test_a_planted_mistake_is_seen(
    lite: Place, monkeypatch: pytest.MonkeyPatch, name: str, home: Any, part: str, mistake: Any, scenario: Scenario
) -> None:
    monkeypatch.setattr(home, part, mistake)
    # However the scenario ends: an assertion of its own, or a sentence where it expected none.
    with pytest.raises((AssertionError, StudioError, sqlite3.Error, pytest.fail.Exception)):
        await scenario(lite)
