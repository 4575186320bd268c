"""What lies in files and what is known of them: Sketches, Pictures as they go out, digests of Models."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from core import wording
from core.draft import MaskInfo, SketchInfo
from core.errors import NotFound
from core.limits import NO_LIMITS, Limits
from core.picture import Picture
from core.recipe import Source
from core.records import FileTexts, Form, PngFacts, WeightsFile
from db import erasing, forms, holding, keeping, marks, masks, reading
from db.files import Kind
from db.intake import Intake
from db.joblog import JobLog

SentKind = Literal["sketch", "mask"]


@dataclass(frozen=True, slots=True)
class Shelf(JobLog):
    """Be the part of the Archive that keeps bytes."""

    _intake: Intake
    _intakes: asyncio.Semaphore

    async def take_sketch(
        self, raw: bytes, person: str, limits: Limits = NO_LIMITS
    ) -> tuple[SketchInfo, tuple[str, ...]]:
        """Check, normalise and keep an attachment; raise LimitReached, or BadSketch with the reason."""
        await self._store.read(lambda s: holding.check(s, self._clock(), person, limits))
        async with self._intakes:
            clean = await self._store.in_pool(lambda: self._intake.sketch(raw))
        digest = await self._store.in_pool(lambda: self._files.keep(clean.png, "sketch"))
        mask = await self._store.in_pool(lambda: self._files.keep(clean.mask, "mask")) if clean.mask else None
        info = SketchInfo(digest, clean.width, clean.height, clean.clear, mask)

        def work(session: Session) -> None:
            if info.mask is not None:
                self._sent(session, person, "mask", clean.mask)
            self._sent(session, person, "sketch", clean.png, info)

        await self._store.write(work)
        return info, clean.notes

    async def take_mask(self, raw: bytes, person: str, limits: Limits = NO_LIMITS) -> tuple[MaskInfo, tuple[str, ...]]:
        """Check, normalise and keep a mask given apart; raise LimitReached, or BadSketch with the reason."""
        await self._store.read(lambda s: holding.check(s, self._clock(), person, limits))
        async with self._intakes:
            clean = await self._store.in_pool(lambda: self._intake.mask(raw))
        return MaskInfo(await self._keep_mask(clean.png, person), clean.width, clean.height), clean.notes

    async def fit_mask(self, digest: str, sketch: SketchInfo, person: str) -> str:
        """Return the digest of a Person's mask at its Sketch's size."""
        if await self._store.read(lambda s: holding.holds(s, person, ("mask", digest))) is None:
            raise NotFound(*wording.not_here("mask"))
        fitted = await self._store.in_pool(lambda: masks.fitted(self._files, digest, sketch))
        return digest if fitted is None else await self._keep_mask(fitted, person)

    async def _keep_mask(self, png: bytes, person: str) -> str:
        digest = await self._store.in_pool(lambda: self._files.keep(png, "mask"))
        await self._store.write(lambda s: self._sent(s, person, "mask", png))
        return digest

    def _sent(self, session: Session, person: str, kind: SentKind, png: bytes, info: SketchInfo | None = None) -> None:
        """Write the rows of a file that surely lies there: an erase may have taken it meanwhile."""
        digest = hashlib.sha256(png).hexdigest()
        if not self._files.has(digest, kind):
            self._files.keep(png, kind)
        holding.sent(session, self._clock(), person, (kind, digest), len(png), info)

    async def held(self, person: str) -> list[Source]:
        """Return every Sketch and mask a Person holds."""
        return await self._store.read(lambda s: holding.held(s, person))

    async def read_png(self, raw: bytes) -> PngFacts:
        """Read the texts and pixels of a PNG somebody brings along."""
        async with self._intakes:
            return await self._store.in_pool(lambda: self._intake.png(raw))

    async def read_texts(self, raw: bytes) -> FileTexts:
        """Read what any tool wrote into a picture somebody brings along."""
        async with self._intakes:
            return await self._store.in_pool(lambda: self._intake.texts(raw))

    async def sketch(self, digest: str, person: str) -> SketchInfo | None:
        """Find a Sketch that a Person holds: sent it, or painted from it."""
        return await self._store.in_pool(lambda: keeping.sketch(self._files, self._store, digest, person))

    async def file(self, digest: str, kind: Kind) -> bytes:
        """Read bytes by digest, checked."""
        return await self._store.in_pool(lambda: self._files.read(digest, kind))

    async def sketch_thumb(self, digest: str) -> bytes:
        """Return a stored Sketch as a small WebP."""
        return await self._store.in_pool(lambda: forms.thumb(self._files.read(digest, "sketch")))

    async def form(self, picture: Picture, form: Form, *, recipe: bool) -> tuple[bytes, str]:
        """Return a stored Picture's file as it goes out, with its content type."""

        def work() -> tuple[bytes, str]:
            model = self._store.read_now(lambda s: reading.model_name(s, picture.job_id))
            master = self._files.read(picture.file_digest or "", "picture")
            return forms.form(master, picture, model, form, recipe=recipe)

        return await self._store.in_pool(work)

    async def weights(self) -> dict[WeightsFile, str]:
        """Return the digests of Model files seen before."""
        return await self._store.read(marks.weights)

    async def keep_weights(self, found: Mapping[WeightsFile, str]) -> None:
        """Keep digests of Model files."""
        await self._store.write(lambda s: marks.keep_weights(s, found))

    async def sweep(self) -> int:
        """Remove files that have no row and are older than an hour; at start, by the holder of the lock alone."""
        await self._store.write(lambda s: erasing.clear(s, self._files))
        return await self._store.in_pool(lambda: keeping.sweep(self._files, self._store, self._clock()))
