"""Gallery: a Person's Pictures, found by words, model, seed and date; favourites; the family a Picture is of."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from core import access
from core.errors import BadInput, NotFound
from core.job import Job
from core.person import Person, Place
from core.picture import Picture
from core.ports import Archive
from core.recipe import sources
from core.search import Search

MOST_KIN = 200
"""So many Pictures a family tree shows."""


class Gallery:
    """Answer each Person for the Pictures it sees."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    async def page(self, person: Person, search: Search, before: str | None = None, limit: int = 60) -> dict[str, Any]:
        """Return a page of Pictures; `next` is what the following one comes before, None at the end.

        total: how many there are in all, on the first page alone.
        """
        hits = await self._archive.gallery(person.id, search, _cursor(before), limit)
        last = hits[-1] if len(hits) == limit else None
        total = None
        if before is None:
            # Counting walks through all there is once more: only where a page does not tell it already.
            total = await self._archive.gallery_count(person.id, search) if last else len(hits)
        return {
            "pictures": [asdict(hit) for hit in hits],
            "next": f"{last.at}-{last.id}" if last else None,
            "total": total,
        }

    async def favourite(self, person: Person, place: Place, picture_id: str, on: bool) -> dict[str, Any]:
        """Make a Picture that a Person sees a favourite of its own, or no more."""
        picture, _ = await self._seen(person, place, picture_id)
        await self._archive.favour(person.id, picture.id, on)
        return {"id": picture.id, "favourite": on}

    async def family(self, person: Person, place: Place, picture_id: str) -> dict[str, Any]:
        """Return the family of a Picture as far as a Person sees it: the first one's id, and every one under it."""
        picture, job = await self._seen(person, place, picture_id)
        whole, seen = len(picture.id), {picture.id}
        while picture.parent_id is not None and len(picture.parent_id) == whole and picture.parent_id not in seen:
            found = await self._archive.picture(picture.parent_id)
            if found is None or not access.sees(person, place, found[1]) or len(seen) >= MOST_KIN:
                break
            picture, job = found
            seen.add(picture.id)
        kin, row = {picture.id: _kin(picture, job)}, [picture.id]
        while row and len(kin) < MOST_KIN:
            below = [each for above in row for each in await self._archive.children(above)]
            fresh = [(child, of) for child, of in below if child.id not in kin and access.sees(person, place, of)]
            kin |= {child.id: _kin(child, of) for child, of in fresh[: MOST_KIN - len(kin)]}
            row = [child.id for child, _ in fresh if child.id in kin]
        return {"first": picture.id, "kin": list(kin.values())}

    async def _seen(self, person: Person, place: Place, picture_id: str) -> tuple[Picture, Job]:
        found = await self._archive.picture(picture_id)
        if found is None:
            raise NotFound(f"There is no picture {picture_id}.", "See your own with /history.")
        access.check("show", person, place, found[1])
        return found


def _kin(picture: Picture, job: Job) -> dict[str, Any]:
    """Tell of one of a family what a tree shows."""
    sketch = dict(sources(picture.recipe)).get("sketch")
    return {
        "id": picture.id,
        "parent": picture.parent_id,
        "kind": job.kind,
        "seed": picture.seed,
        "at": picture.stored_at or job.created_at,
        "state": picture.state,
        "gone": picture.file_digest is None,
        "sketch": sketch,
    }


def _cursor(before: str | None) -> tuple[int, str] | None:
    if before is None:
        return None
    found = re.fullmatch(r"([0-9]{1,15})-([0-9A-Z]{26})", before)
    if found is None:
        raise BadInput("before is no place in the gallery.", "Send what the last page gave as next.")
    return int(found[1]), found[2]
