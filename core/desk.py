"""Desk: what the owner's screen shows beside the acts: who asked, the device, Models in memory, the log of one Job."""

from __future__ import annotations

from typing import Any

from core import wording
from core.access import only_owner
from core.asking import card_named
from core.draft import ModelCard
from core.errors import BadInput, NotFound
from core.house import House
from core.limits import DAY_MS
from core.person import Person
from core.ports import Archive
from core.recipe import ModelRef
from core.records import reason

MODEL_ACTS = ("load", "unload")


class Desk:
    """Answer the owner of this Limner alone."""

    def __init__(self, archive: Archive, house: House) -> None:
        self._archive, self._house = archive, house

    async def people(self, person: Person) -> list[dict[str, Any]]:
        """Return who asked in the last day, the costliest first: id, Jobs, cost, when last; none of their words."""
        only_owner(person)
        found = await self._archive.askers(DAY_MS)
        return [{"id": each.person, "jobs": each.jobs, "cost": each.cost, "at": each.at} for each in found]

    async def device(self, person: Person) -> dict[str, Any]:
        """Return how much memory is used, and the names of the Models that are in it."""
        only_owner(person)
        machine = self._house.machine
        held = set(machine.held())
        return {
            "memory": dict(machine.memory()),
            "loaded": [card.name for card in self._house.models() if card.digest in held],
        }

    async def model(self, person: Person, name: str, what: str) -> dict[str, Any]:
        """Load a registered Model, or drop it from memory, as soon as the device has nothing else to do."""
        only_owner(person)
        if what not in MODEL_ACTS:
            raise BadInput(f"There is no act {what!r:.40} for a model.", f"There are: {', '.join(MODEL_ACTS)}.")
        card: ModelCard = card_named(self._house.models(), name)
        if what == "load":
            await self._house.machine.load(ModelRef(card.family, card.digest))
        else:
            await self._house.machine.unload(card.digest)
        return {"model": card.name, "what": what, "sentence": wording.MODEL_ACTS[what].format(model=card.name)}

    async def log(self, person: Person, job_id: str) -> dict[str, Any]:
        """Return every move of one Job with its reason, and the lines the log has of it; words are in neither."""
        only_owner(person)
        job = await self._archive.job(job_id)
        if job is None:
            raise NotFound(f"There is no job {job_id}.", "Take an id from the queue.")
        moves = await self._archive.moves_of(job.id)
        return {
            "job": job.id,
            "person": job.person.id,
            "kind": job.kind,
            "state": job.state,
            "moves": [
                {
                    "at": move.at,
                    "from": move.from_state,
                    "to": move.to_state,
                    "attempt": move.attempt,
                    "why": reason(move.why),
                }
                for move in moves
            ],
            "lines": await self._house.machine.lines(job.id),
        }
