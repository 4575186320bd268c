"""Do the verbs for what may be asked for and what is one's own: styles, limits, the line, all that is kept."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from cli.args import Given
from cli.desk import Desk
from core.errors import BadInput, DiskFull
from core.telling import style_lines


async def limits(desk: Desk, given: Given) -> int:
    """List each Limit with what is used of it."""
    _no_words(given, "limits")
    found = await desk.studio.people.limits(desk.person, desk.place)
    if given.json:
        desk.console.data(found)
    else:
        desk.console.table([[each["sentence"], _opens(each["opens_at"])] for each in found])
    return 0


async def styles(desk: Desk, given: Given) -> int:
    """List the styles by category."""
    _no_words(given, "styles")
    found = await desk.studio.styles()
    if given.json:
        desk.console.data(found)
    else:
        for line in style_lines(found):
            desk.console.say(line)
    return 0


async def queue(desk: Desk, given: Given) -> int:
    """List the open Jobs in the order of the line."""
    _no_words(given, "queue")
    found = await desk.studio.people.queue(desk.person, desk.place)
    if given.json:
        desk.console.data(found)
    elif not found:
        desk.console.note("Nothing waits.")
    else:
        desk.console.table([[(each["job"] or "")[-6:], each["sentence"], each["words"] or ""] for each in found])
    return 0


async def export(desk: Desk, given: Given) -> int:
    """Write the zip of all that is kept, whole or not at all."""
    _no_words(given, "export")
    path = _target(given)
    fresh = path.with_name(f".{path.name}.new")
    size = 0
    try:
        with _private(fresh) as file:
            async for piece in desk.studio.people.export(desk.person):
                size += file.write(piece)
        fresh.replace(path)
    except OSError as error:
        raise DiskFull(f"{path} cannot be written: {error.strerror}.", "Choose another place with --out.") from error
    finally:
        fresh.unlink(missing_ok=True)
    if given.json:
        desk.console.data({"file": str(path), "bytes": size})
    else:
        desk.console.say(f"{path} {size} bytes")
    return 0


async def erase(desk: Desk, given: Given) -> int:
    """Erase all that is kept, where it was confirmed."""
    _no_words(given, "erase")
    done = await desk.studio.people.erase(desk.person, given.options.get("--confirm", ""))
    if given.json:
        desk.console.data(done)
    else:
        desk.console.say(done["sentence"])
    return 0


def _target(given: Given) -> Path:
    path = Path(given.options.get("--out", "limner-export.zip")).expanduser()
    if not path.parent.is_dir():
        raise BadInput(f"There is no folder {path.parent}.", "Make it first.")
    return path


def _private(path: Path) -> BinaryIO:
    """Open a file for writing that the owner alone may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _no_words(given: Given, verb: str) -> None:
    if given.words:
        raise BadInput(f"./limner {verb} takes no words.", f"See ./limner {verb} --help.")


def _opens(at: int | None) -> str:
    """Say when there is room again, in the reader's zone."""
    if at is None:
        return ""
    return f"opens again at {datetime.fromtimestamp(at / 1000).astimezone():%Y-%m-%d %H:%M:%S}"
