"""The verbs that paint: imagine, reroll, vary, upscale and reproduce."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from cli.args import Given
from cli.desk import Desk
from cli.files import Outputs, read_input
from cli.follow import Follower, ask_for
from core.asking import UNASKED, jobs_of
from core.errors import BadInput, StudioError, Unsure
from core.job import Kind
from core.sheet import JobSheet
from core.studio import Ask
from core.wording import NOTHING_ASKED

PAINTED, NOT_ALL, CANNOT = 0, 1, 2
"""Exit codes: everything is painted; something is missing (or differs); nothing could be asked for."""
TAIL = re.compile(r"[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{6,26}")
"""A Picture's id or its tail."""

Asking = Callable[[], Awaitable[list[JobSheet]]]


async def imagine(desk: Desk, given: Given) -> int:
    """Paint from words, or a Job a line from a file."""
    outputs = Outputs(given.options.get("--out"))
    lines = _lines(desk, given)
    if "--from-file" not in given.options and not await _meant(desk, lines[0]):
        desk.console.note(NOTHING_ASKED)
        return CANNOT
    sketch = await _sketch(desk, given.options.get("--sketch"))
    mask = await _mask(desk, given.options.get("--mask"))
    kind: Kind | None = None if "--from-file" in given.options else "imagine"
    asks = [
        ask_for(
            desk, Ask(desk.person, desk.place, desk.new_source(), line, kind=kind, sketch=sketch, mask=mask, sure=True)
        )
        for line in lines
    ]
    return await _paint(desk, given, outputs, asks)


async def again(desk: Desk, verb: str, given: Given) -> int:
    """Reroll, vary or upscale a Picture of the log."""
    outputs = Outputs(given.options.get("--out"))
    ask = Ask(desk.person, desk.place, desk.new_source(), given.typed, kind=cast(Kind, verb))
    return await _paint(desk, given, outputs, [ask_for(desk, ask)])


async def reproduce(desk: Desk, given: Given) -> int:
    """Paint a Picture again and say whether it is the same; every reason why not is said behind `cannot:`."""
    try:
        outputs = Outputs(given.options.get("--out"))
        ask = _reproduction(desk, given)

        async def ended(job: JobSheet) -> None:
            if "--out" in given.options:
                await _save(desk, outputs, job)

        follower = Follower(desk, outputs.name, ended)
        (job,) = await follower.run([ask])
    except StudioError as error:
        if given.json:
            raise
        desk.console.say(f"cannot: {error.whole()}")
        return CANNOT
    return _verdict(desk, given, job)


def _verdict(desk: Desk, given: Given, job: JobSheet) -> int:
    word = job["pictures"][0]["verdict"].get("reproduce", {}).get("word")
    if given.json:
        desk.console.data([job])
    elif word is None:
        desk.console.say(f"cannot: {job['sentence']}")
    else:
        desk.console.say(job["sentence"])
    return {"identical": PAINTED, "different": NOT_ALL}.get(word, CANNOT)


def _reproduction(desk: Desk, given: Given) -> Asking:
    """Return the asking for a Reproduce: of a file where one is named, else of a Picture of the log."""
    named = given.words[0] if len(given.words) == 1 else ""
    source = desk.new_source()
    if named and not _is_id(named):
        raw = read_input(named, "The picture")
        return lambda: desk.studio.reproduce_file(desk.person, desk.place, source, raw)
    return ask_for(desk, Ask(desk.person, desk.place, source, given.typed, kind="reproduce"))


async def _paint(desk: Desk, given: Given, outputs: Outputs, asks: list[Asking]) -> int:
    """Ask, follow, write the Pictures as their Jobs end; a line that is refused does not stop the others."""
    files: dict[str, list[str]] = {}
    refused: list[StudioError] = []

    async def ended(job: JobSheet) -> None:
        files[job["id"]] = await _save(desk, outputs, job, told=not given.json)

    def asked(jobs: list[JobSheet]) -> None:
        outputs.name(jobs, more=len(asks) > 1)

    jobs = await Follower(desk, asked, ended).run(
        asks if len(asks) == 1 else [_forgiving(desk, ask, number, refused) for number, ask in enumerate(asks, 1)]
    )
    if given.json:
        desk.console.data([{**job, "files": files.get(job["id"], [])} for job in jobs])
    whole = all(picture["state"] == "stored" for job in jobs for picture in job["pictures"])
    return PAINTED if whole and not refused else NOT_ALL


async def _meant(desk: Desk, words: str) -> bool:
    """Ask who sits at a terminal whether many Jobs are meant; a script means what it wrote."""
    if not desk.console.asks:
        return True
    jobs = jobs_of(f"/imagine {words}", [str(model["name"]) for model in await desk.studio.models()])
    return jobs <= UNASKED or await desk.console.confirm(f"{Unsure(jobs).sentence} Paint them all?")


def _forgiving(desk: Desk, ask: Asking, number: int, refused: list[StudioError]) -> Asking:
    """Return an asking that tells which of several lines was refused and why, and goes on."""

    async def asking() -> list[JobSheet]:
        try:
            return await ask()
        except BadInput as error:
            refused.append(error)
            desk.console.note(f"Line {number}:")
            desk.console.problem(error)
            return []

    return asking


async def _save(desk: Desk, outputs: Outputs, job: JobSheet, *, told: bool = False) -> list[str]:
    """Write every stored Picture of an ended Job; `told` prints a line for each."""
    desk.console.note(job["sentence"])
    paths = []
    for picture in job["pictures"]:
        if picture["state"] == "stored":
            path = await outputs.save(desk, picture)
            paths.append(str(path))
            if told:
                desk.console.say(f"{picture['id']}  {path}")
    return paths


def _lines(desk: Desk, given: Given) -> list[str]:
    """Return the words of each Job: one, or one a line of --from-file with the other words behind it."""
    name = given.options.get("--from-file")
    if name is None:
        return [given.typed]
    if name == "-":
        text = desk.console.read()
    else:
        try:
            text = read_input(name, "--from-file").decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadInput(f"--from-file {name} is no UTF-8 text.", "Save it as UTF-8.") from error
    lines = [f"{line} {given.typed}".strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise BadInput(f"--from-file {name} has no line with words.", "Write one job a line.")
    return lines


async def _sketch(desk: Desk, named: str | None) -> str | None:
    """Return the digest of the Sketch to start from: a file's, or a painted Picture's."""
    if named is None:
        return None
    found: dict[str, Any]
    if _is_id(named):
        found = await desk.studio.picture_as_sketch(desk.person, desk.place, named)
    else:
        found = await desk.studio.take_sketch(desk.person, desk.place, read_input(named, "--sketch"))
    return _taken(desk, found)


async def _mask(desk: Desk, named: str | None) -> str | None:
    """Return the digest of a mask's file."""
    if named is None:
        return None
    return _taken(desk, await desk.studio.take_mask(desk.person, desk.place, read_input(named, "--mask")))


def _taken(desk: Desk, found: dict[str, Any]) -> str:
    for note in found["notes"]:
        desk.console.note(note)
    return str(found["digest"])


def _is_id(named: str) -> bool:
    """Say whether a word names a Picture: it looks like an id, and no file has this name."""
    return TAIL.fullmatch(named) is not None and not Path(named).exists()
