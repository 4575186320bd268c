"""Where painted pictures go on the disk: their names, their form by suffix, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from cli.desk import Desk
from core.errors import BadInput, DiskFull
from core.records import Form
from core.sheet import JobSheet, PictureSheet

FORMS: dict[str, Form] = {".png": "png", ".webp": "webp", ".jpg": "jpeg", ".jpeg": "jpeg"}


class Outputs:
    """Name and write the pictures of one command; `out` None keeps the default names in the present folder."""

    def __init__(self, out: str | None) -> None:
        self._out = None if out is None else Path(out).expanduser()
        self._numbers: Iterator[int] = count(1)
        self._names: dict[str, Path] = {}
        self._check()

    def _check(self) -> None:
        """Refuse what could not be written, before anything is painted."""
        if self._out is None or self._out.is_dir():
            return
        if self._out.suffix.lower() not in FORMS:
            raise BadInput(f"--out {self._out} has no ending Limner writes.", "Use .png, .webp or .jpg, or a folder.")
        if not self._out.parent.is_dir():
            raise BadInput(f"There is no folder {self._out.parent}.", "Make it first.")
        if not os.access(self._out.parent, os.W_OK):
            raise BadInput(f"The folder {self._out.parent} cannot be written to.", "Choose another with --out.")

    def name(self, jobs: Sequence[JobSheet], *, more: bool = False) -> None:
        """Give each Picture its file name, in the order asked for; `more`: others may follow, so number these too."""
        ids = [picture["id"] for job in jobs for picture in job["pictures"]]
        for picture_id in ids:
            self._names[picture_id] = self._path(picture_id, numbered=more or len(ids) > 1)

    def _path(self, picture_id: str, *, numbered: bool) -> Path:
        own = f"limner-{picture_id[-6:]}.png"
        if self._out is None:
            return Path(own)
        if self._out.is_dir():
            return self._out / own
        return self._out.with_stem(f"{self._out.stem}-{next(self._numbers)}") if numbered else self._out

    async def save(self, desk: Desk, picture: PictureSheet) -> Path:
        """Fetch a stored Picture with its Recipe and write it; return where it lies."""
        path = self._names[picture["id"]]
        form = FORMS[path.suffix.lower()]
        raw, _ = await desk.studio.picture_file(desk.person, desk.place, picture["id"], form, True)
        write_whole(path, raw)
        return path

    async def save_beside(self, desk: Desk, picture: PictureSheet) -> list[Path]:
        """Write what is kept beside a Picture, under its name and the role; return where that lies."""
        path, paths = self._names[picture["id"]], []
        form = FORMS[path.suffix.lower()]
        for role in [each["role"] for each in picture["companions"] if not each["gone"]]:
            raw, _ = await desk.studio.picture_file(desk.person, desk.place, picture["id"], form, role=role)
            paths.append(path.with_stem(f"{path.stem}-{role}"))
            write_whole(paths[-1], raw)
        return paths


def write_whole(path: Path, raw: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_bytes(raw)
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise DiskFull(
            f"{path} cannot be written: {error.strerror}.", "The picture is kept: ./limner show --out elsewhere."
        ) from error


def read_input(named: str, what: str) -> bytes:
    """Read a file somebody named on the command line."""
    try:
        return Path(named).expanduser().read_bytes()
    except (OSError, RuntimeError) as error:
        raise BadInput(f"{what} {named} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
