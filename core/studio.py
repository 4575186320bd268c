"""Studio: what can be asked of Limner, the same on every face; arguments and results are plain data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from core import access, asking, remixing
from core.accounts import Accounts
from core.desk import Desk
from core.draft import SketchInfo
from core.errors import BadInput, Busy, NotFound, Unsure
from core.feed import Feed
from core.gallery import Gallery
from core.grammar import command
from core.house import House
from core.job import WISHES, Job, Kind, Wish
from core.limits import Limits
from core.looking import Looking, rules_at
from core.operator import Operator
from core.people import People
from core.person import Person, Place
from core.picture import Picture
from core.ports import Archive
from core.recipe import Paint
from core.records import Clock, CrashPoint, NewJob, Reply, milliseconds, nothing
from core.room import check_room
from core.rules import Rules, admit, bounds_for, check, limits_for
from core.sharing import Sharing
from core.sheet import JobSheet
from core.words import clean


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing asked for. source: unique id of what it came by (interaction, message, web request), for dedupe.

    kind None: the words begin with it (`/reroll ...`) or it is imagine. parent: a Picture's id or tail. sketch, mask:
    stored digests. options: Draft fields typed apart from the words (steps, seed, width, ...); they fill its blanks.
    age_restricted: it is asked where adults alone are. notes: what was mended in the image sent along.
    remix: `words` None keeps the parent's Prompt. sure: many Jobs at once are meant, and not asked about.
    """

    person: Person
    place: Place
    source: str
    words: str | None = ""
    kind: Wish | None = None
    parent: str | None = None
    sketch: str | None = None
    mask: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    reply: Reply | None = None
    age_restricted: bool = False
    sure: bool = False
    notes: tuple[str, ...] = ()


class Studio(Looking):
    """Answer every face; `wake` is called after each accept or cancel, so that the Dispatcher looks."""

    def __init__(
        self,
        archive: Archive,
        feed: Feed,
        house: House,
        wake: Callable[[str | None], None],
        at: CrashPoint = nothing,
        clock: Clock = milliseconds,
    ) -> None:
        super().__init__(archive, feed, house)
        self._wake = wake
        self._at = at
        self.people = People(archive, house, feed, wake)
        self.gallery = Gallery(archive)
        self.operator = Operator(archive, house, feed, wake)
        self.accounts = Accounts(archive, house, feed, wake, clock)
        self.sharing = Sharing(archive, house)
        self.desk = Desk(archive, house)

    async def ask(self, ask: Ask) -> list[JobSheet]:
        """Accept Jobs, all or none, and return their sheets; raise a StudioError where nothing was accepted."""
        kind, words = (ask.kind, ask.words) if ask.kind else command(ask.words or "")
        if kind not in WISHES:
            raise BadInput(f"/{kind} paints nothing.", "Ask for it by its own command.")
        rules = await self._admitted(ask.person, ask.place, ask.age_restricted)
        plans = await self._plans(ask, kind, words)
        if kind != "reproduce":  # It was painted once, so it may fit whatever an estimate says.
            for plan in plans:
                check_room((new.recipe for new in plan.pictures), self._house.look, plan.model)
        typed = clean(ask.words or "")[0]
        bounds = bounds_for(rules, ask.person, ask.place)
        check(rules, ask.person, ask.place, [typed, *_prompts(plans)], ask.age_restricted)
        if len(plans) > asking.UNASKED and not ask.sure:
            raise Unsure(len(plans))
        jobs = [
            NewJob(
                dedupe_key=f"{ask.source}/{index}",
                person=ask.person,
                place=ask.place,
                kind=plan.kind or cast(Kind, kind),
                typed=typed,
                pictures=plan.pictures,
                model=plan.model,
                sketch=ask.sketch,
                notes=(*ask.notes, *plan.notes),
                reply=ask.reply,
                weight=bounds.weight or 1,
                priority=bounds.priority or 0,
            )
            for index, plan in enumerate(plans)
        ]
        return await self._accept(ask.person, jobs, limits_for(self._house.limits, rules, ask.person, ask.place))

    async def admit(self, person: Person, place: Place, age_restricted: bool = False) -> None:
        """Raise why a Person may not ask here now; for faces that fetch something first."""
        await self._admitted(person, place, age_restricted)

    async def _admitted(self, person: Person, place: Place, age_restricted: bool = False) -> Rules:
        if self._house.state() == "stopping":
            raise Busy("Limner is stopping; nothing was accepted.", "Ask again in a moment.")
        if (await self._archive.overrides()).get("draining"):
            raise Busy("The owner lets the queue run empty; nothing was accepted.", "Ask again later.")
        rules = await rules_at(self._archive, place)
        admit(rules, person, place, age_restricted)
        return rules

    async def _accept(self, person: Person, jobs: list[NewJob], limits: Limits) -> list[JobSheet]:
        accepted = await self._archive.accept(jobs, limits)
        self._at("after_accept_before_answer")
        self._wake(None)
        self._feed.moved()
        return await self._sheets(person, [job for job, _ in accepted])

    async def _plans(self, ask: Ask, kind: Wish, words: str | None) -> list[asking.Plan]:
        if kind in ("imagine", "remix"):
            plans = await self._imagined(ask, words or "") if kind == "imagine" else await self._remixed(ask, words)
            return [await self._promised(ask, await asking.with_cut(plan, self._house.cut)) for plan in plans]
        parent, job = await self._target(ask, kind, words or "")
        pictures = (await self._archive.pictures([job.id]))[job.id]
        cards, fresh_seed = self._cards(), self._house.fresh_seed
        if kind == "again" or kind == "smaller":
            plan = remixing.again(job, pictures, cards, less=kind == "smaller")
        else:
            methods = self._house.methods
            plan = asking.again(kind, words or "", ask.options, parent, job, pictures, cards, fresh_seed, methods)
        asking.check_addons([plan], self._house.addons())
        await asking.check_sources(plan, self._archive)
        return [plan if kind in ("again", "smaller", "reproduce") else await self._promised(ask, plan)]

    async def _imagined(self, ask: Ask, words: str) -> list[asking.Plan]:
        """Return Plans of words, perhaps over a Sketch; a parent is the Picture that Sketch was."""
        if ask.sketch is None and ask.mask is not None:
            raise BadInput("A mask goes with its sketch.", "Send the picture to keep the rest of along with it.")
        sketch, me = await self._sketch(ask.sketch, ask.person), ask.person.id
        mask = None if ask.mask is None or sketch is None else await self._archive.fit_mask(ask.mask, sketch, me)
        parent = None if ask.parent is None else (await self._target(ask, "sketch", ""))[0].id
        wishes = await self._archive.defaults(ask.person.id)
        house = self._house
        plans = asking.imagine(
            words, ask.options, sketch, mask, self._cards(), await self._default(), house.fresh_seed, wishes,
            house.addons(),
        )  # fmt: skip
        return [plan if parent is None else plan.of(parent) for plan in plans]

    async def _remixed(self, ask: Ask, words: str | None) -> list[asking.Plan]:
        parent, job = await self._target(ask, "remix", "")
        pictures = (await self._archive.pictures([job.id]))[job.id]
        own = parent.recipe.sketch.digest if isinstance(parent.recipe, Paint) and parent.recipe.sketch else None
        sketches = (await self._sketch(own, job.person), await self._sketch(ask.sketch, ask.person))
        house, cards = self._house, self._cards()
        return remixing.remix(
            words, ask.options, parent, pictures, sketches, cards, house.fresh_seed, house.addons()
        )  # fmt: skip

    async def _sketch(self, digest: str | None, person: Person) -> SketchInfo | None:
        return None if digest is None else await self._held(person, digest)

    async def _promised(self, ask: Ask, plan: asking.Plan) -> asking.Plan:
        """Say how near a Picture will come to an earlier one with an equal Recipe, unless it is identical."""
        earlier = await self._archive.equal_picture(plan.paints, ask.person, ask.place)
        return plan if earlier is None else asking.with_promise(plan, earlier, self._house.ground)

    async def _target(self, ask: Ask, kind: str, words: str) -> tuple[Picture, Job]:
        named = ask.parent or (asking.named(cast(Kind, kind), words) if words else None)
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
        told = asking.told_by_file(facts.texts)
        known = await self._archive.picture(told.picture_id)
        if known is not None and access.sees(person, place, known[1]):
            if known[0].pixels_digest != facts.pixels_digest:
                raise BadInput(
                    "This picture was changed after it was painted.", f"Ask for {told.picture_id[-6:]} instead."
                )
            return await self.ask(Ask(person, place, source, kind="reproduce", parent=told.picture_id))
        rules = await self._admitted(person, place)
        plan = asking.from_file(told, facts, self._cards(), self._house.addons())
        check(rules, person, place, _prompts([plan]))
        job = NewJob(f"{source}/0", person, place, "reproduce", "reproduce a file", plan.pictures, plan.model)
        return await self._accept(person, [job], limits_for(self._house.limits, rules, person, place))

    async def cancel(self, person: Person, place: Place, job_id: str) -> JobSheet:
        """Cancel a waiting Job now, a running one at its next step; an ended one stays as it is."""
        job = await self._find_job(job_id)
        access.check("cancel", person, place, job)
        job = await self._archive.cancel(job.id)
        self._wake(job.id)
        self._feed.moved()
        return (await self._sheets(person, [job]))[0]

    async def delete(self, person: Person, place: Place, job_id: str) -> JobSheet:
        """Take a Job of one's own out of history and gallery, and return its sheet; the log keeps it.

        A moderator may take its card down alone.
        """
        job = await self._find_job(job_id)
        access.check("delete", person, place, job)
        if job.person.id == person.id:
            await self._archive.remove(job.id)
        return (await self._sheets(person, [job]))[0]

    async def take_sketch(self, person: Person, place: Place, raw: bytes) -> dict[str, Any]:
        """Check, normalise and store an image; return its digest, size, transparent part's mask and what was mended.

        It is that Person's own: nobody else may name its digest.
        """
        info, notes = await self._archive.take_sketch(raw, person.id, await self._limits(person, place))
        found = {"digest": info.digest, "width": info.width, "height": info.height, "mask": info.mask}
        return {**found, "notes": list(notes)}

    async def take_mask(self, person: Person, place: Place, raw: bytes) -> dict[str, Any]:
        """Check, normalise and store a mask given apart; return its digest, size and what was mended."""
        info, notes = await self._archive.take_mask(raw, person.id, await self._limits(person, place))
        return {"digest": info.digest, "width": info.width, "height": info.height, "notes": list(notes)}

    async def picture_as_sketch(self, person: Person, place: Place, picture_id: str) -> dict[str, Any]:
        """Store a painted Picture as a Sketch, by the same intake as any other image."""
        raw, _ = await self.picture_file(person, place, picture_id, "png", False)
        return await self.take_sketch(person, place, raw)

    async def _limits(self, person: Person, place: Place) -> Limits:
        return limits_for(self._house.limits, await rules_at(self._archive, place), person, place)


def _prompts(plans: Sequence[asking.Plan]) -> list[str]:
    """Return the words that would be painted: a parent's too, and what a suffix adds."""
    recipes = [new.recipe for plan in plans for new in plan.pictures]
    return list(dict.fromkeys(recipe.prompt for recipe in recipes if isinstance(recipe, Paint)))
