"""Backups: a consistent copy of the log while it is written to, and the files it names, kept once for all backups."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import make_url, select
from sqlalchemy.orm import Session

from core.errors import Damaged, NotAllowed, NotFound
from db.files import FOLDERS, Kind
from db.opening import backups, examine
from db.tables import FileRow

DAY_MS = 24 * 3_600_000
POOL = "files"
BESIDE = ("payer.key", "config.toml")
"""What a log needs beside it: the key of its ledger, and the owner's settings. Never data/env: it holds secrets."""

Named = list[tuple[Kind, str]]


def named(session: Session) -> Named:
    """Return kind and digest of every file the log knows."""
    return [(cast(Kind, kind), digest) for kind, digest in session.execute(select(FileRow.kind, FileRow.digest))]


def make(data: Path, url: str, files: Named, now: int, keep_days: int) -> dict[str, Any]:
    """Make one backup, then delete those that are too old; return what it holds."""
    root = data / "backups"
    name = f"limner-{datetime.fromtimestamp(now / 1000, UTC).strftime('%Y%m%dT%H%M%S')}{now % 1000:03}Z"
    part = root / f"{name}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700, parents=True)
    parsed = make_url(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    if sqlite:
        files = _copy_log(Path(parsed.database or ""), part / "limner.db")
    for beside in BESIDE:
        if (data / beside).is_file():
            _copy(data / beside, part / beside)
    missing = sum(not _bring(data, root / POOL, kind, digest) for kind, digest in files)
    (part / "files.txt").write_text("".join(f"{kind} {digest}\n" for kind, digest in files), encoding="utf-8")
    dump = "" if sqlite else f"pg_dump --format=custom --file={root / name}.dump {parsed.render_as_string()}"
    told = {"name": name, "path": str(root / name), "at": now, "files": len(files) - missing, "missing": missing}
    (part / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    _flush(part)
    part.rename(root / name)
    _flush(root)
    return {**told, "deleted": _rotate(root, now, keep_days), "also": dump}


def restore(data: Path, wanted: str, *, replace: bool, stamp: str) -> dict[str, Any]:
    """Bring a backup back; a log that is there is put aside where `replace` is said, and never deleted."""
    folder = _find(data, wanted)
    copy, log = folder / "limner.db", data / "limner.db"
    if not copy.is_file():
        raise NotFound(f"{folder.name} holds no log: it is of PostgreSQL.", "Use pg_restore; see docs/operations.md.")
    if wrong := examine(copy, whole=True):
        raise Damaged(f"The backup {folder} is damaged ({wrong}).", "Take another one.")
    there = [path for path in data.glob("limner.db*") if path.is_file()]
    if any(path.stat().st_size for path in there) and not replace:
        raise NotAllowed(f"There is a log already, {log}.", "Add --replace: it is put aside, not deleted.")
    files = [(kind, digest) for kind, digest in _listed(folder)]
    missing = sum(not _bring(folder.parent / POOL, data, kind, digest) for kind, digest in files)
    fresh = data / "restored.new"
    _copy(copy, fresh)
    aside = data / "backups" / f"aside-{stamp}"
    for path in [*there, data / "payer.key"]:
        if path.is_file():
            aside.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.rename(aside / path.name)
    if (folder / "payer.key").is_file():
        _copy(folder / "payer.key", data / "payer.key")
    fresh.rename(log)
    _flush(data)
    return {"name": folder.name, "files": len(files) - missing, "missing": missing,
            "aside": str(aside) if aside.is_dir() else ""}  # fmt: skip


def _copy_log(log: Path, to: Path) -> Named:
    """Copy the database as it stands at one moment, without holding up who writes; return the files it names."""
    address = f"{log.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as source, closing(sqlite3.connect(to)) as copy:
        # One step: in many, a write between two of them would begin the copy anew.
        source.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode=DELETE").close()
        rows: Named = copy.execute("SELECT kind, digest FROM files").fetchall()
    to.chmod(0o600)
    if wrong := examine(to, whole=True):
        raise Damaged(f"The log is damaged ({wrong}): no backup was made of it.", "Restore the newest backup.")
    return rows


def _bring(source: Path, to: Path, kind: Kind, digest: str) -> bool:
    """Put a file into another tree, as a second name of the same bytes where the disk allows; say if it is there."""
    part = Path(FOLDERS[kind], digest[:2], f"{digest}.png")
    target = to / part
    if target.is_file():
        return True
    if not (source / part).is_file():
        return False
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.link(source / part, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise
        _copy(source / part, target)
    return True


def _copy(source: Path, to: Path) -> None:
    """Copy a file whole or not at all, for the owner alone to read."""
    part = to.with_name(f"{to.name}.part")
    with source.open("rb") as old, os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as new:
        shutil.copyfileobj(old, new)
        new.flush()
        os.fsync(new.fileno())
    part.replace(to)


def _rotate(root: Path, now: int, keep_days: int) -> int:
    """Delete backups that are too old, never the newest, and the files that no backup names any more."""
    old = []
    if keep_days:
        for folder in [path for path in backups(root) if path.is_dir()][:-1]:
            made = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["at"]
            if made < now - keep_days * DAY_MS:
                old.append(folder)
    for folder in old:
        shutil.rmtree(folder)
    if old:
        kept = {digest for folder in backups(root) if folder.is_dir() for _, digest in _listed(folder)}
        for path in (root / POOL).glob("*/*/*.png"):
            if path.stem not in kept:
                path.unlink()
    return len(old)


def _find(data: Path, wanted: str) -> Path:
    known = [path for path in backups(data / "backups") if path.is_dir()]
    for folder in (*known, Path(wanted).expanduser()):
        if (folder.name == wanted or str(folder) == wanted.rstrip("/")) and (folder / "files.txt").is_file():
            return folder
    hint = f"The newest is {known[-1].name}." if known else f"There is none in {data / 'backups'}."
    raise NotFound(f"There is no backup {wanted}.", hint)


def _listed(folder: Path) -> Iterable[tuple[Kind, str]]:
    for line in (folder / "files.txt").read_text(encoding="utf-8").splitlines():
        kind, digest = line.split()
        for known in FOLDERS:
            if known == kind:
                yield known, digest


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
