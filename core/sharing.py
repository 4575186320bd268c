"""Sharing: a Picture shown to whoever has its share link, and to nobody else; who made it takes it back."""

from __future__ import annotations

from typing import Any

from core import access, wording
from core.account import ShareLink
from core.accounts import fresh_token
from core.errors import BadInput, NotFound
from core.house import House
from core.job import Job
from core.passwords import hashed
from core.person import Person, Place
from core.picture import Picture
from core.ports import Archive
from core.recipe import Paint

MOST_DAYS = 3650
MOST_LINKS = 20


class Sharing:
    """Make share links, end them, and answer whoever follows one."""

    def __init__(self, archive: Archive, house: House) -> None:
        self._archive, self._house = archive, house

    async def share(
        self, person: Person, place: Place, picture_id: str, words: bool = False, days: int | None = None
    ) -> dict[str, Any]:
        """Make a link that shows a Picture to whoever has it; words: with its Prompt and Recipe, days: so long."""
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise BadInput(
                f"A share link holds 1 to {MOST_DAYS} days.", "Leave it out to let it hold until it is ended."
            )
        picture = await self._own(person, place, picture_id)
        if picture.state != "stored" or _withheld(picture):
            raise BadInput("This picture cannot be shared.", "Only one that was painted, and is shown, can be.")
        if len(await self._archive.share_links(picture.id)) >= MOST_LINKS:
            raise BadInput(f"This picture has {MOST_LINKS} share links.", "End them first: they end all at once.")
        token = fresh_token(self._house.means.randomness)
        await self._archive.keep_share_link(hashed(token), picture.id, person.id, words, days)
        path = f"/shared/{token}"
        return {"picture": picture.id, "path": path, "link": f"{self._house.page}{path}"}

    async def links(self, person: Person, place: Place, picture_id: str) -> dict[str, Any]:
        """Return how many share links of a Picture hold."""
        picture = await self._own(person, place, picture_id)
        return {"picture": picture.id, "links": len(await self._archive.share_links(picture.id))}

    async def unshare(self, person: Person, place: Place, picture_id: str) -> dict[str, Any]:
        """End every share link of a Picture at once."""
        picture = await self._own(person, place, picture_id)
        return {"picture": picture.id, "ended": await self._archive.drop_share_links(picture.id)}

    async def shown(self, token: str) -> dict[str, Any]:
        """Return what a share link shows, to whoever has it."""
        link, picture, job = await self._opened(token)
        paint = picture.recipe if isinstance(picture.recipe, Paint) else None
        return {
            "width": picture.width,
            "height": picture.height,
            "facts": wording.facts(picture.recipe, job.model),
            "prompt": paint.prompt if paint and link.words else "",
            "avoid": paint.negative_prompt if paint and link.words else "",
        }

    async def file(self, token: str) -> tuple[bytes, str]:
        """Return the Picture a share link shows, its Recipe in it where its words are shown."""
        link, picture, _ = await self._opened(token)
        if picture.file_digest is None:
            raise _no_link()
        return await self._archive.form(picture, "png", recipe=link.words)

    async def _own(self, person: Person, place: Place, picture_id: str) -> Picture:
        found = await self._archive.picture(picture_id)
        if found is None:
            raise NotFound(f"There is no picture {picture_id}.", "See your own with /history.")
        access.check("share", person, place, found[1])
        return found[0]

    async def _opened(self, token: str) -> tuple[ShareLink, Picture, Job]:
        link = await self._archive.share_link(hashed(token))
        found = None if link is None else await self._archive.picture(link.picture_id)
        if link is None or found is None or found[0].state != "stored" or _withheld(found[0]):
            raise _no_link()
        return link, *found


def _withheld(picture: Picture) -> bool:
    return bool(picture.verdict.get("safety", {}).get("flagged"))


def _no_link() -> NotFound:
    return NotFound("Nothing is shared under this address.", "It may have been ended: ask whoever sent it.")
