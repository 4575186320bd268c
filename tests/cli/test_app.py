"""The front door: argv is read and refused before anything is built, errors are sentences, Ctrl-C cancels."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from build import HOME
from cli import help
from cli.app import VERBS, Command, Doors, main, parse
from cli.doctor import Patient
from cli.help import Needs
from core.config import Loaded, load
from core.errors import AlreadyRunning, BadInput
from core.finding import Finding
from core.person import OWNER
from core.records import milliseconds
from core.studio import Studio
from home import Home
from inference.run import Batch, Run
from main import serve as main_serve
from tests.support.fake_engine import FakeEngine
from tests.support.shell import Terminal, running, sources


async def nobody(token: str) -> tuple[Finding, ...]:
    return ()


class House:
    """Stand where main.py stands: a real program on a temporary folder, and a note of what was opened."""

    def __init__(self, data: Path, engine: FakeEngine | None = None, environ: dict[str, str] | None = None) -> None:
        self.data, self.engine, self.environ = data, engine, environ or {}
        self.new_source = sources()
        self.opened: list[str] = []
        self.holder = ""
        self.jobs: list[Any] = []

    def doors(self) -> Doors:
        return Doors(
            load=self.load,
            serve=self.serve,
            open_studio=self.studio,
            examine=self.examine,
            bench=Home({"LIMNER_DATA": str(self.data)}, print, main_serve).bench,
            restore=Home({"LIMNER_DATA": str(self.data)}, print, main_serve).restore,
            look_for_mark=Home({"LIMNER_DATA": str(self.data)}, print, main_serve).look_for_mark,
            shop=Home({"LIMNER_DATA": str(self.data)}, print, main_serve).shop,
            clock=milliseconds,
            new_source=self.new_source,
        )

    def load(self) -> Loaded:
        return load(HOME / "config.toml", self.data / "config.toml", self.environ)

    async def serve(self, loaded: Loaded) -> int:
        self.opened.append("serve")
        return 0

    @asynccontextmanager
    async def studio(self, loaded: Loaded, needs: Needs) -> AsyncIterator[Studio]:
        self.opened.append(needs)
        if self.holder:
            raise AlreadyRunning("Limner already runs on this data folder.", "Use that one.", self.holder)
        async with running(self.data, self.engine) as program:
            yield program.studio
            self.jobs = list(await program.studio.history(OWNER))

    @asynccontextmanager
    async def examine(self) -> AsyncIterator[Patient]:
        self.opened.append("examine")
        async with running(self.data) as program:
            yield Patient(
                HOME, self.data, (3, 11, 7), {}, self.load(), program.studio,
                version_of=lambda _: None, free_bytes=lambda _: 10**12, probe=lambda: {"device": "cpu"},
                discord=nobody,
            )  # fmt: skip


def type_in(house: House, *argv: str) -> tuple[int, Terminal]:
    terminal = Terminal()
    return main(argv, house.doors(), terminal.console), terminal


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.chdir(tmp_path)
    return House(tmp_path)


def test_nothing_typed_serves() -> None:
    assert parse([]) == Command(None)


def test_every_verb_is_known_and_says_what_it_needs() -> None:
    assert set(VERBS) >= {
        "imagine", "reproduce", "reroll", "vary", "upscale", "cancel", "history", "show", "models", "config", "doctor",
    }  # fmt: skip
    assert parse(["imagine", "a heart"]).needs == "device"
    assert parse(["history"]).needs == "log"
    assert parse(["doctor"]).needs == "settings"


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("imagin", "imagine"),
        ("histroy", "history"),
        ("modls", "models"),
        ("reprodce", "reproduce"),
        ("konfig", "config"),
    ],
)
def test_an_unknown_verb_names_the_nearest(typed: str, near: str) -> None:
    with pytest.raises(BadInput, match=typed) as caught:
        parse([typed])
    assert near in caught.value.hint


def test_verbs_of_the_script_are_told_apart() -> None:
    with pytest.raises(BadInput, match="belongs to the script"):
        parse(["test"])


def test_an_unknown_option_at_the_front_is_refused() -> None:
    with pytest.raises(BadInput, match="--port"):
        parse(["--port", "9"])


@pytest.mark.parametrize("verb", help.VERBS, ids=lambda verb: verb.name)
def test_help_of_every_verb_has_an_example_that_parses(verb: help.Verb, house: House) -> None:
    for argv in ([verb.name, "--help"], ["help", verb.name]):
        code, terminal = type_in(house, *argv)
        assert code == 0 and verb.example in terminal.out and verb.does in terminal.out
    dot, *argv = shlex.split(verb.example)
    assert dot == "./limner" and parse(argv).verb == verb.name
    assert house.opened == []


def test_the_overview_names_every_verb(house: House) -> None:
    for argv in (["--help"], ["-h"], ["help"]):
        code, terminal = type_in(house, *argv)
        assert code == 0 and all(f"./limner {verb} " in terminal.out for verb in VERBS)


def test_mistakes_are_found_before_anything_is_opened(house: House) -> None:
    for argv in (["imagine", "a heart", "--out"], ["history", "--nope"], ["paint"], ["doctor", "--nope"]):
        code, terminal = type_in(house, *argv)
        assert code == 2 and terminal.err and "Traceback" not in terminal.err
    assert house.opened == []


def test_no_verb_serves(house: House) -> None:
    assert type_in(house)[0] == 0
    assert house.opened == ["serve"]


def test_a_verb_paints_on_what_the_door_opened(house: House) -> None:
    code, terminal = type_in(house, "imagine", "a red heart", "--seed", "42", "--out", "heart.png")
    assert code == 0 and terminal.out.endswith("heart.png\n")
    assert house.opened == ["device"]
    assert house.jobs[0]["typed"] == "a red heart --seed 42"


def test_a_live_terminal_sees_place_and_steps(house: House) -> None:
    terminal = Terminal(live=True)
    shown = iter(["", *(f"step {step} of 8" for step in range(1, 8))])

    def after_the_last_step_was_shown(batch: Batch) -> float:
        wanted = next(shown)
        while wanted not in terminal.err:
            time.sleep(0.001)
        return 0.0

    house.engine = FakeEngine(step_s=after_the_last_step_was_shown)
    assert main(["imagine", "a red heart --steps 8"], house.doors(), terminal.console) == 0
    first, _, steps = terminal.err.partition("[###---------------------] Painting: step 1 of 8")
    assert "Queued, next" in first or "Starting." in first
    assert "[############------------] Painting: step 4 of 8" in steps
    assert "Starting." not in steps


def test_an_error_while_opening_is_a_sentence(house: House) -> None:
    house.holder = "http://127.0.0.1:8410/"
    code, terminal = type_in(house, "history", "--json")
    assert code == 2 and json.loads(terminal.out)["code"] == "already_running"


def test_broken_settings_are_a_sentence(house: House) -> None:
    (house.data / "config.toml").write_text("[page]\nprot = 1\n")
    code, terminal = type_in(house, "config")
    assert code == 2 and "page.port" in terminal.err


def test_ctrl_c_cancels_the_job_and_exits_130(house: House) -> None:
    pressed: list[int] = []

    def press_once(batch: Batch) -> float:
        if not pressed:
            pressed.append(batch.size)
            os.kill(os.getpid(), signal.SIGINT)
        return 0.01

    house.engine = FakeEngine(step_s=press_once)
    code, terminal = type_in(house, "imagine", "a red heart --steps 150", "--out", "heart.png")
    assert code == 130
    # How far it came by then is the machine's matter.
    assert pressed and re.search(r"Cancelled( at step \d+ of 150)?\. Nothing was charged\.", terminal.err)
    assert [job["state"] for job in house.jobs] == ["cancelled"]
    assert not Path("heart.png").exists()


def test_ctrl_c_keeps_what_is_painted_and_cancels_every_line(house: House) -> None:
    seen: list[int] = []

    def press_at_the_second_job(batch: Batch) -> float:
        seen.append(batch.size)
        if len(seen) == 20:
            os.kill(os.getpid(), signal.SIGINT)
        return 0.02

    house.engine = FakeEngine(step_s=press_at_the_second_job, sizes=(1,))
    Path("lines.txt").write_text(
        "one --steps 2 --guidance 1\ntwo --steps 150 --guidance 1\nthree --steps 150 --guidance 1\n"
    )
    code, terminal = type_in(house, "imagine", "--from-file", "lines.txt", "--out", "p.png")
    assert code == 130
    assert sorted(job["state"] for job in house.jobs)[:2] == ["cancelled", "cancelled"]
    assert Path("p-1.png").exists() and not Path("p-2.png").exists()


def test_config_prints_values_and_where_they_come_from(house: House) -> None:
    (house.data / "config.toml").write_text("[page]\nport = 9000\n")
    house.environ = {"LIMNER__STORAGE__DATABASE": "postgresql+psycopg://me:hush@db/limner"}
    code, terminal = type_in(house, "config")
    rows = {line.split()[0]: line.split()[1:] for line in terminal.out.splitlines()}
    assert code == 0
    assert rows["page.port"] == ["9000", str(house.data / "config.toml")]
    assert rows["page.host"] == ['"127.0.0.1"', "config.toml"]
    assert rows["storage.database"][1] == "LIMNER__STORAGE__DATABASE"
    assert "hush" not in terminal.out and "me:***@db" in terminal.out
    assert set(rows) == set(house.load().origins)


def test_config_prints_one_setting_and_names_the_nearest_to_an_unknown_one(house: House) -> None:
    code, terminal = type_in(house, "config", "page.port", "--json")
    assert code == 0 and json.loads(terminal.out) == [{"name": "page.port", "value": 8410, "from": "config.toml"}]
    code, terminal = type_in(house, "config", "page.prot")
    assert code == 2 and "page.port" in terminal.err


def test_doctor_examines_and_exits_1_where_something_is_bad(house: House) -> None:
    code, terminal = type_in(house, "doctor")
    assert code == 1
    assert "bad   packages: Not installed: torch" in terminal.out
    assert "ok    database: SQLite answers" in terminal.out


class Drifting(FakeEngine):
    """An Engine that paints otherwise when it is to paint again, as another machine may."""

    def decode(self, run: Run) -> object:
        decoded = super().decode(run)
        assert isinstance(decoded, bytes)
        return decoded if run.replay is None else bytes([decoded[0] ^ 1]) + decoded[1:]


def test_reproduce_says_what_differs_and_exits_1(house: House) -> None:
    house.engine = Drifting()
    assert type_in(house, "imagine", "a red heart", "--seed", "42", "--out", "heart.png")[0] == 0
    house.engine = Drifting()
    code, terminal = type_in(house, "reproduce", "heart.png")
    assert code == 1
    assert terminal.out.startswith("different: ") and "max 1/255" in terminal.out
