"""Console: the terminal the verbs speak to; results on standard output, everything else on standard error."""

from __future__ import annotations

import asyncio
import getpass
import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO

from core.errors import BadWords, StudioError
from core.words import caret

UNSAFE = {code: "�" for code in (*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0))}
UNSAFE |= dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "")
"""Control signs, which could move a terminal's cursor or turn a line round; new line and tab stay."""
BAR = 24


class Console:
    """Print lines and, where standard error is a live terminal, one line that changes; plain text elsewhere."""

    def __init__(self, out: TextIO, err: TextIO, typed: TextIO, *, live: bool, width: int = 80) -> None:
        self._out, self._err, self._typed, self._live, self._width = out, err, typed, live, width
        self._standing = ""

    @classmethod
    def of(cls, out: TextIO, err: TextIO, typed: TextIO, environ: Mapping[str, str]) -> Console:
        """Build the Console of a process's own streams."""
        for stream in (out, err):
            if hasattr(stream, "reconfigure"):
                # A terminal that has no such letter shows `?`; a sentence must not end the program.
                stream.reconfigure(errors="replace")
        live = err.isatty() and environ.get("TERM", "") not in ("", "dumb")
        return cls(out, err, typed, live=live, width=shutil.get_terminal_size().columns)

    def say(self, text: str) -> None:
        """Print a result."""
        self._clear()
        print(text.translate(UNSAFE), file=self._out, flush=True)

    def data(self, value: Any) -> None:
        """Print plain data as JSON."""
        self._clear()
        print(json.dumps(value, ensure_ascii=False, indent=2), file=self._out, flush=True)

    def read(self) -> str:
        """Return all that standard input holds."""
        return self._typed.read()

    def secret(self, prompt: str) -> str:
        """Return a line that is not shown while it is typed; a pipe is read without a prompt."""
        self._clear()
        if self._typed.isatty():
            return getpass.getpass(prompt, self._err)
        return self._typed.readline()

    @property
    def asks(self) -> bool:
        """Say whether somebody is there to answer a question."""
        return self._live and self._typed.isatty()

    async def confirm(self, question: str) -> bool:
        """Ask a question whose answer is yes or no; whatever is not yes is no."""
        self._clear()
        self._err.write(f"{question.translate(UNSAFE)} [y/N] ")
        self._err.flush()
        loop, typed = asyncio.get_running_loop(), asyncio.Event()
        # Waited for, not read: Ctrl-C must still be heard.
        loop.add_reader(self._typed.fileno(), typed.set)
        try:
            await typed.wait()
        finally:
            loop.remove_reader(self._typed.fileno())
        return self._typed.readline().strip().lower() in ("y", "yes")

    def note(self, text: str) -> None:
        """Print what is not the result: what was mended, how it ended."""
        self._clear()
        print(text.translate(UNSAFE), file=self._err, flush=True)

    def problem(self, error: StudioError, *, as_json: bool = False) -> None:
        """Print what is wrong and what to do, with a caret under the words where the place is known."""
        if as_json:
            self.data(error.as_json())
            return
        if isinstance(error, BadWords) and (pointed := caret(error)):
            self.note(pointed)
        self.note(error.whole())

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Print rows in columns; the last column is as long as it is."""
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)] if rows else []
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            self.say("  ".join([*cells, row[-1]]).rstrip())

    def status(self, text: str) -> None:
        """Show a line until the next one; not on a terminal, print it once."""
        if text == self._standing:
            return
        if self._live:
            self._err.write("\r\x1b[2K" + text.translate(UNSAFE).replace("\n", " ")[: self._width - 1])
            self._err.flush()
        else:
            print(text.translate(UNSAFE), file=self._err, flush=True)
        self._standing = text

    def bar(self, text: str, step: int, of: int) -> None:
        """Show a bar of steps with a line behind it; nothing where the terminal is not live."""
        if self._live:
            full = BAR * step // max(of, 1)
            self.status(f"[{'#' * full}{'-' * (BAR - full)}] {text}")

    def _clear(self) -> None:
        if self._live and self._standing:
            self._err.write("\r\x1b[2K")
            self._err.flush()
        self._standing = ""


def when(ms: int) -> str:
    """Return a time in the reader's zone."""
    return datetime.fromtimestamp(ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M")
