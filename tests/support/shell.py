"""A terminal of strings and a real program behind it, asked in this process or over the page beside it."""

from __future__ import annotations

import io
import itertools
import os
import pty
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from build import HOME, Program, build
from cli.console import Console
from cli.verbs import run
from core.config import load
from core.person import OWNER, Person, Place
from core.records import milliseconds
from core.studio import Studio
from inference.engine import Engine
from tests.support.fake_engine import FakeEngine
from web.app import Page
from web.client import RemoteStudio


class Keys:
    """Be a terminal's line on which an answer waits."""

    def __init__(self, answer: bool) -> None:
        self._keys, line = pty.openpty()
        self.typed = os.fdopen(line)
        os.write(self._keys, b"y\n" if answer else b"n\n")

    def __del__(self) -> None:
        self.typed.close()
        os.close(self._keys)


class Terminal:
    """Hold what a verb prints; `live` makes standard error a terminal."""

    def __init__(self, *, live: bool = False, typed: str = "", person_says: bool | None = None) -> None:
        self._out, self._err = io.StringIO(), io.StringIO()
        self._keys = Keys(person_says) if person_says is not None else None
        keys = self._keys.typed if self._keys else io.StringIO(typed)
        self.console = Console(self._out, self._err, keys, live=live or self._keys is not None, width=100)

    @property
    def out(self) -> str:
        return self._out.getvalue()

    @property
    def err(self) -> str:
        return self._err.getvalue()


@asynccontextmanager
async def running(
    data: Path, engine: Engine | None = None, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Program]:
    """Run the whole program without faces on a folder, painting with FakeEngine where no other is given."""
    config = load(HOME / "config.toml", data / "config.toml", environ or {}).config
    program = await build(config, data, make_engine=lambda _load, _registry: engine or FakeEngine(), synchronous="OFF")
    await program.read_models()
    await program.start()
    try:
        yield program
    finally:
        await program.close()


@asynccontextmanager
async def beside(program: Program) -> AsyncIterator[Studio]:
    """Serve the page and yield the Studio that a verb in another process gets."""
    page = Page(
        program.studio,
        program.archive,
        host="127.0.0.1",
        port=0,
        clock=milliseconds,
        bearer="bearer-of-the-tests",
        secret="secret-of-the-tests",
        randomness=secrets.token_bytes,
    )
    url = await page.start()
    try:
        async with RemoteStudio(url, "bearer-of-the-tests") as studio:
            yield cast(Studio, studio)
    finally:
        await page.stop()


def sources() -> Callable[[], str]:
    """Return a maker of unique ids."""
    count = itertools.count()
    return lambda: f"cli-test-{next(count)}"


class Shell:
    """Type verbs at a Studio and hold what the last one printed."""

    def __init__(self, studio: Studio, *, person: Person = OWNER) -> None:
        self.studio, self.person = studio, person
        self._new_source = sources()
        self.terminal = Terminal()

    async def type(
        self, verb: str, *args: str, live: bool = False, typed: str = "", person_says: bool | None = None
    ) -> int:
        """Type a verb; person_says: somebody sits there who answers every question so."""
        self.terminal = Terminal(live=live, typed=typed, person_says=person_says)
        return await run(
            verb,
            args,
            self.studio,
            person=self.person,
            place=Place.of("cli"),
            console=self.terminal.console,
            clock=milliseconds,
            new_source=self._new_source,
        )

    @property
    def out(self) -> str:
        return self.terminal.out

    @property
    def err(self) -> str:
        return self.terminal.err
