"""Bodies: a Job's card in each state with the files it shows, made of what the log says."""

from __future__ import annotations

import logging
from collections.abc import Callable

from bot.cards import CardFile, Links, card, shown
from bot.post import Body
from core import wording
from core.errors import StudioError
from core.job import Job
from core.person import Person, Place
from core.progress import Progress, Stepping, Waiting
from core.records import Form
from core.sheet import JobSheet
from core.studio import Studio

log = logging.getLogger(__name__)
FORMS: tuple[Form, ...] = ("png", "webp", "jpeg")
"""Tried in this order: the master, the same pixels smaller, nearly the same pixels."""

PASSING = frozenset({"queued", "running"})
"""States of a Job that is open."""

JUMP = "https://discord.com/channels/{guild}/{channel}/{message}"


class Bodies:
    """Make the messages of Jobs.

    adults: says whether a Place is age-restricted; page: the chat page's public address, empty where it has none.
    """

    def __init__(
        self, studio: Studio, clock: Callable[[], int], adults: Callable[[Place], bool], page: str = ""
    ) -> None:
        self._studio, self._clock, self._adults, self._page = studio, clock, adults, page.rstrip("/")

    async def waiting(self, sheet: JobSheet, person: Person, place: Place, waits: Waiting | None = None) -> Body:
        """Return the card of a Job as it stands, open or ended, with its Sketch and no Picture.

        waits: its newest place in the line, else the one the sheet tells.
        """
        digest = sheet["pictures"][0]["sketch"]
        sketch = None
        if digest is not None and sheet["state"] == "queued":
            sketch = await self._sketch(digest, Person(sheet["person"]), place)
        stands = sheet["place"] if waits is None else waits.place
        # How long it takes is told by a timestamp that counts by itself.
        line = None if stands is None else wording.waiting(stands, None)
        links, ready_at = await self._links(sheet, person, place), self._ready_at(sheet)
        return Body(
            lambda: card(sheet, person, sketch=sketch, line=line, ready_at=ready_at, links=links),
            [] if sketch is None else [sketch],
        )

    async def working(self, sheet: JobSheet, job: Job, progress: Progress, preview: bytes | None) -> Body:
        """Return the card of an open Job with what Progress says and the newest preview."""
        if sheet["state"] != "running" or not isinstance(progress, Stepping):
            waits = progress if isinstance(progress, Waiting) else None
            return await self.waiting(sheet, job.person, job.place, waits)
        line = wording.painting(progress.step, progress.of, progress.picture, len(sheet["pictures"]))
        # Sent again with each edit: an edit that does not list a file takes it away.
        veiled = await self.veiled(job.place)
        files = [] if preview is None else [CardFile("limner-preview.jpg", preview, wording.PREVIEW_ALT, veiled)]
        links, ready_at = await self._links(sheet, job.person, job.place), self._ready_at(sheet)
        return Body(lambda: card(sheet, job.person, files=files, line=line, ready_at=ready_at, links=links), files)

    async def ended(self, sheet: JobSheet, job: Job, limit: int, rung: int = 0) -> Body:
        """Return the card of a Job that ended; each Picture in the first form from that rung on that is not too large.

        limit: bytes a file may have; a rung behind the last form shows none.
        """
        return await self._laid(sheet, job.person, job.person, job.place, limit, rung)

    async def again(self, sheet: JobSheet, reader: Person, place: Place, limit: int) -> Body:
        """Return the card of a Job once more for who asks to see it, as it stands in the log."""
        author = Person(sheet["person"])
        if sheet["state"] in PASSING:
            return await self.waiting(sheet, author, place)
        return await self._laid(sheet, author, reader, place, limit, 0)

    async def _laid(self, sheet: JobSheet, author: Person, reader: Person, place: Place, limit: int, rung: int) -> Body:
        files, forms, missing, veiled = [], set[Form](), 0, await self.veiled(place)
        for picture in shown(sheet):
            for form in FORMS[rung:]:
                data, _ = await self._studio.picture_file(reader, place, picture["id"], form)
                if len(data) <= limit:
                    files.append(CardFile(f"limner-{picture['id']}.{form}", data, picture["alt"], veiled))
                    forms.add(form)
                    break
            else:
                missing += 1
        line = wording.in_forms(sheet["sentence"], [form for form in FORMS[1:] if form in forms], missing)
        links = await self._links(sheet, reader, place)
        return Body(lambda: card(sheet, author, files=files, line=line, links=links), files)

    async def _sketch(self, digest: str, author: Person, place: Place) -> CardFile | None:
        """Return a Sketch as a card shows it small; a card of an accepted Job goes out without it rather than not."""
        try:
            data = await self._studio.sketch_thumb(author, digest)
        except StudioError as error:
            log.warning("sketch %s cannot be shown: %s", digest, error)
            return None
        return CardFile("limner-sketch.webp", data, wording.SKETCH_ALT, await self.veiled(place))

    async def veiled(self, place: Place) -> bool:
        """Say whether Pictures are spoilers in a Place."""
        return (await self._studio.manners(place))["spoiler"] and not self._adults(place)

    async def _links(self, sheet: JobSheet, person: Person, place: Place) -> Links:
        page = f"{self._page}/#/picture/{sheet['pictures'][0]['id']}" if self._page else ""
        parent = sheet["pictures"][0]["parent"]
        found = None if parent is None else await self._studio.origin(person, place, parent)
        if found is None or "channel" not in found["place"]:
            return Links(page=page)
        where = found["place"]
        guild, channel = where.get("guild") or "@me", where["channel"]
        return Links(JUMP.format(guild=guild, channel=channel, message=found["message_id"]), page)

    def _ready_at(self, sheet: JobSheet) -> int | None:
        eta_s = sheet["eta_s"]
        return None if eta_s is None else self._clock() + int(eta_s * 1000)
