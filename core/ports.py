"""What core needs from below: a Renderer that paints, an Archive that keeps, Faces that show."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, Literal, Protocol

from core.account import AccountBook
from core.audited import Audits
from core.defaults import Defaults
from core.draft import MaskInfo, SketchInfo
from core.job import Job
from core.limits import NO_LIMITS, Limits, Usage
from core.pace import Standing
from core.person import Person, Place
from core.picture import Picture
from core.progress import Painted, Progress
from core.recipe import Source
from core.records import (
    Act,
    Asker,
    Erased,
    FileTexts,
    Form,
    Keep,
    Move,
    NewJob,
    Parcel,
    PngFacts,
    Receipt,
    Tally,
    WeightsFile,
)
from core.rules import Rules
from core.search import Hit, Search


class Renderer(Protocol):
    """Paint Jobs; one per device or a router over several."""

    def room(self, *, newcomer: bool = False) -> int:
        """Return how many more Jobs may be handed over now (one Batch ahead of the device).

        newcomer: how many of Persons with nothing in hand, whom a hand full of others' must not keep waiting.
        """

    def render(self, job: Job, pictures: Sequence[Picture]) -> AsyncIterator[Progress]:
        """Paint the waiting Pictures of a claimed Job; the last item is Done, Failed or Cancelled."""

    def cancel(self, job_id: str) -> None:
        """Stop a Job at the next step; unknown ids are ignored."""


class Archive(AccountBook, Protocol):
    """Keep everything: the only truth. Every method is one transaction; times come from its own Clock."""

    async def accept(self, jobs: Sequence[NewJob], limits: Limits) -> list[tuple[Job, bool]]:
        """Check the Limits and write Jobs, Pictures, holds and replies, all or none; (Job, False) where one was there.

        Raises LimitReached, Busy, DiskFull: then nothing was written or charged.
        """

    async def claim(
        self, owner: str, lease_s: float, *, besides: Sequence[str] = ()
    ) -> tuple[Job, tuple[Picture, ...]] | None:
        """Take the next Job of the least-served Person and return it running, with its waiting Pictures.

        besides: Persons whose Jobs stay.
        """

    async def beat(
        self, held: Sequence[tuple[str, int]], lease_s: float
    ) -> dict[str, Literal["held", "cancel", "lost"]]:
        """Lengthen the leases of (job id, fence) pairs; say for each whether it is held, to be cancelled or lost."""

    async def store(self, job: Job, picture: Picture, painted: Painted) -> Picture:
        """Write the file (fsync), then the row, under the Job's fence; raise Lost where the lease has gone."""

    async def fail_picture(self, job: Job, picture: Picture, code: str, text: str) -> None:
        """Move one Picture to failed under the Job's fence."""

    async def finish(self, job: Job) -> Job:
        """Settle a running Job whose Pictures are all stored or failed: charge, release, outbox."""

    async def requeue(self, job: Job, code: str, text: str, *, solo: bool = False) -> Job:
        """Give a failed attempt another try with backoff; settle early where none is left or it was cancelled."""

    async def settle(self, job: Job, to: Literal["failed", "cancelled"], code: str, text: str) -> Job:
        """End a running Job early: rendered where a Picture is stored, else as `to`; the rest is released."""

    async def give_back(self, job: Job) -> None:
        """Return a running Job to the queue on SIGTERM: fence + 1, attempt - 1."""

    async def restart(self) -> int:
        """Reap, at start, every running Job that no other program can hold; return how many."""

    async def sweep(self) -> int:
        """Remove files without a row that are older than an hour (at start); return how many."""

    async def reap(self) -> int:
        """Reap running Jobs whose lease is over; return how many."""

    async def cancel(self, job_id: str) -> Job:
        """Cancel a queued Job now, flag a running one; an ended one is left as it is."""

    async def parcels(
        self, owner: str, lease_s: float, most: int = 10, faces: Collection[str] | None = None
    ) -> list[Parcel]:
        """Lease the next outbox rows whose time has come, of all Faces or of some."""

    async def message_id(self, job_id: str) -> str | None:
        """Return the chat's own id of the message a Job's end was delivered in."""

    async def delivered(self, parcel: Parcel, receipt: Receipt) -> None:
        """Close an outbox row: delivered, or undeliverable where the receipt says dead."""

    async def deliver_later(self, parcel: Parcel, delay_s: float) -> None:
        """Release an outbox row for another try."""

    async def cards_stand(self, message_ids: Mapping[str, str]) -> None:
        """Write down where the cards of Jobs stand that were asked for by an interaction: Job id -> message id."""

    async def next_due(
        self,
        what: Literal["queue", "outbox"],
        owner: str = "",
        faces: Collection[str] | None = None,
        *,
        besides: Sequence[str] = (),
    ) -> int | None:
        """Return when (ms UTC) the earliest queued Job or outbox row may be taken; a lease of another's counts.

        besides: Persons whose Jobs do not count.
        """

    async def overrides(self) -> dict[str, Any]:
        """Return the operator's settings by name, and what was written down at first start."""

    async def override(self, changes: Mapping[str, Any]) -> None:
        """Write settings by name; a value of None takes one away."""

    async def defaults(self, person: str) -> Defaults:
        """Return what a Person wants where nothing is typed."""

    async def keep_defaults(self, person: str, defaults: Defaults) -> None:
        """Keep a Person's Defaults."""

    async def rules(self, server: str) -> Rules:
        """Return what was decided for one server; nothing where nothing was."""

    async def act(self, act: Act, rules: Rules | None, changes: Mapping[str, Any]) -> None:
        """Write an act with what it changes, the server's Rules and settings by name, in one transaction."""

    async def acts(self, server: str | None, limit: int) -> list[Act]:
        """Return acts, newest first (of one server, or all)."""

    async def tally(self, server: str | None, within_ms: int) -> Tally:
        """Count what happened in the time until now (on one server, or all)."""

    async def askers(self, within_ms: int) -> list[Asker]:
        """Return who asked in the time until now, the costliest first; Limner's own audits are nobody's."""

    async def moves_of(self, job_id: str) -> list[Move]:
        """Return every move of one Job, in order."""

    async def opens(self, person: str, limits: Limits, jobs: int, cost: int) -> Usage:
        """Return what a Person has used, with the exact times at which so much more fits into each window."""

    async def jobs(self, ids: Sequence[str]) -> dict[str, Job]:
        """Return Jobs by their whole ids."""

    async def children(self, picture_id: str) -> list[tuple[Picture, Job]]:
        """Return the Pictures made from one, with their Jobs, oldest first."""

    async def gallery(self, person: str, search: Search, before: tuple[int, str] | None, limit: int) -> list[Hit]:
        """Return a Person's Pictures that a Search finds, newest first, those before (at, id)."""

    async def gallery_count(self, person: str, search: Search) -> int:
        """Return how many a Search finds."""

    async def favourites(self, person: str, ids: Sequence[str]) -> frozenset[str]:
        """Return which of some Pictures are a Person's favourites."""

    async def favour(self, person: str, picture_id: str, on: bool) -> None:
        """Make a Picture a Person's favourite, or no more."""

    async def erase(self, person: str) -> Erased:
        """Remove all of a Person's but the numbers in the ledger: rows, words, files nobody else needs, the WAL."""

    async def erased(self, id_or_tail: str) -> bool:
        """Say whether a Job or Picture of this id was erased."""

    async def job(self, id_or_tail: str) -> Job | None:
        """Find a Job by its id or any unambiguous tail of 6 or more signs."""

    async def pictures(self, job_ids: Sequence[str]) -> dict[str, tuple[Picture, ...]]:
        """Return the Pictures of Jobs, by index."""

    async def picture(self, id_or_tail: str) -> tuple[Picture, Job] | None:
        """Find a Picture, with its Job, by id or tail."""

    async def picture_by_pixels(self, pixels_digest: str) -> Picture | None:
        """Find a stored Picture by its pixels."""

    async def equal_picture(self, recipe_digests: Sequence[str], person: Person, place: Place) -> Picture | None:
        """Find the newest stored Picture with one of these Recipes among the Person's own and those of the Place."""

    async def any_picture(self, chance: float) -> tuple[Picture, Job] | None:
        """Draw a stored Picture somebody asked for, with its Job; chance, 0 to below 1, says how far along them."""

    async def audits(self) -> Audits:
        """Count what audits found, and say when the last one was and when somebody last asked or was painted for."""

    async def history(
        self, person: str, before: str | None, limit: int, words: str = "", *, removed: bool = False
    ) -> list[Job]:
        """Return a Person's Jobs, newest first, older than the Job id `before`; `words` narrows by what was typed.

        removed: those taken down too.
        """

    async def remove(self, job_id: str) -> None:
        """Take a Job out of its Person's history and gallery; the log keeps it."""

    async def last_picture(self, person: str) -> Picture | None:
        """Return the Person's newest stored Picture."""

    async def line(self) -> list[Standing]:
        """Return every open Job with what is left of it: running ones first, then in the order they will be claimed."""

    async def usage(self, person: str) -> Usage:
        """Return what a Person has used of the Limits."""

    async def moves_after(self, after: int, person: str | None, limit: int = 500) -> list[Move]:
        """Return moves in order of commit (of one Person's Jobs, or of all)."""

    async def last_move(self) -> int:
        """Return the id of the newest move, 0 where there is none."""

    async def take_sketch(
        self, raw: bytes, person: str, limits: Limits = NO_LIMITS
    ) -> tuple[SketchInfo, tuple[str, ...]]:
        """Check and normalise an attachment in a limited child process, store it by digest; return it with notes.

        Raises LimitReached, or BadSketch with the reason.
        """

    async def take_mask(self, raw: bytes, person: str, limits: Limits = NO_LIMITS) -> tuple[MaskInfo, tuple[str, ...]]:
        """Check and normalise a mask given apart from its Sketch, as take_sketch does."""

    async def fit_mask(self, digest: str, sketch: SketchInfo, person: str) -> str:
        """Return the digest of a Person's mask at its Sketch's size; raise BadSketch where the two differ in shape."""

    async def read_png(self, raw: bytes) -> PngFacts:
        """Read a PNG somebody brings along; raise BadSketch where it is none."""

    async def read_texts(self, raw: bytes) -> FileTexts:
        """Read what any tool wrote into a PNG, JPEG or WebP; raise BadSketch where it is none."""

    async def sketch(self, digest: str, person: str) -> SketchInfo | None:
        """Find a Sketch that a Person holds: sent it, or painted from it."""

    async def held(self, person: str) -> Sequence[Source]:
        """Return every Sketch and mask a Person holds."""

    async def file(self, digest: str, kind: Literal["sketch", "mask", "picture"]) -> bytes:
        """Read bytes by digest; raise Damaged where they are not what was written, NotFound where they are gone."""

    async def sketch_thumb(self, digest: str) -> bytes:
        """Return a stored Sketch as a small WebP."""

    async def form(self, picture: Picture, form: Form, *, recipe: bool) -> tuple[bytes, str]:
        """Return a stored Picture as it goes out and its content type; `recipe` puts Recipe and Fingerprint in."""

    async def weights(self) -> dict[WeightsFile, str]:
        """Return the digests of Model files seen before."""

    async def keep_weights(self, found: Mapping[WeightsFile, str]) -> None:
        """Keep digests of Model files."""

    async def backup(self, keep_days: int) -> dict[str, Any]:
        """Make a backup while everything goes on, and delete those older than `keep_days` (0: none)."""

    async def forget(self, keep: Keep) -> Mapping[tuple[str, str], int]:
        """Delete the files that are kept no longer; return how many by kind and cause. Rows and Recipes stay."""


class Face(Protocol):
    """Show Progress and deliver results on one way in."""

    async def show(self, job: Job, progress: Progress) -> None:
        """Show what happens; best effort, the newest wins, may be dropped."""

    async def deliver(self, parcel: Parcel) -> Receipt:
        """Bring a result or an apology; idempotent by the Parcel's nonce. A raised error means: try again later."""
