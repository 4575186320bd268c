"""A real Archive on a temporary folder, Jobs to put in, and tiny real PNGs that come out."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image

from core.cost import cost
from core.job import Job, Kind
from core.person import Person, Place
from core.picture import Fingerprint, Picture, Replay, pixels_digest
from core.progress import Painted
from core.recipe import SEEDS, ModelRef, Paint
from core.records import NewJob, NewPicture, Reply
from db.archive import SqlArchive

START = 1_800_000_000_000


@dataclass
class Ticks:
    """A clock that moves only when told to; ms UTC."""

    now: int = START

    def __call__(self) -> int:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += round(seconds * 1000)


def noise(seed: str = "limner") -> Callable[[int], bytes]:
    """Return randomness that is the same in every run."""
    count = itertools.count()
    return lambda size: hashlib.shake_256(f"{seed}{next(count)}".encode()).digest(size)


@dataclass
class Numbers:
    """Give each Job of a test its own dedupe key."""

    _count: Iterator[int] = field(default_factory=itertools.count)

    def key(self) -> str:
        return f"test-{next(self._count)}/0"


KEYS = Numbers()


async def open_archive(path: Path, **over: Any) -> SqlArchive:
    """Open an Archive in a folder (SQLite, synchronous=OFF); `over` replaces any argument of SqlArchive.open.

    The folder must be there. The pool is left to the process; close the Archive with `await archive.close()`.
    """
    arguments: dict[str, Any] = {
        "url": f"sqlite:///{path / 'limner.db'}",
        "data": path,
        "clock": Ticks(),
        "payer_key": b"a key of the tests",
        "randomness": os.urandom,
        "synchronous": "OFF",
        "free_bytes": lambda _: 10**12,
    }
    arguments |= over
    if "pool" not in arguments:
        arguments["pool"] = ThreadPoolExecutor(4, thread_name_prefix="limner-pool")
    url, data = arguments.pop("url"), arguments.pop("data")
    return await SqlArchive.open(url, data, **arguments)


def recipe(seed: int = 1, **over: Any) -> Paint:
    """Return a small Recipe."""
    plain = Paint(
        prompt="a red heart",
        seed=seed,
        width=64,
        height=64,
        steps=2,
        guidance=3.0,
        sampler="euler",
        model=ModelRef("sd", "ab" * 32),
    )
    return replace(plain, **over)


def new_job(
    person: str = "web:owner",
    seed: int = 1,
    n: int = 1,
    *,
    key: str | None = None,
    kind: Kind = "imagine",
    typed: str = "a red heart",
    place: Place | None = None,
    reply: Reply | None = None,
    replay: Replay | None = None,
    parent_id: str | None = None,
    sketch: str | None = None,
    model: str = "tiny",
    notes: tuple[str, ...] = (),
    **over: Any,
) -> NewJob:
    """Return a Job of `n` Pictures with Seeds from `seed` on; `over` goes into its Recipes."""
    recipes = [recipe((seed + k) % SEEDS, **over) for k in range(n)]
    return NewJob(
        dedupe_key=key or KEYS.key(),
        person=Person(person),
        place=place or Place.of(person.partition(":")[0], {"channel": "1"}),
        kind=kind,
        typed=typed,
        pictures=tuple(NewPicture(each, cost(each), parent_id, replay) for each in recipes),
        model=model,
        sketch=sketch,
        notes=notes,
        reply=reply,
    )


def png(colour: tuple[int, int, int] = (200, 30, 40), size: tuple[int, int] = (64, 64)) -> bytes:
    """Return a bare RGB PNG of one colour."""
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def painted(
    picture: Picture,
    *,
    salt: int = 0,
    colour: tuple[int, int, int] | None = None,
    facts: dict[str, Any] | None = None,
    trace: tuple[tuple[int, int], ...] = ((1, 2),),
) -> Painted:
    """Return what a Renderer would hand over: the colour hangs on the Seed and `salt` alone."""
    seed = picture.seed + salt
    tint = colour or (seed % 251, seed // 251 % 251, 7)
    size = (picture.recipe.width, picture.recipe.height)
    digest = pixels_digest(*size, bytes(tint) * (size[0] * size[1]))
    fingerprint = Fingerprint(trace, facts or {"torch": "2", "device": "test"})
    return Painted(picture.index, png(tint, size), digest, *size, fingerprint)


async def paint_all(archive: SqlArchive, job: Job, pictures: tuple[Picture, ...], salt: int = 0) -> Job:
    """Store every Picture of a claimed Job and finish it."""
    for picture in pictures:
        await archive.store(job, picture, painted(picture, salt=salt))
    return await archive.finish(job)
