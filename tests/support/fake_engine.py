"""FakeEngine: an Engine without torch whose pixels depend on the Recipe alone, whose time and failures are planned."""

from __future__ import annotations

import base64
import hashlib
import struct
import threading
import time
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass

from core.cost import calls
from core.errors import EmptyPicture
from core.picture import Fingerprint, pixels_digest
from core.progress import Handed, Painted
from core.recipe import ModelRef, Paint, digest
from inference.engine import Loading
from inference.run import Batch, Key, Run

PREVIEW = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKrarYqMyP/L2u71////m8H////6"
    "/+b9//j/2wBDASstLTw1PHZBQXb4pYyl+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj/wAARC"
    "AAIAAgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAX/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFAEBAAAAAAAAAAAAAAAAAAAABP/E"
    "ABQRAQAAAAAAAAAAAAAAAAAAAAD/2gAMAwEAAhEDEQA/AKAKS//Z"
)
"""A JPEG of 8x8 pixels."""


class OutOfMemoryError(RuntimeError):
    """Look like torch.OutOfMemoryError, which is known by its name."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the Engine: which, on which thread, with which Runs as (job id, picture); size of a step."""

    name: str
    thread: str
    runs: tuple[tuple[str, int], ...] = ()
    size: int = 0
    key: Key | None = None


class FakeEngine:
    """Paint stripes. A Prompt with one of these words fails as it says, each time:

    badbegin, badstep, baddecode, badwrap, badpreview: an error there; nan: the Run's own error at its second call;
    bigoom: out of memory wherever a call has more than 2 rows; oom: in every call; tightoom: in every one that is not
    sparing; loadoom: at the begin, unless it is alone; decodeoom: at the decoding, unless in tiles; cudaerror: the
    device is lost. The word beside hands over a prepared sketch with the Picture.

    step_s: seconds a call takes, slept by `sleep`, or a callable that is given the Batch and returns them (it may
    block).
    """

    def __init__(
        self,
        sizes: tuple[int, ...] = (1, 2, 4, 8),
        step_s: float | Callable[[Batch], float] = 0.0,
        *,
        warm: Callable[[], None] | None = None,
        threads: int = 1,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.sizes = sizes
        self.record: list[Call] = []
        self._step_s = step_s
        self._warm = warm
        self._threads = threads
        self._sleep = sleep
        self._held: frozenset[str] = frozenset()

    def warm(self) -> None:
        self._note("warm")
        if self._warm is not None:
            self._warm()

    def load(self, model: ModelRef) -> None:
        self._note("load")
        self._held = self._held | {model.digest}

    def unload(self, digest: str) -> None:
        self._note("unload")
        self._held = self._held - {digest}

    def held(self) -> frozenset[str]:
        return self._held

    def loading(self, run: Run, beside: Collection[str]) -> Loading:
        return "none"

    def begin(self, run: Run) -> None:
        self._note("begin", run)
        self._fail(run, "badbegin")
        if "loadoom" in _words(run) and not run.solo:
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        recipe = run.recipe
        threads = self._threads if run.replay is None else run.replay.fingerprint.facts.get("threads", self._threads)
        run.key = Key(
            model=recipe.model.digest if isinstance(recipe, Paint) else "",
            latent=(recipe.height // 8, recipe.width // 8),
            text=77 * (1 + len(recipe.prompt.split()) // 75) if isinstance(recipe, Paint) else 0,
            threads=threads,
            exclusive=threads != self._threads or run.sparing,
            profile="low" if run.sparing else "high",
        )
        run.calls = calls(recipe)
        run.rows = 2 if isinstance(recipe, Paint) and recipe.guided else 1
        run.state = 0

    def step(self, batch: Batch) -> None:
        self._note("step", *batch.runs, size=batch.size, key=batch.key)
        seconds = self._step_s(batch) if callable(self._step_s) else self._step_s
        if seconds:
            self._sleep(seconds)
        for run in batch.runs:
            self._fail(run, "badstep")
            if "cudaerror" in _words(run):
                raise RuntimeError("CUDA error: an illegal memory access was encountered")
            if "tightoom" in _words(run) and not run.sparing:
                raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            if "oom" in _words(run) or ("bigoom" in _words(run) and batch.size > 2):
                raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        for run in batch.runs:
            if "nan" in _words(run) and run.done == 1:
                run.error = EmptyPicture("The model gave no picture (NaN).", "Try another seed.")
                continue
            run.state += 1
            run.stepped(batch.size)

    def preview(self, run: Run) -> bytes | None:
        self._note("preview", run)
        self._fail(run, "badpreview")
        return PREVIEW

    def decode(self, run: Run) -> object:
        self._note("decode", run)
        self._fail(run, "baddecode")
        if "decodeoom" in _words(run) and not run.tiled:
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        if run.state != calls(run.recipe):
            raise AssertionError(f"a Run of {calls(run.recipe)} calls is decoded after {run.state}")
        return _pixels(run)

    def wrap(self, run: Run, decoded: object) -> Painted:
        self._note("wrap", run)
        self._fail(run, "badwrap")
        assert isinstance(decoded, bytes)
        width, height = run.recipe.width, run.recipe.height
        trace = tuple((size, count) for size, count in run.trace)
        made_by = Fingerprint(trace, {"device": "fake", "dtype": "float32", "threads": self._threads})
        pixels = pixels_digest(width, height, decoded)
        png = _png(width, height, decoded)
        beside = (Handed("prepared", png, pixels, width, height),) if "beside" in _words(run) else ()
        return Painted(run.picture, png, pixels, width, height, made_by, beside)

    def close(self) -> None:
        self._note("close")

    def steps(self) -> list[Call]:
        """Return the model calls made so far."""
        return [call for call in self.record if call.name == "step"]

    def _note(self, name: str, *runs: Run, size: int = 0, key: Key | None = None) -> None:
        named = tuple((run.job_id, run.picture) for run in runs)
        self.record.append(Call(name, threading.current_thread().name, named, size, key))

    def _fail(self, run: Run, word: str) -> None:
        if word in _words(run):
            raise RuntimeError(f"planted: {word}")


def _words(run: Run) -> list[str]:
    return run.recipe.prompt.split() if isinstance(run.recipe, Paint) else []


def _pixels(run: Run) -> bytes:
    """Draw one row from the Recipe's digest; each row below is the same, one pixel further."""
    width, height = run.recipe.width, run.recipe.height
    row = hashlib.shake_256(digest(run.recipe).encode()).digest(3 * width)
    return b"".join(row[3 * (y % width) :] + row[: 3 * (y % width)] for y in range(height))


def _png(width: int, height: int, rgb: bytes) -> bytes:
    rows = b"".join(b"\0" + rgb[3 * width * y : 3 * width * (y + 1)] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
