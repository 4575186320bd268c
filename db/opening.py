"""Opening the database: look before touching, refuse what is damaged, migrate what is old."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, make_url, text

from core.errors import Damaged, StudioError

log = logging.getLogger(__name__)

MAGIC = b"SQLite format 3\x00"
CHECK_BYTES = 200 * 1024 * 1024
MIGRATE_LOCK = 5_401_722


def prepare(url: str, data: Path, files_in: Path) -> Path | None:
    """Look at the database, then make the folders that hold everything; return a file still to be examined."""
    later = look(url, data, files_in)
    kept = (files_in / "pictures", files_in / "sketches", files_in / "masks")
    for folder in (data, files_in, *kept, data / "backups"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return later


def look(url: str, data: Path, files_in: Path) -> Path | None:
    """Check a SQLite file's header and schema before anything is written; return it where a full check must follow.

    After an unclean stop a file of at most 200 MB is checked whole at once. Raises Damaged naming the newest backup.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    warn_of_wal_reset(sqlite3.sqlite_version_info)
    path = Path(parsed.database)
    if not path.is_file() or path.stat().st_size == 0:
        _must_be_new(path, data, files_in)
        return None
    with path.open("rb") as file:
        head = file.read(100)
    if len(head) < 100 or not head.startswith(MAGIC):
        raise damaged(path, data, "its header is not a database's")
    wal = path.with_name(f"{path.name}-wal")
    unclean = wal.is_file() and wal.stat().st_size > 0
    large = path.stat().st_size > CHECK_BYTES
    wrong = examine(path, whole=unclean and not large)
    if wrong:
        raise damaged(path, data, wrong)
    return path if unclean and large else None


def examine(path: Path, *, whole: bool) -> str:
    """Return what is wrong with a SQLite file, empty where nothing is found; it writes nothing."""
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if not whole:
                return ""
            answer = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            return "" if answer == "ok" else answer
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        return str(error)


def examine_large(path: Path, data: Path) -> StudioError | None:
    """Check a file too large to be checked before opening; return what must be said from then on."""
    wrong = examine(path, whole=True)
    return damaged(path, data, wrong) if wrong else None


def damaged(path: Path, data: Path, why: str) -> StudioError:
    """Return the refusal to open a damaged database, which names the newest backup."""
    found = backups(data / "backups")
    hint = f"There is no backup in {data / 'backups'}."
    if found and found[-1].is_dir():
        hint = f"Restore the newest backup: ./limner restore {found[-1].name} --replace"
    elif found:
        hint = f"Restore the newest backup, {found[-1]}."
    return Damaged(f"The database {path} is damaged ({why}); it was left as it is.", hint)


def warn_of_wal_reset(version: tuple[int, int, int]) -> bool:
    """Warn where the linked SQLite can lose writes of two writing connections; one writer, as here, is safe."""
    fixed = version >= (3, 51, 3) or (3, 44, 6) <= version < (3, 45) or (3, 50, 7) <= version < (3, 51)
    if fixed or version < (3, 7, 0):
        return False
    log.warning(
        "SQLite %s has the WAL-reset bug: let no other program write to the database while Limner runs.",
        ".".join(str(part) for part in version),
    )
    return True


def migrate(connection: Connection, to: str = "head") -> None:
    """Bring the schema to a version, up or down, within the caller's transaction."""
    if connection.dialect.name == "postgresql":
        # Several programs may start at once; one migrates, the others find it done.
        connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATE_LOCK})"))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    if to == "base":
        command.downgrade(config, to)
    else:
        command.upgrade(config, to)


def _must_be_new(path: Path, data: Path, files_in: Path) -> None:
    """Refuse to start an empty log where the files say that there was one; files_in: where they lie."""
    if backups(data / "backups") or any((files_in / "pictures").glob("*/*.png")):
        raise damaged(path, data, "it is missing or empty, but its pictures or backups are there")


def backups(folder: Path) -> list[Path]:
    """Return the backups in a folder, oldest first: those made here, and whole files somebody put there."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    made = [path for path in found if path.is_dir() and (path / "manifest.json").is_file()]
    put = sorted((path for path in found if path.is_file()), key=lambda path: path.stat().st_mtime_ns)
    return [*put, *made]
