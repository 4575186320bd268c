"""What the program remembers beside Jobs: digests of Model files, rows of files, overrides."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.records import WeightsFile
from db import shared
from db.tables import FileRow, OverrideRow, WeightsRow


def weights(session: Session) -> dict[WeightsFile, str]:
    """Return the digests of Model files seen before."""
    rows = session.scalars(select(WeightsRow))
    return {WeightsFile(row.path, row.size, row.mtime_ns, int(row.inode)): row.digest for row in rows}


def keep_weights(session: Session, found: Mapping[WeightsFile, str]) -> None:
    """Keep digests; a path has one row, that of the file it is now."""
    for file, digest in found.items():
        session.merge(
            WeightsRow(path=file.path, size=file.size, mtime_ns=file.mtime_ns, inode=str(file.inode), digest=digest)
        )


def known_files(session: Session, several: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return which (kind, digest) pairs have a row."""
    return {(kind, digest) for kind, digest in several if session.get(FileRow, (digest, kind)) is not None}


def overrides(session: Session) -> dict[str, Any]:
    """Return the operator's settings by name."""
    return {row.key: json.loads(row.value) for row in session.scalars(select(OverrideRow))}


def override(session: Session, changes: Mapping[str, Any]) -> None:
    """Write settings by name; None takes one away."""
    for key, value in changes.items():
        if value is None:
            session.execute(delete(OverrideRow).where(OverrideRow.key == key))
        else:
            session.merge(OverrideRow(key=key, value=json.dumps(value)))
    shared.moved(session)
