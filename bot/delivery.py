"""DiscordFace: shows Progress on a Job's card and delivers its end, by the delivery rule, without a second message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import discord

from bot.bodies import Bodies
from bot.guests import UNSENT, channel_of
from bot.post import UNKNOWN_MESSAGE, Body, Post, Spot
from core.errors import StudioError, Unavailable
from core.job import Job
from core.progress import Failed, Progress, Stepping, Waiting
from core.records import Form, Parcel, Receipt, Reply
from core.sheet import job_sheet
from core.studio import Studio

log = logging.getLogger(__name__)
EVERY_S = 1.5
"""At most one edit of a card in this time."""

EDIT_S = 10.0
"""A passing edit that takes longer is given up: the result must not wait behind it."""

DELIVER_S = 45.0
"""Below the outbox's lease, so that nobody else takes a parcel up while it is under way."""

DEAD = frozenset({10003, 10008, 50001, 50013})
"""Unknown Channel, Unknown Message, Missing Access, Missing Permissions: trying again will not help."""

TOO_LARGE = 40005
FORMS: tuple[Form, ...] = ("png", "webp", "jpeg")
"""Tried in this order where Discord finds a file too large."""


PASSING = frozenset({"queued", "running"})
"""States a passing edit may show; every end is delivered."""


@dataclass(slots=True)
class Desk:
    """Hold what is known of one open Job's card; all of it can be found again or may be lost."""

    spot: Spot | None = None
    looked: bool = False
    newest: tuple[Job, Progress] | None = None
    preview: bytes | None = None
    task: asyncio.Task[None] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class DiscordFace:
    """Be the Face named `discord`; ready: says whether it is logged in, pause: waits that many seconds."""

    def __init__(
        self,
        post: Post,
        studio: Studio,
        bodies: Bodies,
        ready: Callable[[], bool],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._post, self._studio, self._bodies, self._ready, self._pause = post, studio, bodies, ready, pause
        self._desks: dict[str, Desk] = {}
        self._asking: dict[str, asyncio.Event] = {}
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

    def stands(self, job_id: str, spot: Spot) -> None:
        """Remember where an open Job's card stands."""
        self._desk(job_id).spot = spot

    def known(self, job_id: str) -> bool:
        """Say whether an open Job's card is known to stand."""
        desk = self._desks.get(job_id)
        return desk is not None and desk.spot is not None

    async def show(self, job: Job, progress: Progress) -> None:
        """Keep the newest Progress for the card's next edit; what is delivered anyway is not shown."""
        again = isinstance(progress, Failed) and progress.again
        if not (again or isinstance(progress, Waiting | Stepping)) or not self._ready():
            return
        desk = self._desk(job.id)
        desk.newest = (job, progress)
        if isinstance(progress, Stepping):
            desk.preview = progress.preview or desk.preview
        if desk.task is None or desk.task.done():
            desk.task = asyncio.create_task(self._keep_shown(desk), name=f"show {job.id}")

    async def deliver(self, parcel: Parcel) -> Receipt:
        """Bring a result or an apology: by the interaction, else by message id, else as one message with a nonce."""
        if not self._ready():
            raise Unavailable("Discord is not connected yet.")
        job = parcel.job
        self._delivering += 1
        try:
            async with asyncio.timeout(DELIVER_S):
                await self._answered(parcel.reply)
                desk = self._desk(job.id)
                desk.newest = None
                async with desk.lock:
                    message_id = await self._bring(parcel, desk)
        except discord.HTTPException as error:
            if error.code not in DEAD:
                raise
            log.warning("job %s cannot be delivered: %s", job.id, error)
            self._gone(job.id)
            return Receipt(dead=True, why=f"Discord says {error.code}")
        finally:
            self._delivering -= 1
        self._gone(job.id)
        return Receipt(str(message_id))

    async def close(self) -> None:
        """Stop showing Progress."""
        tasks = [desk.task for desk in self._desks.values() if desk.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _bring(self, parcel: Parcel, desk: Desk) -> int:
        job = parcel.job
        sheet = job_sheet(job.person, job, parcel.pictures)
        for form in FORMS:
            try:
                return await self._put(parcel, desk, await self._bodies.ended(sheet, job, form))
            except discord.HTTPException as error:
                if form == FORMS[-1] or not (error.status == 413 or error.code == TOO_LARGE):
                    raise
        raise AssertionError("the last form raises or returns")

    async def _put(self, parcel: Parcel, desk: Desk, body: Body) -> int:
        job, reply = parcel.job, parcel.reply
        ids = {job.id, *(picture.id for picture in parcel.pictures)}
        spot = desk.spot
        if spot is None and reply is not None:
            spot = await self._post.original(reply, ids)
        if spot is None:
            spot = await self._post.find(channel_of(job.place), ids, job.created_at)
        if spot is not None:
            return await self._post.edit(spot, body)
        answers = int(reply.message_id) if reply is not None and reply.message_id else None
        return await self._post.send(channel_of(job.place), body, parcel.nonce, answers)

    async def _answered(self, reply: Reply | None) -> None:
        waiting = None if reply is None else self._asking.get(_key(reply))
        if waiting is not None:
            await waiting.wait()

    async def _keep_shown(self, desk: Desk) -> None:
        """Edit a card until nothing new came for a while; results under way go first."""
        while desk.newest is not None:
            if not self._delivering:
                job, progress = desk.newest
                desk.newest = None
                await self._edit(desk, job, progress)
            await self._pause(EVERY_S)

    async def _edit(self, desk: Desk, job: Job, progress: Progress) -> None:
        try:
            async with asyncio.timeout(EDIT_S), desk.lock:
                spot = await self._spot(desk, job)
                sheet = await self._studio.job(job.person, job.place, job.id)
                if spot is not None and sheet["state"] in PASSING:
                    await self._post.edit(spot, await self._bodies.working(sheet, job, progress, desk.preview))
        except (TimeoutError, *UNSENT) as error:
            log.info("job %s: its card could not be edited: %r", job.id, error)
            if isinstance(error, discord.HTTPException) and error.code == UNKNOWN_MESSAGE:
                await self._taken_down(job)
        except Exception:
            log.exception("job %s: its progress is not shown", job.id)

    async def _spot(self, desk: Desk, job: Job) -> Spot | None:
        """Return where a card stands; after a restart it is looked for once, but not while cards are being sent."""
        if desk.spot is None and not desk.looked and not self._asking:
            desk.looked = True
            desk.spot = await self._post.find(channel_of(job.place), {job.id}, job.created_at)
        return desk.spot

    async def _taken_down(self, job: Job) -> None:
        """Cancel a Job whose card was deleted: who deletes it wants no picture there."""
        try:
            await self._studio.cancel(job.person, job.place, job.id)
        except StudioError as error:
            log.warning("job %s: its card is gone, it could not be cancelled: %s", job.id, error)

    def _desk(self, job_id: str) -> Desk:
        return self._desks.setdefault(job_id, Desk())

    def _gone(self, job_id: str) -> None:
        """Forget an ended Job's card."""
        desk = self._desks.pop(job_id, None)
        if desk is not None and desk.task is not None and desk.task is not asyncio.current_task():
            desk.task.cancel()


def _key(reply: Reply) -> str:
    return reply.token or reply.message_id
