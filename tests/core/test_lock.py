"""The lock on the data folder: one process, held as long as it lives."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import AlreadyRunning
from core.lock import DataLock, RunNote

HOME = Path(__file__).resolve().parents[2]
HOLDER = """
import sys
from pathlib import Path
from core.lock import DataLock, RunNote
lock = DataLock(Path(sys.argv[1]))
lock.take()
lock.write(RunNote(1, "http://127.0.0.1:9", "secret"))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.fault("F23", "the second is told where the first listens, and works on nothing")
def test_a_second_process_is_told_where_the_first_listens(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=HOME
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning) as caught:
            DataLock(tmp_path).take()
        assert caught.value.url == "http://127.0.0.1:9"
        holder.kill()
    lock = DataLock(tmp_path)
    lock.take()
    lock.release()


def test_the_note_is_the_owners_alone_and_goes_with_the_lock(tmp_path: Path) -> None:
    lock = DataLock(tmp_path / "data")
    lock.take()
    lock.write(RunNote(1, "http://127.0.0.1:9", "secret"))
    note = tmp_path / "data" / "run.json"
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    assert lock.note() == RunNote(1, "http://127.0.0.1:9", "secret")
    lock.release()
    assert not note.exists()
