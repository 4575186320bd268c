"""What passes between core, the Archive and the faces: new Jobs, Parcels, moves and the small types around them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from core.job import Job, Kind
from core.person import Person, Place
from core.picture import Picture, Replay
from core.recipe import Recipe

Clock = Callable[[], int]
"""Milliseconds UTC."""

CrashPoint = Callable[[str], None]
"""Called with the name of each point between accept and delivered; does nothing outside the crash tests."""


def milliseconds() -> int:
    """Return the time now by this machine's clock, ms UTC."""
    return time.time_ns() // 1_000_000


def nothing(_: str) -> None:
    """Be the crash point that does nothing."""


@dataclass(frozen=True, slots=True)
class NewPicture:
    """One Recipe to be written at accept, with what it costs."""

    recipe: Recipe
    cost: int
    parent_id: str | None = None
    replay: Replay | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a chat gave to answer by: an interaction's token (wiped at expiry) and where its message is.

    message_id: of an interaction the card that answers it, else the message to be answered. promised: it was written
    down before there was a Job.
    """

    application_id: str = ""
    token: str = ""
    channel_id: str = ""
    message_id: str = ""
    expires_at: int = 0
    promised: bool = False


@dataclass(frozen=True, slots=True)
class NewJob:
    """A Job to be accepted; `dedupe_key` is `<source id>/<index>`, `notes` was mended and said.

    behind: it is claimed only while no other Job is queued, and stands in nobody's line. weight: how many shares of the
    device its Person has; priority: claimed before those of a lower one, for a while (db/claims.py).
    """

    dedupe_key: str
    person: Person
    place: Place
    kind: Kind
    typed: str
    pictures: tuple[NewPicture, ...]
    model: str = ""
    sketch: str | None = None
    notes: tuple[str, ...] = ()
    reply: Reply | None = None
    behind: bool = False
    weight: int = 1
    priority: int = 0

    @property
    def cost(self) -> int:
        """Return the whole Job's cost."""
        return sum(picture.cost for picture in self.pictures)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One outbox row to deliver: a result or an apology, with the Job, its Pictures and the Reply it may use."""

    kind: Literal["result", "apology"]
    job: Job
    pictures: tuple[Picture, ...]
    nonce: str
    tries: int
    fence: int
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Say what a Face did with a Parcel; `dead` is a permanent refusal (deleted channel, no permission)."""

    message_id: str = ""
    dead: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """One row of `moves`: what happened to a Job, in the order it was committed. seen: who and where it is shown."""

    id: int
    job_id: str
    person: str
    place: Place
    at: int
    from_state: str
    to_state: str
    attempt: int
    why: str


@dataclass(frozen=True, slots=True)
class Act:
    """One thing the owner or who manages a server did there: `server` is whose Rules it changed."""

    person: str
    place: Place
    server: str
    what: str
    detail: Mapping[str, Any]
    at: int = 0
    id: int = 0


@dataclass(frozen=True, slots=True)
class Erased:
    """Say how much was erased; running: Jobs that were being painted. wal: nothing is left in the database's log."""

    jobs: int = 0
    pictures: int = 0
    files: int = 0
    running: tuple[str, ...] = ()
    wal: bool = True


CODE = re.compile(r"[a-z_]+(?: [a-z_]+)*")
"""How a move says why, before the colon: what follows are words for people, and may quote them."""


def reason(why: str) -> str:
    """Return a move's reason without the words that follow it."""
    found = CODE.match(why)
    return found[0] if found else ""


@dataclass(frozen=True, slots=True)
class Asker:
    """Say of a Person how many Jobs it asked for since a time, what it was charged, and when it asked last."""

    person: str
    jobs: int
    cost: int
    at: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Count what happened since a time: by Person, under the digested name of the ledger."""

    open: int
    painted: int
    failed: int
    cost: Mapping[str, int]
    acts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """Name one file of a Model as the disk knows it; another size, time or inode is another file."""

    path: str
    size: int
    mtime_ns: int
    inode: int


Form = Literal["png", "webp", "jpeg", "thumb"]


@dataclass(frozen=True, slots=True)
class PngFacts:
    """What a PNG brought along says: text chunks by keyword, its pixels' digest and size."""

    texts: dict[str, str]
    pixels_digest: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class FileTexts:
    """What any tool wrote into a file somebody brings: texts by keyword, and the file's size in pixels."""

    texts: dict[str, str]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Keep:
    """How long files are kept, in days, and how much of the disk they may fill; 0 = for ever, without bound."""

    pictures_days: int = 0
    sketches_days: int = 0
    disk_mb: int = 0


Event = dict[str, Any]
"""What `Studio.watch` yields: {id: moves.id or None, type: move | waiting | stepping, job: id, ...}."""
