"""Looking: what can be seen of the log and of what happens, by who may see it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from core import access, enlarging, wording
from core.defaults import words_for
from core.draft import ModelCard, SketchInfo
from core.errors import NotAllowed, NotFound
from core.feed import Feed
from core.fresh import Fresh
from core.house import House
from core.job import Job
from core.offer import Offer, offer
from core.person import AUDITOR, Person, Place
from core.picture import Picture, Role
from core.ports import Archive
from core.recipe import Upscale, sources
from core.records import Event, Form
from core.rules import EVERYWHERE, Rules, server_of
from core.sheet import (
    AuditSheet,
    JobSheet,
    PictureSheet,
    addon_sheets,
    audit_sheet,
    job_sheet,
    model_sheet,
    passing_event,
    picture_sheet,
    waiting_event,
)
from core.styles import STYLES


@dataclass(frozen=True, slots=True)
class Line:
    """Say how open Jobs stand: places from 1, seconds until each is done where known."""

    places: Mapping[str, int] = field(default_factory=dict)
    ends: Mapping[str, float] = field(default_factory=dict)
    paused: bool = False


NOBODY_WAITS = Line()

DEFAULT_MODEL = "models.default"
"""The setting under which the owner's choice is kept."""


async def rules_at(archive: Archive, place: Place) -> Rules:
    """Return what was decided for a Place, joined with what holds everywhere."""
    everywhere = await archive.rules(EVERYWHERE)
    server = server_of(place)
    return everywhere if server == EVERYWHERE else (await archive.rules(server)).over(everywhere)


async def default_model(archive: Archive, house: House) -> str:
    """Return the name of the Model that paints where none is named: the owner's choice, else what is configured."""
    chosen = (await archive.overrides()).get(DEFAULT_MODEL)
    there = any(card.name == chosen and card.state == "ready" for card in house.models())
    return str(chosen) if there else house.default_model


class Looking:
    """Be the half of the Studio that changes nothing."""

    def __init__(self, archive: Archive, feed: Feed, house: House) -> None:
        self._archive = archive
        self._feed = feed
        self._house = house
        self._line = Fresh(self._stand)

    async def job(self, person: Person, place: Place, job_id: str) -> JobSheet:
        """Return one Job's sheet."""
        job = await self._find_job(job_id)
        access.check("show", person, place, job)
        return (await self._sheets(person, [job]))[0]

    async def picture(self, person: Person, place: Place, picture_id: str) -> PictureSheet:
        """Return one Picture's sheet."""
        picture, job = await self._find_picture(picture_id)
        access.check("show", person, place, job)
        return await self._picture_sheet(picture, job)

    async def picture_file(
        self,
        person: Person,
        place: Place,
        picture_id: str,
        form: Form,
        recipe: bool | None = None,
        role: Role = "picture",
    ) -> tuple[bytes, str]:
        """Return a stored Picture's bytes in a form and their content type; recipe None: as who asked for it wants.

        role: of what is kept beside the Picture, which tells no Recipe.
        """
        picture, job = await self._find_picture(picture_id)
        access.check("show", person, place, job)
        if picture.state != "stored":
            raise NotFound(f"Picture {picture.id[-6:]} is not painted yet.", "Wait for it, or see /history.")
        if role != "picture":
            picture, recipe = picture.beside(role), False
        if told := wording.gone(picture):
            raise NotFound(f"Picture {picture.id[-6:]}: {told}", f"./limner reproduce {picture.id[-6:]}")
        if recipe is None:
            wants = (await self._archive.defaults(job.person.id)).recipe
            recipe = wants and (await rules_at(self._archive, job.place)).recipe
        return await self._archive.form(picture, form, recipe=recipe)

    async def show(self, person: Person, place: Place, picture_id: str) -> dict[str, Any]:
        """Return everything of one Picture: its sheet, family, and words that give this Person the same Recipe."""
        picture, job = await self._find_picture(picture_id)
        access.check("show", person, place, job)
        mine = await self._archive.defaults(person.id)
        recipe = picture.recipe
        if isinstance(recipe, Upscale):
            command = enlarging.words_of(recipe, picture.parent_id or "", job.model)
        else:
            command = words_for(recipe, job.model, mine, self._names())
        family = await self._archive.children(picture.id)
        return {
            **await self._picture_sheet(picture, job),
            "command": command,
            "file_digest": picture.file_digest,
            "model": job.model,
            "kind": job.kind,
            "typed": job.typed,
            "needs": [kind for kind, _ in sources(picture.recipe)],
            "favourite": picture.id in await self._archive.favourites(person.id, [picture.id]),
            "children": [child.id for child, of in family if access.sees(person, place, of)],
        }

    async def read_recipe(self, person: Person, place: Place, raw: bytes) -> Offer:
        """Return what can be painted after a file of ours or of another tool; its picture only where it is seen."""
        file = await self._archive.read_texts(raw)
        mine = await self._archive.defaults(person.id)
        found = offer(file, self._cards(), await self._default(), mine, self._names())
        known = None if found["picture"] is None else await self._archive.picture(found["picture"])
        seen = known is not None and access.sees(person, place, known[1])
        return {**found, "picture": found["picture"] if seen else None}

    async def styles(self) -> list[dict[str, Any]]:
        """Return the styles that may be named: name, category and the words each adds."""
        return [{"name": each.name, "category": each.category, "words": each.words} for each in STYLES.values()]

    async def manners(self, place: Place) -> dict[str, bool]:
        """Return what a face must heed in a Place: Pictures as spoilers, Recipes in files, and whether it is paused."""
        rules, settings = await rules_at(self._archive, place), await self._archive.overrides()
        return {"spoiler": rules.spoiler, "recipe": rules.recipe, "paused": bool(settings.get("paused"))}

    async def history(
        self, person: Person, before: str | None = None, limit: int = 20, words: str = ""
    ) -> list[JobSheet]:
        """Return a Person's Jobs, newest first."""
        return await self._sheets(person, await self._archive.history(person.id, before, limit, words))

    async def origin(self, person: Person, place: Place, picture_id: str) -> dict[str, Any] | None:
        """Return where the card of a Picture's Job stands: Place and the chat's own message id; None: not to be seen.

        Place is that face's own JSON.
        """
        found = await self._archive.picture(picture_id)
        if found is None or not access.sees(person, place, found[1]):
            return None
        message_id = await self._archive.message_id(found[1].id)
        return None if not message_id else {"place": found[1].place.unpack(), "message_id": message_id}

    async def sketch_thumb(self, person: Person, digest: str) -> bytes:
        """Return a Person's own Sketch as a small WebP."""
        await self._held(person, digest)
        return await self._archive.sketch_thumb(digest)

    async def sketch_file(self, person: Person, digest: str) -> bytes:
        """Return a Sketch to who sent it or painted from it; a digest alone opens nothing."""
        await self._held(person, digest)
        return await self._archive.file(digest, "sketch")

    async def _held(self, person: Person, digest: str) -> SketchInfo:
        found = await self._archive.sketch(digest, person.id)
        if found is None:
            raise NotFound(*wording.not_here("sketch"))
        return found

    async def models(self) -> list[dict[str, Any]]:
        """Return every registered Model's sheet."""
        default = await self._default()
        controls = self._house.addons().controls
        return [model_sheet(card, default, controls) for card in self._cards()]

    async def addons(self) -> dict[str, list[dict[str, Any]]]:
        """Return the sheets of what lies beside the Models: `loras`, `embeddings` and `controls`."""
        return addon_sheets(self._house.addons())

    async def health(self) -> dict[str, Any]:
        """Return what the page's head and the doctor need to know."""
        default = await self._default()
        card = next((card for card in self._cards() if card.name == default), None)
        return {
            "state": self._house.state(),
            "model": default,
            "builtin": bool(card and card.builtin),
            "last_move": await self._archive.last_move(),
            "methods": [*self._house.methods, *(card.name for card in self._cards() if card.enlarges)],
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
        jobs = await self._archive.jobs(list(newest)) if newest else {}
        for sheet in await self._sheets(person, sorted(jobs.values(), key=lambda job: newest[job.id])):
            yield {"id": newest[sheet["id"]], "type": "move", "job": sheet}
        latest = await self._archive.history(person.id, None, 20) if moves else []
        for sheet in await self._sheets(person, [job for job in latest if job.state == "queued"]):
            yield {**waiting_event(sheet["id"], sheet["place"] or 1, sheet["eta_s"]), "sentence": sheet["sentence"]}

    async def _default(self) -> str:
        return await default_model(self._archive, self._house)

    def _names(self) -> dict[str, str]:
        return self._house.addons().names

    def _cards(self) -> tuple[ModelCard, ...]:
        return self._house.models()

    async def _find_job(self, id_or_tail: str) -> Job:
        job = await self._archive.job(id_or_tail)
        if job is None and await self._archive.erased(id_or_tail):
            raise NotFound(f"Job {id_or_tail} was erased by who asked for it.", "Nothing of it is kept.")
        if job is None:
            raise NotFound(f"There is no job {id_or_tail}.", "See your own with /history.")
        return job

    async def _find_picture(self, id_or_tail: str) -> tuple[Picture, Job]:
        """Find a Picture by its own id or, where a Job's is given, that Job's first."""
        found = await self._archive.picture(id_or_tail)
        if found is None and (job := await self._archive.job(id_or_tail)) is not None:
            return (await self._archive.pictures([job.id]))[job.id][0], job
        if found is None and await self._archive.erased(id_or_tail):
            raise NotFound(f"Picture {id_or_tail} was erased by who asked for it.", "Paint another: /imagine.")
        if found is None:
            raise NotFound(f"There is no picture {id_or_tail}.", "See your own with /history.")
        return found

    async def _picture_sheet(self, picture: Picture, job: Job) -> PictureSheet:
        return picture_sheet(job, picture, len((await self._archive.pictures([job.id]))[job.id]), self._names())

    async def _sheets(self, person: Person, jobs: list[Job]) -> list[JobSheet]:
        pictures = await self._archive.pictures([job.id for job in jobs])
        sheets = []
        line = await self._line.get() if any(job.state in ("queued", "running") for job in jobs) else NOBODY_WAITS
        for job in jobs:
            place = line.places.get(job.id) if job.state == "queued" else None
            told = pictures.get(job.id, ())
            eta_s = None if enlarging.any_slow(told) else line.ends.get(job.id)
            sheets.append(job_sheet(person, job, told, place, eta_s, line.paused, self._names()))
        return sheets

    async def _stand(self) -> Line:
        """Read how all open Jobs stand; a long line takes a while to play through, so it is done for many at once."""
        line = await self._archive.line()
        paused = bool(line) and bool((await self._archive.overrides()).get("paused"))
        places = {standing.job_id: place for place, standing in enumerate(line, 1)}
        return Line(places, {} if paused else self._house.pace.forecast(line), paused)
