"""Studio: what can be asked of Limner, the same on every face; arguments and results are plain data."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from core import access, asking
from core.draft import ModelCard
from core.errors import BadInput, Busy, NotAllowed, NotFound
from core.feed import Feed
from core.grammar import command
from core.job import KINDS, Job, Kind
from core.limits import Limits
from core.pace import Pace
from core.person import AUDITOR, Person, Place
from core.picture import Picture
from core.ports import Archive, CrashPoint, Event, Form, NewJob, Reply
from core.promise import Ground, unknown
from core.sheet import (
    AuditSheet,
    JobSheet,
    PictureSheet,
    audit_sheet,
    job_sheet,
    model_sheet,
    passing_event,
    picture_sheet,
    waiting_event,
)
from core.words import clean


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing asked for. source: unique id of what it came by (interaction, message, web request), for dedupe.

    kind None: the words begin with it (`/reroll ...`) or it is imagine. parent: a Picture's id or tail. sketch: a
    stored digest. options: Draft fields typed apart from the words (steps, seed, width, ...); they fill its blanks.
    """

    person: Person
    place: Place
    source: str
    words: str = ""
    kind: Kind | None = None
    parent: str | None = None
    sketch: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class House:
    """What the Studio is told of the rest: Models, the default one, Limits, the device's state and its pace."""

    models: Callable[[], tuple[ModelCard, ...]]
    default_model: str
    limits: Limits
    state: Callable[[], str]
    pace: Pace
    fresh_seed: Callable[[], int]
    cut: Callable[[str, str], Awaitable[str | None]]
    """Says which words of a Prompt the Model (by digest) does not read, None where it reads all."""
    ground: Callable[[str], Ground] = unknown
    """Says what a Picture of a Model (by digest) would be painted under now."""


class Studio:
    """Answer every face; `wake` is called after each accept or cancel, so that the Dispatcher looks."""

    def __init__(
        self,
        archive: Archive,
        feed: Feed,
        house: House,
        wake: Callable[[str | None], None],
        at: CrashPoint = lambda _: None,
    ) -> None:
        self._archive = archive
        self._feed = feed
        self._house = house
        self._wake = wake
        self._at = at

    async def ask(self, ask: Ask) -> list[JobSheet]:
        """Accept Jobs, all or none, and return their sheets; raise a StudioError where nothing was accepted."""
        if self._house.state() == "stopping":
            raise Busy("Limner is stopping; nothing was accepted.", "Ask again in a moment.")
        kind, words = (ask.kind, ask.words) if ask.kind else command(ask.words)
        if kind not in KINDS:
            raise BadInput(f"/{kind} paints nothing.", "Ask for it by its own command.")
        plans = await self._plans(ask, kind, words)
        jobs = [
            NewJob(
                dedupe_key=f"{ask.source}/{index}",
                person=ask.person,
                place=ask.place,
                kind=kind,
                typed=clean(ask.words)[0],
                pictures=plan.pictures,
                model=plan.model,
                sketch=ask.sketch,
                notes=plan.notes,
                reply=ask.reply,
            )
            for index, plan in enumerate(plans)
        ]
        accepted = await self._archive.accept(jobs, self._house.limits)
        self._at("after_accept_before_answer")
        self._wake(None)
        self._feed.moved()
        return await self._sheets(ask.person, [job for job, _ in accepted])

    async def _plans(self, ask: Ask, kind: Kind, words: str) -> list[asking.Plan]:
        if kind == "imagine":
            sketch = None if ask.sketch is None else await self._archive.sketch(ask.sketch)
            if ask.sketch is not None and sketch is None:
                raise NotFound("That sketch is not here.", "Send it again.")
            plans = asking.imagine(
                words, ask.options, sketch, self._cards(), self._house.default_model, self._house.fresh_seed
            )
            return [await self._promised(ask, await asking.with_cut(plan, self._house.cut)) for plan in plans]
        parent, job = await self._target(ask, kind, words)
        pictures = (await self._archive.pictures([job.id]))[job.id]
        plan = asking.again(kind, words, ask.options, parent, job, pictures, self._cards(), self._house.fresh_seed)
        return [plan if kind == "reproduce" else await self._promised(ask, plan)]

    async def _promised(self, ask: Ask, plan: asking.Plan) -> asking.Plan:
        """Say how near a Picture will come to an earlier one with an equal Recipe, unless it is identical."""
        earlier = await self._archive.equal_picture(plan.paints, ask.person, ask.place)
        return plan if earlier is None else asking.with_promise(plan, earlier, self._house.ground)

    async def _target(self, ask: Ask, kind: Kind, words: str) -> tuple[Picture, Job]:
        named = ask.parent or asking.named(kind, words)
        if named is None:
            last = await self._archive.last_picture(ask.person.id)
            if last is None:
                raise NotFound("There is no picture yet.", "Paint one with /imagine first.")
            named = last.id
        parent, job = await self._find_picture(named)
        access.check(kind, ask.person, ask.place, job)
        return parent, job

    async def reproduce_file(self, person: Person, place: Place, source: str, raw: bytes) -> list[JobSheet]:
        """Reproduce a PNG somebody brought: by its row where its id is known, else by what it says of itself."""
        facts = await self._archive.read_png(raw)
        told = asking.told_by_file(facts)
        known = await self._archive.picture(told.picture_id)
        if known is not None and access.sees(person, place, known[1]):
            if known[0].pixels_digest != facts.pixels_digest:
                raise BadInput(
                    "This picture was changed after it was painted.", f"Ask for {told.picture_id[-6:]} instead."
                )
            return await self.ask(Ask(person, place, source, kind="reproduce", parent=told.picture_id))
        plan = asking.from_file(told, facts, self._cards())
        job = NewJob(f"{source}/0", person, place, "reproduce", "reproduce a file", plan.pictures, plan.model)
        accepted = await self._archive.accept([job], self._house.limits)
        self._wake(None)
        self._feed.moved()
        return await self._sheets(person, [job for job, _ in accepted])

    async def cancel(self, person: Person, place: Place, job_id: str) -> JobSheet:
        """Cancel a waiting Job now, a running one at its next step; an ended one stays as it is."""
        job = await self._find_job(job_id)
        access.check("cancel", person, place, job)
        job = await self._archive.cancel(job.id)
        self._wake(job.id)
        self._feed.moved()
        return (await self._sheets(person, [job]))[0]

    async def job(self, person: Person, place: Place, job_id: str) -> JobSheet:
        """Return one Job's sheet."""
        job = await self._find_job(job_id)
        access.check("show", person, place, job)
        return (await self._sheets(person, [job]))[0]

    async def picture(self, person: Person, place: Place, picture_id: str) -> PictureSheet:
        """Return one Picture's sheet."""
        picture, job = await self._find_picture(picture_id)
        access.check("show", person, place, job)
        count = len((await self._archive.pictures([job.id]))[job.id])
        return picture_sheet(job, picture, count)

    async def picture_file(
        self, person: Person, place: Place, picture_id: str, form: Form, recipe: bool
    ) -> tuple[bytes, str]:
        """Return a stored Picture's bytes in a form and their content type."""
        picture, job = await self._find_picture(picture_id)
        access.check("show", person, place, job)
        if picture.state != "stored":
            raise NotFound(f"Picture {picture.id[-6:]} is not painted yet.", "Wait for it, or see /history.")
        return await self._archive.form(picture, form, recipe=recipe)

    async def history(
        self, person: Person, before: str | None = None, limit: int = 20, words: str = ""
    ) -> list[JobSheet]:
        """Return a Person's Jobs, newest first."""
        return await self._sheets(person, await self._archive.history(person.id, before, limit, words))

    async def take_sketch(self, raw: bytes) -> dict[str, Any]:
        """Check, normalise and store an image; return its digest, size in pixels and what was mended."""
        info, notes = await self._archive.take_sketch(raw)
        return {"digest": info.digest, "width": info.width, "height": info.height, "notes": list(notes)}

    async def picture_as_sketch(self, person: Person, place: Place, picture_id: str) -> dict[str, Any]:
        """Store a painted Picture as a Sketch, by the same intake as any other image."""
        raw, _ = await self.picture_file(person, place, picture_id, "png", False)
        return await self.take_sketch(raw)

    async def sketch_file(self, digest: str) -> bytes:
        """Return a stored Sketch; its digest is the key to it, known only to who sent it or sees its Job."""
        return await self._archive.file(digest, "sketch")

    async def models(self) -> list[dict[str, Any]]:
        """Return every registered Model's sheet."""
        return [model_sheet(card, self._house.default_model) for card in self._cards()]

    async def health(self) -> dict[str, Any]:
        """Return what the page's head and the doctor need to know."""
        card = next((card for card in self._cards() if card.name == self._house.default_model), None)
        return {
            "state": self._house.state(),
            "model": self._house.default_model,
            "builtin": bool(card and card.builtin),
            "last_move": await self._archive.last_move(),
            "equal_recipe": self._house.ground(card.digest if card else "").promise,
            "audit": (await self._archive.audits()).as_json(),
        }

    async def audit(self, person: Person, limit: int = 20) -> list[AuditSheet]:
        """Return what making logged Pictures again found, newest first; the owner alone may know."""
        if not person.is_owner:
            raise NotAllowed("Only the owner may see what audits found.")
        jobs = [job for job in await self._archive.history(AUDITOR.id, None, limit) if job.state != "cancelled"]
        pictures = await self._archive.pictures([job.id for job in jobs])
        return [audit_sheet(job, pictures[job.id][0]) for job in jobs if job.state not in ("queued", "running")]

    async def watch(self, person: Person, place: Place, after: int | None = None) -> AsyncIterator[Event]:
        """Yield what happens to the Jobs a Person sees: durable events after a move's id, passing ones without id."""
        seen = await self._archive.last_move() if after is None else after
        with self._feed.subscribe() as inbox:
            while True:
                moved, passing = await inbox.next()
                before = -1
                while moved and seen != before:
                    # The log is read in pages: again until nothing newer comes.
                    before = seen
                    async for event in self._moves(person, seen):
                        seen = event["id"] or seen
                        yield event
                ends = self._house.pace.forecast(self._house.pace.held) if passing else {}
                for job, progress in passing:
                    if access.sees(person, place, job) and (told := passing_event(job, progress, ends.get(job.id))):
                        yield told

    async def _moves(self, person: Person, after: int) -> AsyncIterator[Event]:
        """Yield one durable event per Job that moved (its newest state), then places of those that still wait."""
        moves = await self._archive.moves_after(after, person.id)
        newest = {move.job_id: move.id for move in moves}
        for job_id, move_id in sorted(newest.items(), key=lambda item: item[1]):
            job = await self._archive.job(job_id)
            if job is not None:
                yield {"id": move_id, "type": "move", "job": (await self._sheets(person, [job]))[0]}
        latest = await self._archive.history(person.id, None, 20) if moves else []
        for sheet in await self._sheets(person, [job for job in latest if job.state == "queued"]):
            yield waiting_event(sheet["id"], sheet["place"] or 1, sheet["eta_s"])

    def _cards(self) -> tuple[ModelCard, ...]:
        return self._house.models()

    async def _find_job(self, id_or_tail: str) -> Job:
        job = await self._archive.job(id_or_tail)
        if job is None:
            raise NotFound(f"There is no job {id_or_tail}.", "See your own with /history.")
        return job

    async def _find_picture(self, id_or_tail: str) -> tuple[Picture, Job]:
        """Find a Picture by its own id or, where a Job's is given, that Job's first."""
        found = await self._archive.picture(id_or_tail)
        if found is None and (job := await self._archive.job(id_or_tail)) is not None:
            return (await self._archive.pictures([job.id]))[job.id][0], job
        if found is None:
            raise NotFound(f"There is no picture {id_or_tail}.", "See your own with /history.")
        return found

    async def _sheets(self, person: Person, jobs: list[Job]) -> list[JobSheet]:
        pictures = await self._archive.pictures([job.id for job in jobs])
        sheets = []
        line = await self._archive.line() if any(job.state in ("queued", "running") for job in jobs) else []
        places = {standing.job_id: place for place, standing in enumerate(line, 1)}
        ends = self._house.pace.forecast(line)
        for job in jobs:
            place = places.get(job.id) if job.state == "queued" else None
            sheets.append(job_sheet(person, job, pictures.get(job.id, ()), place, ends.get(job.id)))
        return sheets
