"""DiscordFace: shows Progress on a Job's card and delivers its end, by the delivery rule, without a second message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import asynccontextmanager

import discord

from bot.beside import Beside
from bot.bodies import FORMS, PASSING, Bodies
from bot.desks import Desk, Desks
from bot.guests import UNSENT, channel_of
from bot.leaving import Leaving
from bot.post import UNKNOWN_MESSAGE, Body, Post, Spot, since
from bot.rates import Rates
from core.errors import Unavailable
from core.job import Job
from core.person import Person, Place
from core.progress import Failed, Progress, Stepping, Waiting
from core.records import Parcel, Receipt, Reply
from core.sheet import JobSheet, job_sheet
from core.studio import Studio

log = logging.getLogger(__name__)
EVERY_S = 1.5
"""At most one edit of a card in this time."""

EDIT_S = 10.0
"""A passing edit that takes longer is given up: the result must not wait behind it."""

DELIVER_S = 45.0
"""Below the outbox's lease, so that nobody else takes a parcel up while it is under way."""

NO_PLACE = frozenset({10003, 50001, 50013})
"""Unknown Channel, Missing Access, Missing Permissions: nothing can stand there any more."""

DEAD = NO_PLACE | {UNKNOWN_MESSAGE}
"""Trying again will not help; a message that was taken down is not posted again."""

TOO_LARGE = 40005
CROWD = 6
"""So many asked at once are answered by their cards; more are promised one first."""

LOOKS = 6
LOOK_S = 0.5
"""How often, and after how long, it is looked whose card comes where an answer was only promised."""

ELSEWHERE = "another copy of the bot answered"
UNKNOWN_LIMIT = 10 * 1024 * 1024
"""What every server takes, where the interaction's own limit is not known any more."""


class Elsewhere(Exception):
    """Say that another copy of the bot shows what was asked for."""


class DiscordFace:
    """Be the Face named `discord`; ready: says whether it is logged in, pause: waits that many seconds."""

    def __init__(
        self,
        post: Post,
        studio: Studio,
        bodies: Bodies,
        beside: Beside,
        desks: Desks,
        leaving: Leaving,
        rates: Rates,
        ready: Callable[[], bool],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._post, self._studio, self._bodies, self._ready, self._pause = post, studio, bodies, ready, pause
        self._beside, self._desks, self._leaving, self._rates = beside, desks, leaving, rates
        self._asking: dict[str, asyncio.Event] = {}
        self._elsewhere: set[str] = set()
        self._doubted: set[str] = set()
        self._delivering = 0

    @asynccontextmanager
    async def asking(self, reply: Reply) -> AsyncIterator[None]:
        """Hold back results of what is being asked until its queued card stands: a fast Job must not overtake it."""
        done = self._asking[_key(reply)] = asyncio.Event()
        try:
            yield
        finally:
            self._asking.pop(_key(reply), None)
            done.set()

    def stands(self, sheet: JobSheet, spot: Spot, person: Person, place: Place, limit: int = 0) -> None:
        """Remember where an open Job's card stands and who asked; limit: bytes a file may have there."""
        self._desks.stands(sheet["id"], Desk(spot, limit, sheet["place"], (person, place)))

    def known(self, job_id: str) -> bool:
        """Say whether an open Job's card is known to stand."""
        return self._desks.known(job_id)

    @property
    def crowded(self) -> bool:
        """Say whether so many ask at once that an answer may come too late."""
        return len(self._asking) > CROWD

    async def answered_elsewhere(self, job: JobSheet, reply: Reply) -> bool:
        """Say whether a message that is not this Job's card stands as the interaction's answer: another copy's."""
        ids = sheet_ids(job)
        try:
            for _ in range(LOOKS):
                whose = await self._post.whose(reply, ids)
                if whose == "theirs":
                    self._elsewhere.add(job["id"])
                if whose != "nobody's":
                    return whose == "theirs"
                await self._pause(LOOK_S)
        except UNSENT as error:
            log.warning("job %s: who answered could not be seen: %s", job["id"], error)
            return False
        # Only promised yet, by us or by another copy; its delivery looks once more.
        self._doubted.add(job["id"])
        return False

    def elsewhere(self, sheets: Iterable[JobSheet]) -> None:
        """Remember Jobs that another copy of the bot has too, and shows."""
        self._elsewhere |= {sheet["id"] for sheet in sheets}

    async def taken_down(self, message_ids: Collection[int]) -> None:
        """Cancel the open Jobs whose cards were deleted."""
        for job_id, (person, place) in self._desks.at(message_ids).items():
            await self._leaving.cancel(job_id, person, place, "its card was deleted")

    async def show(self, job: Job, progress: Progress) -> None:
        """Keep the newest Progress for the card's next edit; what is delivered anyway is not shown."""
        again = isinstance(progress, Failed) and progress.again
        if not (again or isinstance(progress, Waiting | Stepping)) or not self._ready():
            return
        desk = self._desks.of(job.id)
        if isinstance(progress, Waiting):
            if progress.place == desk.line:
                return
            desk.line = progress.place
        desk.newest = (job, progress)
        if isinstance(progress, Stepping):
            desk.preview = progress.preview or desk.preview
        if desk.task is None or desk.task.done():
            desk.task = asyncio.create_task(self._keep_shown(desk), name=f"show {job.id}")

    async def deliver(self, parcel: Parcel) -> Receipt:
        """Bring a result or an apology: by the interaction, else by message id, else as one message with a nonce."""
        if not self._ready():
            raise Unavailable("Discord is not connected yet.")
        self._delivering += 1
        try:
            async with asyncio.timeout(DELIVER_S):
                spot = await self._carry(parcel)
        except Elsewhere:
            return Receipt(dead=True, why=ELSEWHERE)
        except UNSENT as error:
            if not isinstance(error, discord.HTTPException) or error.status >= 500 or error.status == 429:
                raise Unavailable(f"Discord does not take it now: {error!r}") from error
            if error.code not in DEAD:
                raise
            return await self._dead(parcel, error)
        finally:
            self._delivering -= 1
        self._desks.gone(parcel.job.id)
        return Receipt(str(spot.message_id))

    async def close(self) -> None:
        """Stop showing Progress."""
        await self._desks.close()

    async def _dead(self, parcel: Parcel, error: discord.HTTPException) -> Receipt:
        log.warning("job %s cannot be delivered: %s", parcel.job.id, error)
        if error.code in NO_PLACE:
            await self._beside.undeliverable(parcel)
        self._desks.gone(parcel.job.id)
        return Receipt(dead=True, why=f"Discord says {error.code}")

    async def _carry(self, parcel: Parcel) -> Spot:
        await self._answered(parcel.reply)
        await self._check_elsewhere(parcel)
        desk = self._desks.of(parcel.job.id)
        desk.newest = None
        async with desk.lock:
            spot, body = await self._bring(parcel, desk)
        await self._beside.delivered(parcel, spot, body)
        return spot

    async def _check_elsewhere(self, parcel: Parcel) -> None:
        """Leave a Job alone that another copy of the bot shows, or whose place its card has taken by now."""
        job, reply = parcel.job, parcel.reply
        if job.id in self._elsewhere:
            raise Elsewhere
        if job.id in self._doubted and reply is not None:
            self._doubted.discard(job.id)
            if await self._post.whose(reply, {job.id, *(each.id for each in parcel.pictures)}) == "theirs":
                raise Elsewhere

    async def _bring(self, parcel: Parcel, desk: Desk) -> tuple[Spot, Body]:
        """Bring the card with its Pictures; each time Discord finds them too large, in the next form."""
        job = parcel.job
        sheet = job_sheet(job.person, job, parcel.pictures)
        for rung in range(len(FORMS) + 1):
            body = await self._bodies.ended(sheet, job, desk.limit or UNKNOWN_LIMIT, rung)
            try:
                return await self._put(parcel, desk, body), body
            except discord.HTTPException as error:
                if not body.files or not (error.status == 413 or error.code == TOO_LARGE):
                    raise
        raise AssertionError("the last rung has no files: it raises or returns")

    async def _put(self, parcel: Parcel, desk: Desk, body: Body) -> Spot:
        desk.spot = desk.spot or await self._find(parcel)
        if desk.spot is not None:
            await self._post.edit(desk.spot, body)
            return desk.spot
        job, reply = parcel.job, parcel.reply
        answers = int(reply.message_id) if reply is not None and reply.message_id and not reply.application_id else None
        channel_id = channel_of(job.place)
        return Spot(channel_id, (await self._post.send(channel_id, body, parcel.nonce, answers)).id)

    async def _find(self, parcel: Parcel) -> Spot | None:
        """Find a Job's card: the interaction's answer, the message written down, one among those of its time."""
        job, reply = parcel.job, parcel.reply
        ids = {job.id, *(picture.id for picture in parcel.pictures)}
        kept = None
        if reply is not None and reply.application_id and reply.message_id:
            kept = Spot(channel_of(job.place), int(reply.message_id))
        try:
            spot = None if reply is None else await self._post.original(reply, ids)
        except discord.NotFound as error:
            if kept is None or error.code != UNKNOWN_MESSAGE:
                raise
            # The answer was deleted; whether that was this Job's card or a sister's, its own id tells.
            spot = None
        return spot or kept or await self._post.find(channel_of(job.place), ids, since(job))

    async def _answered(self, reply: Reply | None) -> None:
        waiting = None if reply is None else self._asking.get(_key(reply))
        if waiting is not None:
            await waiting.wait()

    async def _keep_shown(self, desk: Desk) -> None:
        """Edit a card until nothing new came for a while; results under way go first."""
        while desk.newest is not None:
            if not self._delivering and self._rates.bars:
                job, progress = desk.newest
                desk.newest = None
                await self._edit(desk, job, progress)
            await self._pause(EVERY_S)

    async def _edit(self, desk: Desk, job: Job, progress: Progress) -> None:
        # Whoever stops this waits for its request: discord.py leaves the route of one cut off at its end shut for 30 s.
        async with desk.lock:
            edit = asyncio.create_task(self._edit_now(desk, job, progress), name=f"edit {job.id}")
            try:
                await asyncio.shield(edit)
            finally:
                await edit

    async def _edit_now(self, desk: Desk, job: Job, progress: Progress) -> None:
        try:
            async with asyncio.timeout(EDIT_S):
                if await self._leaving.person_left(job, desk):
                    return
                spot = await self._spot(desk, job)
                sheet = await self._studio.job(job.person, job.place, job.id)
                if spot is not None and sheet["state"] in PASSING:
                    preview = desk.preview if self._rates.previews else None
                    await self._post.edit(spot, await self._bodies.working(sheet, job, progress, preview))
        except (TimeoutError, *UNSENT) as error:
            log.info("job %s: its card could not be edited: %r", job.id, error)
            if isinstance(error, discord.HTTPException) and error.code == UNKNOWN_MESSAGE:
                await self._leaving.cancel(job.id, job.person, job.place, "its card was deleted")
        except Exception:
            log.exception("job %s: its progress is not shown", job.id)

    async def _spot(self, desk: Desk, job: Job) -> Spot | None:
        """Return where a card stands; after a restart it is looked for once, but not while cards are being sent."""
        if desk.spot is None and not desk.looked and not self._asking:
            desk.looked = True
            desk.spot = await self._post.find(channel_of(job.place), {job.id}, since(job))
        return desk.spot


def sheet_ids(sheet: JobSheet) -> set[str]:
    """Return the ids by which a Job's card is known."""
    return {sheet["id"], *(picture["id"] for picture in sheet["pictures"])}


def _key(reply: Reply) -> str:
    return reply.token or reply.message_id
