"""Export: all that is kept of one Person, as a zip written to a file without a name and read back in pieces."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import AsyncIterator
from typing import IO, Any

from core import wording
from core.defaults import Defaults
from core.errors import NO_ROOM, DiskFull, StudioError
from core.job import Job
from core.person import Person
from core.picture import Picture, stem
from core.ports import Archive
from core.recipe import Source, sources
from core.sheet import job_sheet

PAGE = 100
CHUNK = 256 * 1024

READ_ME = """What Limner keeps of {person}.

jobs.jsonl      one job a line: what was typed, its pictures with recipes and fingerprints, how it ended
defaults.json   what you want where nothing is typed
pictures/       the pictures, each with its recipe in it (drop one on ./limner reproduce), and what is kept beside them
sketch/, mask/  the sketches and masks you sent, as they are kept
missing.json    files that could not be read, and why
"""


async def zipped(archive: Archive, person: Person, defaults: Defaults) -> AsyncIterator[bytes]:
    """Yield the zip; nothing of it stays on the disk, however this ends."""
    try:
        with tempfile.TemporaryFile() as file:
            await _write(archive, person, defaults, file)
            file.seek(0)
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise DiskFull("There is no room on the disk for an export.", "The owner must make room.") from error


async def _write(archive: Archive, person: Person, defaults: Defaults, file: IO[bytes]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as folder:
        folder.writestr("README.txt", READ_ME.format(person=person.id))
        folder.writestr("defaults.json", _dump(defaults.as_json()))
        painted, sketches = await _jobs(archive, person, folder)
        sketches |= set(await archive.held(person.id))
        missing = await _files(archive, painted, sketches, folder)
        folder.writestr("missing.json", _dump(missing))


async def _jobs(archive: Archive, person: Person, folder: zipfile.ZipFile) -> tuple[list[Picture], set[Source]]:
    """Write every Job, and return the stored Pictures and the Sketches they started from."""
    painted: list[Picture] = []
    sketches: set[Source] = set()
    before: str | None = None
    with folder.open("jobs.jsonl", "w") as lines:
        while jobs := await archive.history(person.id, before, PAGE, removed=True):
            pictures = await archive.pictures([job.id for job in jobs])
            for job in jobs:
                lines.write((json.dumps(_job(person, job, pictures[job.id]), ensure_ascii=False) + "\n").encode())
                stored = [picture for picture in pictures[job.id] if picture.state == "stored"]
                painted += stored
                painted += [picture.beside(each.role) for picture in stored for each in picture.companions]
                sketches |= {each for picture in pictures[job.id] for each in sources(picture.recipe)}
            before = jobs[-1].id
    return painted, sketches


def _job(person: Person, job: Job, pictures: tuple[Picture, ...]) -> dict[str, Any]:
    return {**job_sheet(person, job, pictures), "place": {"face": job.place.face, **job.place.unpack()}}


async def _files(
    archive: Archive, painted: list[Picture], sent: set[Source], folder: zipfile.ZipFile
) -> dict[str, str]:
    """Write the files as they are, for PNGs do not shrink; return those that cannot be read, with why."""
    missing: dict[str, str] = {}
    for picture in painted:
        name = f"pictures/{stem(picture.id, picture.role)}.png"
        if told := wording.gone(picture):
            missing[name] = told
            continue
        try:
            raw, _ = await archive.form(picture, "png", recipe=picture.role == "picture")
        except StudioError as error:
            missing[name] = error.whole()
        else:
            folder.writestr(name, raw, zipfile.ZIP_STORED)
    for kind, digest in sorted(sent):
        name = f"{kind}/{digest}.png"
        try:
            folder.writestr(name, await archive.file(digest, kind), zipfile.ZIP_STORED)
        except StudioError as error:
            missing[name] = error.whole()
    return missing


def _dump(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True)
