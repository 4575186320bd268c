"""The set-up from the token to the invite link: what is kept, what is told, and that the token is never shown."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from build import HOME
from cli import setup
from core.errors import BadConfig, BadInput, StudioError, Unavailable
from home import Home, read_env, write_env
from main import serve
from tests.support.portal_double import OTHER, TOKEN, Discord, discord
from tests.support.shell import Terminal


async def set_up(here: Discord, data: Path, typed: str = TOKEN, args: Sequence[str] = (), **environ: str) -> Terminal:
    """Type the verb; what is printed must never hold the token."""
    terminal = Terminal(typed=f"{typed}\n")
    home = Home({"LIMNER_DATA": str(data), **environ}, print, serve, here.base)
    try:
        terminal.code = await setup.run(args, setup.ask(terminal.console), home.bench(), terminal.console)  # type: ignore[attr-defined]
    except StudioError as error:
        assert TOKEN not in error.whole() and OTHER not in error.whole()
        raise
    assert TOKEN not in terminal.out + terminal.err and OTHER not in terminal.out + terminal.err
    return terminal


async def test_a_newcomer_gets_the_token_kept_and_the_invite_link(tmp_path: Path) -> None:
    async with discord() as here:
        terminal = await set_up(here, tmp_path / "data")
    env = tmp_path / "data" / "env"
    assert read_env(env) == {"DISCORD_TOKEN": TOKEN}
    assert stat.S_IMODE(env.stat().st_mode) == 0o600 and stat.S_IMODE(env.parent.stat().st_mode) == 0o700
    assert "client_id=111" in terminal.out and "scope=bot+applications.commands" in terminal.out
    assert "in no server yet" in terminal.out and str(env) in terminal.err
    assert [path.name for path in env.parent.iterdir()] == ["env"]


async def test_a_model_is_proposed_and_nothing_is_fetched(tmp_path: Path) -> None:
    async with discord() as here:
        terminal = await set_up(here, tmp_path)
        plain = await set_up(here, tmp_path, args=["--json"])
    assert "Model: " in terminal.err and not (tmp_path / "models").exists()
    assert "model" in json.loads(plain.out)


async def test_what_stands_in_the_env_file_stays(tmp_path: Path) -> None:
    env = tmp_path / "env"
    env.write_text("# mine\nLIMNER__PAGE__PORT=9000\nDISCORD_TOKEN=old\nHF_HOME='/models'\n", encoding="utf-8")
    env.chmod(0o644)
    async with discord() as here:
        await set_up(here, tmp_path)
    assert env.read_text(encoding="utf-8") == (
        f"# mine\nLIMNER__PAGE__PORT=9000\nHF_HOME='/models'\nDISCORD_TOKEN={TOKEN}\n"
    )
    assert stat.S_IMODE(env.stat().st_mode) == 0o600


@pytest.mark.parametrize(("typed", "kind"), [(OTHER, BadConfig), ("hunter2", BadConfig), ("", BadInput)])
async def test_nothing_is_kept_of_a_token_that_is_no_good(tmp_path: Path, typed: str, kind: type[StudioError]) -> None:
    async with discord() as here:
        with pytest.raises(kind):
            await set_up(here, tmp_path / "data", typed)
    assert not (tmp_path / "data").exists()


async def test_without_the_net_nothing_is_half_written(tmp_path: Path) -> None:
    write_env(tmp_path / "env", "DISCORD_TOKEN", OTHER)
    async with discord() as here:
        pass
    with pytest.raises(Unavailable, match="cannot be reached"):
        await set_up(here, tmp_path)
    assert read_env(tmp_path / "env") == {"DISCORD_TOKEN": OTHER}


async def test_enter_keeps_the_token_that_stands_and_looks_again(tmp_path: Path) -> None:
    write_env(tmp_path / "env", "DISCORD_TOKEN", TOKEN)
    async with discord() as here:
        here.join(5, 0)
        terminal = await set_up(here, tmp_path, "")
    assert "In studio it lacks: View Channels" in terminal.out
    assert terminal.code == 1  # type: ignore[attr-defined]


async def test_commands_are_registered_when_asked_for(tmp_path: Path) -> None:
    async with discord() as here:
        assert "Not registered" in (await set_up(here, tmp_path)).out and not here.commands
        terminal = await set_up(here, tmp_path, "", ["--sync", "--json"])
        assert "imagine" in [each["name"] for each in here.commands[""]]
    told = json.loads(terminal.out)
    assert {"name": "commands", "word": "ok"}.items() <= told["findings"][-1].items()


async def test_another_token_in_the_environment_is_told(tmp_path: Path) -> None:
    async with discord() as here:
        terminal = await set_up(here, tmp_path, TOKEN, DISCORD_TOKEN=OTHER)
    assert "wins" in terminal.err


async def test_words_behind_the_verb_are_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    async with discord() as here:
        with pytest.raises(BadInput, match="no words"):
            await set_up(here, tmp_path, TOKEN, [TOKEN])
        assert here.asked == []


def test_a_start_reads_the_env_file_under_the_environment(tmp_path: Path) -> None:
    write_env(tmp_path / "env", "DISCORD_TOKEN", TOKEN)
    assert Home({"LIMNER_DATA": str(tmp_path)}, print, serve).bench().standing == TOKEN
    over = Home({"LIMNER_DATA": str(tmp_path), "DISCORD_TOKEN": OTHER}, print, serve).bench()
    assert over.standing == OTHER and over.overruled


def test_on_a_terminal_the_token_is_not_echoed(tmp_path: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        environ = {**os.environ, "LIMNER_DATA": str(tmp_path / "data")}
        os.execve(sys.executable, [sys.executable, str(HOME / "main.py"), "setup"], environ)
    shown, answered = b"", False
    # A pty whose other side has ended reads as an error.
    with contextlib.suppress(OSError):
        while piece := os.read(terminal, 1024):
            shown += piece
            if not answered and b"Bot token" in shown:
                answered = True
                os.write(terminal, b"hunter2-in-secret\n")
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
    assert b"does not look like" in shown and b"hunter2" not in shown
    assert not (tmp_path / "data" / "env").exists()
