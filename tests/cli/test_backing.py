"""backup beside and without a running Limner, and restore, which waits for nobody and overwrites nothing unasked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import backing
from core.errors import AlreadyRunning, NotAllowed
from core.lock import DataLock
from home import Home
from main import serve
from tests.support.shell import Shell, Terminal, running


async def test_a_backup_says_where_it_lies(shell: Shell) -> None:
    assert await shell.type("imagine", "a red heart --steps 2") == 0
    assert await shell.type("backup", "--json") == 0
    made = json.loads(shell.out)
    assert made["files"] == 1 and made["missing"] == 0 and made["name"] in made["path"]
    assert await shell.type("backup") == 0 and ": 1 files." in shell.out
    assert await shell.type("backup", "now") == 2


async def test_restore_brings_it_back_and_refuses_beside_a_running_limner(tmp_path: Path) -> None:
    async with running(tmp_path) as program:
        shell = Shell(program.studio)
        assert await shell.type("backup", "--json") == 0
    name = json.loads(shell.out)["name"]
    restore = Home({"LIMNER_DATA": str(tmp_path)}, print, serve).restore
    with pytest.raises(NotAllowed, match="a log already"):
        backing.restore([name], restore, Terminal().console)
    lock = DataLock(tmp_path)
    lock.take()
    with pytest.raises(AlreadyRunning):
        backing.restore([name, "--replace"], restore, Terminal().console)
    lock.release()
    terminal = Terminal()
    assert backing.restore([name, "--replace"], restore, terminal.console) == 0
    assert name in terminal.out and "aside-" in terminal.err
    async with running(tmp_path) as program:
        assert await program.studio.health()
