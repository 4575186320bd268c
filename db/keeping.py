"""From a Painted to what its row says: the file on the disk and, for a Reproduce, the verdict."""

from __future__ import annotations

import io
import struct
from dataclasses import replace

from PIL import Image, ImageChops

from core.draft import SketchInfo
from core.errors import Damaged, NotFound
from core.picture import Companion, Picture, Replay, Verdict
from core.progress import Handed, Painted
from db import holding, marks, reading
from db.claims import Kept
from db.files import Files
from db.rows import pack
from db.session import Store


def keep(files: Files, store: Store, picture: Picture, painted: Painted) -> Kept:
    """Write the file, compare it where the Picture was made again; blocks, so call it in the pool."""
    file_digest, size, verdict = "", 0, None
    if picture.replay is not None:
        before = original(files, store, picture.replay)
        found = judge(picture.replay, painted, before[1] if before else None)
        verdict = pack({"reproduce": found.as_json()})
        if before and found.word == "identical":
            file_digest, size = before[0], len(before[1])
    if not file_digest:
        file_digest, size = files.keep(painted.png, "picture"), len(painted.png)
    return Kept(
        pixels_digest=painted.pixels_digest,
        file_digest=file_digest,
        bytes=size,
        width=painted.width,
        height=painted.height,
        fingerprint=pack(painted.fingerprint.as_json()),
        verdict=verdict,
        beside=tuple(_beside(files, each) for each in painted.companions),
    )


def _beside(files: Files, handed: Handed) -> tuple[Companion, int]:
    digest = files.keep(handed.png, "picture")
    return Companion(handed.role, handed.pixels_digest, digest, handed.width, handed.height), len(handed.png)


def still(files: Files, kept: Kept, painted: Painted) -> Kept:
    """Return what is kept once its files are surely there: an erase may have taken them; on the write thread."""
    for handed, (companion, _) in zip(painted.companions, kept.beside, strict=True):
        if not files.has(companion.file_digest or "", "picture"):
            files.keep(handed.png, "picture")
    if files.has(kept.file_digest, "picture"):
        return kept
    return replace(kept, file_digest=files.keep(painted.png, "picture"), bytes=len(painted.png))


def original(files: Files, store: Store, replay: Replay) -> tuple[str, bytes] | None:
    """Return digest and bytes of the file whose pixels must come out, None where it is gone or damaged."""
    expected = store.read_now(lambda session: reading.picture_by_pixels(session, replay.pixels_digest))
    if expected is None or expected.file_digest is None:
        return None
    try:
        return expected.file_digest, files.read(expected.file_digest, "picture")
    except (NotFound, Damaged):
        return None


def judge(replay: Replay, painted: Painted, before: bytes | None) -> Verdict:
    """Say whether the same pixels came out, else what differs and by how much."""
    if painted.pixels_digest == replay.pixels_digest:
        return Verdict("identical")
    most, share = apart(before, painted.png) if before else (0, 0.0)
    return Verdict("different", replay.fingerprint.differing(painted.fingerprint), most, share)


def apart(first: bytes, second: bytes) -> tuple[int, float]:
    """Return the largest difference of two PNGs' values, of 255, and the share of values that differ."""
    one, two = (Image.open(io.BytesIO(png), formats=("PNG",)).convert("RGB") for png in (first, second))
    if one.size != two.size:
        return 255, 1.0
    counts = ImageChops.difference(one, two).histogram()
    # 256 counts for each of the three channels, one after another.
    most = max(place % 256 for place, count in enumerate(counts) if count)
    return most, 1 - sum(counts[::256]) / sum(counts)


def sketch(files: Files, store: Store, digest: str, person: str) -> SketchInfo | None:
    """Find a Person's Sketch and the mask of its transparent part; its size stands in its file."""
    row = store.read_now(lambda session: holding.holds(session, person, ("sketch", digest)))
    head = None if row is None else files.head(digest, "sketch", 24)
    if row is None or head is None:
        return None
    width, height = struct.unpack(">II", head[16:24])
    return SketchInfo(digest, width, height, *holding.clear_part(row))


def sweep(files: Files, store: Store, now: int) -> int:
    """Remove files that have no row and are older than an hour; return how many."""
    old = list(files.stale(now))
    known = store.read_now(lambda session: marks.known_files(session, [(kind, path.stem) for kind, path in old]))
    lost = [path for kind, path in old if path.suffix != ".png" or (kind, path.stem) not in known]
    for path in lost:
        path.unlink(missing_ok=True)
    return len(lost)
