"""What goes to which stream, and what a live terminal sees more."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cli.console import Console
from core.errors import BadWords, NotFound
from tests.support.shell import Terminal


@contextmanager
def at_terminal() -> Iterator[tuple[Console, int]]:
    """Give a Console somebody sits at, and where their keys go in."""
    keys, line = pty.openpty()
    with os.fdopen(line) as typed:
        yield Console(io.StringIO(), io.StringIO(), typed, live=True), keys
    os.close(keys)


def test_results_and_notes_have_their_own_streams() -> None:
    terminal = Terminal()
    terminal.console.say("a result")
    terminal.console.note("a note")
    assert (terminal.out, terminal.err) == ("a result\n", "a note\n")


def test_without_a_live_terminal_there_is_no_escape_sign_and_no_bar() -> None:
    terminal = Terminal()
    terminal.console.status("Queued, next.")
    terminal.console.status("Queued, next.")
    terminal.console.bar("step 1 of 2", 1, 2)
    assert terminal.err == "Queued, next.\n"


def test_a_live_terminal_sees_the_bar_grow_and_go() -> None:
    terminal = Terminal(live=True)
    terminal.console.bar("half", 10, 20)
    assert "[############------------] half" in terminal.err
    terminal.console.say("done")
    assert terminal.err.endswith("\r\x1b[2K") and terminal.out == "done\n"


@pytest.mark.parametrize(("typed", "meant"), [(b"y\n", True), (b"YES\n", True), (b"\n", False), (b"nope\n", False)])
async def test_a_question_is_asked_on_a_terminal(typed: bytes, meant: bool) -> None:
    with at_terminal() as (console, keys):
        asked = asyncio.create_task(console.confirm("Paint them all?"))
        os.write(keys, typed)
        assert console.asks and await asked is meant


async def test_ctrl_c_is_heard_while_a_question_stands() -> None:
    with at_terminal() as (console, _):
        asked = asyncio.create_task(console.confirm("Paint them all?"))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked


def test_a_script_is_asked_nothing() -> None:
    assert not Terminal(live=True).console.asks


def test_words_from_the_log_cannot_steer_the_terminal() -> None:
    terminal = Terminal()
    terminal.console.say("red\x1b[2Jheart\x07\x9b")
    assert "\x1b" not in terminal.out and "\x07" not in terminal.out and "\x9b" not in terminal.out


def test_a_problem_shows_the_words_with_a_caret() -> None:
    terminal = Terminal()
    terminal.console.problem(BadWords("No such flag.", "Use --steps.", 8, "a heart --stepz 3"))
    assert terminal.err == "a heart --stepz 3\n        ^\nNo such flag. Use --steps.\n"


def test_a_problem_as_json_is_the_common_form() -> None:
    terminal = Terminal()
    terminal.console.problem(NotFound("Nothing.", "Look elsewhere."), as_json=True)
    assert json.loads(terminal.out) == {
        "code": "not_found",
        "sentence": "Nothing.",
        "hint": "Look elsewhere.",
        "at": None,
    }


def test_a_table_lines_up() -> None:
    terminal = Terminal()
    terminal.console.table([["a", "one"], ["long", "two"]])
    terminal.console.table([])
    assert terminal.out == "a     one\nlong  two\n"


def test_a_terminal_that_lacks_a_letter_does_not_end_the_program() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    Console.of(out, io.TextIOWrapper(io.BytesIO(), encoding="ascii"), io.StringIO(), {}).say("café …")
    assert raw.getvalue() == b"caf? ?\n"
