"""People: what is one Person's own: Defaults, Limits, places in the line, and all that is kept, to take or erase."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from core import access, defaults, wording
from core.asking import card_named, with_options
from core.defaults import Defaults
from core.draft import Draft, fill
from core.errors import BadInput
from core.export import zipped
from core.feed import Feed
from core.house import House
from core.job import Job
from core.limits import Limits, Usage
from core.looking import default_model, rules_at
from core.person import Person, Place
from core.ports import Archive
from core.rules import limits_for

MOST_QUEUED = 200
ERASE = "erase"
"""The word that must be typed to erase."""


class People:
    """Answer each Person for itself; `wake` is called with each Job that must not be painted on."""

    def __init__(self, archive: Archive, house: House, feed: Feed, wake: Callable[[str | None], None]) -> None:
        self._archive, self._house, self._feed, self._wake = archive, house, feed, wake

    async def defaults(self, person: Person) -> Defaults:
        """Return what a Person wants where nothing is typed."""
        return await self._archive.defaults(person.id)

    async def set_defaults(self, person: Person, typed: str | None = None, **changes: Any) -> Defaults:
        """Change a Person's Defaults: options as they are typed (`none` clears them), or fields; return them whole."""
        cards = self._house.models()
        if typed is not None:
            changes["options"] = defaults.typed(typed, [card.name for card in cards])
        changed = (await self.defaults(person)).changed(changes)
        draft = with_options(Draft(prompt="a red heart"), changed.options)
        # Filled as a Job would be: what no Job may have is refused now.
        fill(draft, card_named(cards, draft.model or await default_model(self._archive, self._house)), lambda: 0)
        await self._archive.keep_defaults(person.id, changed)
        return changed

    async def limits(self, person: Person, place: Place) -> list[dict[str, Any]]:
        """Return each Limit of a Person here: how much is used of how much, and when one Job more fits in."""
        limits = limits_for(self._house.limits, await rules_at(self._archive, place), person, place)
        used = await self._archive.opens(person.id, limits, 1, 1)
        return [_limit(name, limits, used) for name in ("waiting", "per_minute", "day_cost")]

    async def queue(self, person: Person, place: Place) -> list[dict[str, Any]]:
        """Return the open Jobs in the order of the line; of those a Person does not see, only that they are there."""
        line = (await self._archive.line())[:MOST_QUEUED]
        jobs = await self._archive.jobs([standing.job_id for standing in line])
        ends = self._house.pace.forecast(line)
        paused = bool((await self._archive.overrides()).get("paused"))
        rows = [(number, jobs[each.job_id]) for number, each in enumerate(line, 1) if each.job_id in jobs]
        return [_queued(number, job, person, place, ends.get(job.id), paused) for number, job in rows]

    async def export(self, person: Person) -> AsyncIterator[bytes]:
        """Yield a zip of all that is kept of a Person: JSON, and the Pictures with their Recipes."""
        async for chunk in zipped(self._archive, person, await self.defaults(person)):
            yield chunk

    async def erase(self, person: Person, confirm: str, who: str | None = None) -> dict[str, Any]:
        """Erase all that is kept of a Person but the numbers in the ledger; `confirm` is the word erase.

        who: another one's id, for the owner alone; then `confirm` is that id.
        """
        if who is not None:
            access.only_owner(person)
        if who is not None and confirm.strip() != who:
            raise BadInput("Nothing was erased.", f"Type {who!r:.120} to erase all of theirs.")
        if who is None and confirm.strip().lower() != ERASE:
            raise BadInput("Nothing was erased.", f"Type the word {ERASE} to erase all your jobs, pictures and words.")
        done = await self._archive.erase(who or person.id)
        for job_id in done.running:
            self._wake(job_id)
        self._feed.moved()
        counts = {"jobs": done.jobs, "pictures": done.pictures, "files": done.files, "wal": done.wal}
        return {**counts, "sentence": wording.erased(done.jobs, done.pictures, done.wal)}


def _limit(name: str, limits: Limits, used: Usage) -> dict[str, Any]:
    most = {"waiting": limits.waiting, "per_minute": limits.per_minute, "day_cost": limits.day_cost}[name]
    taken = {"waiting": used.waiting, "per_minute": used.minute, "day_cost": used.day_cost}[name]
    opens = {"per_minute": used.minute_opens, "day_cost": used.day_opens}.get(name)
    full = bool(most) and taken >= most
    return {
        "name": name,
        "used": taken,
        "most": most or None,
        "opens_at": opens if full else None,
        "sentence": wording.limit(name, taken, most),
    }


def _queued(number: int, job: Job, person: Person, place: Place, eta_s: float | None, paused: bool) -> dict[str, Any]:
    seen = access.sees(person, place, job)
    waits = wording.PAUSED if paused else wording.waiting(number, eta_s)
    return {
        "place": number,
        "mine": job.person.id == person.id,
        "job": job.id if seen else None,
        "words": job.typed if seen else None,
        "sentence": "Painting." if job.state == "running" else waits,
        "eta_s": None if paused else eta_s,
    }
