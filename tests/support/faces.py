"""One way to speak to every face: words and perhaps a picture go in, what a Person is told comes out."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.plain import quiet
from core.sheet import JobSheet
from tests.support import page, shell
from tests.support.discord_double import texts, world

MARK = {"X-Limner": "1"}
LOOSE = {"LIMNER__LIMITS__PER_MINUTE": "0", "LIMNER__LIMITS__WAITING": "0"}


@dataclass(frozen=True, slots=True)
class Told:
    """What a Person reads: of a refusal, or of what was accepted."""

    accepted: bool
    text: str


Say = Callable[[str, bytes | None], Awaitable[Told]]


@dataclass(frozen=True, slots=True)
class Face:
    """One face with a program behind it; `shown` is how a sentence of ours stands there."""

    data: Path
    say: Say
    history: Callable[[], Awaitable[str]]
    shown: Callable[[str], str] = field(default=lambda sentence: sentence)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the log in plain SQL."""
        with closing(sqlite3.connect(self.data / "limner.db")) as log:
            return log.execute(sql).fetchall()

    def counts(self) -> dict[str, int]:
        """Count what was accepted, what was charged or held for it, and what lies on the disk."""
        found = {table: self.rows(f"SELECT count(*) FROM {table}")[0][0] for table in ("jobs", "ledger", "files")}
        return {**found, "disk": len(list(self.data.glob("*/*/*.png*")))}


Open = Callable[[Path], AbstractAsyncContextManager[Face]]


@asynccontextmanager
async def on_the_page(data: Path) -> AsyncIterator[Face]:
    """Speak over HTTP as the chat page does."""
    async with page.running(data, environ=LOOSE) as here, page.visiting(here) as browser:

        async def post(path: str, **body: Any) -> tuple[bool, dict[str, Any]]:
            async with browser.post(path, headers=MARK, **body) as answer:
                return answer.status == 201, await answer.json()

        async def say(words: str, sketch: bytes | None) -> Told:
            notes: list[str] = []
            sent: dict[str, Any] = {"words": words}
            if sketch is not None:
                taken, found = await post("/api/sketches", data=io.BytesIO(sketch))
                if not taken:
                    return Told(False, f"{found['sentence']} {found['hint']}".strip())
                notes, sent["sketch"] = found["notes"], found["digest"]
            taken, found = await post("/api/jobs", json=sent)
            if not taken:
                return Told(False, f"{found['sentence']} {found['hint']}".strip())
            sheets: list[JobSheet] = found["jobs"]
            return Told(True, "\n".join([*notes, *(note for each in sheets for note in each["notes"])]))

        async def history() -> str:
            async with browser.get("/api/jobs?limit=100") as answer:
                return await answer.text()

        yield Face(data, say, history)


@asynccontextmanager
async def in_discord(data: Path) -> AsyncIterator[Face]:
    """Speak by /imagine with an attachment."""
    async with world(data) as here:
        ann = here.person("ann")

        async def say(words: str, sketch: bytes | None) -> Told:
            more: Mapping[str, Any] = {} if sketch is None else {"sketch": ("sketch.png", sketch)}
            result = await ann.slash(here.channel, "imagine", prompt=words, **more)
            assert result.response is not None
            card = texts(result.response)
            return Told(bool(card), card or str(result.response.content))

        async def history() -> str:
            return texts((await ann.slash(here.channel, "history")).response)

        yield Face(data, say, history, quiet)


@asynccontextmanager
async def on_the_command_line(data: Path, *, remote: bool = False) -> AsyncIterator[Face]:
    """Type verbs in this process, or beside one that runs."""
    work = data.with_name(f"{data.name}-work")
    work.mkdir()
    async with shell.running(data, environ=LOOSE) as program:

        async def say(words: str, sketch: bytes | None) -> Told:
            more = []
            if sketch is not None:
                path = work / "sketch.png"
                path.write_bytes(sketch)
                more = ["--sketch", str(path)]
            code = await terminal.type("imagine", words, *more, "--json", "--out", str(work))
            if code == 0:
                (job,) = json.loads(terminal.out)
                return Told(True, "\n".join([terminal.err, *job["notes"]]))
            error = json.loads(terminal.out)
            return Told(False, f"{error['sentence']} {error['hint']}".strip())

        async def history() -> str:
            assert await terminal.type("history", "--limit", "100") == 0
            return terminal.out

        if remote:
            async with shell.beside(program) as studio:
                terminal = shell.Shell(studio)
                yield Face(data, say, history)
        else:
            terminal = shell.Shell(program.studio)
            yield Face(data, say, history)


FACES: Mapping[str, Open] = {
    "page": on_the_page,
    "discord": in_discord,
    "command line": on_the_command_line,
    "command line beside": lambda data: on_the_command_line(data, remote=True),
}


@asynccontextmanager
async def opened(name: str, folder: Path) -> AsyncIterator[Face]:
    """Open a face by its name on a folder of its own."""
    data = folder / "data"
    data.mkdir()
    async with FACES[name](data) as face:
        yield face
