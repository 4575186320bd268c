"""Courier: delivers ended Jobs through the Faces, again after a crash, never twice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

from core.errors import Lost, StudioError, Unavailable
from core.feed import Feed
from core.ports import Archive, Face
from core.records import CrashPoint, Parcel, Receipt, nothing

log = logging.getLogger(__name__)
AT_ONCE = 8
"""A channel that makes one delivery wait must not hold up all others."""

LEASE_S = 60.0
AGAIN_S = 2.0
LONGEST_S = 60.0
NO_FACE_S = 60.0
GIVE_UP_MS = 86_400_000
GIVE_UP_TRIES = 20
"""A result is given up after a day of tries; a day without the program is none."""

READ_THE_LOG = frozenset({"web", "cli", "audit"})
"""Faces that read results from SQL: their Jobs are delivered as soon as the Courier has seen them."""


class Courier:
    """Empty the outbox; woken after each settlement, else it sleeps until the next row is due."""

    def __init__(
        self,
        archive: Archive,
        faces: Mapping[str, Face],
        feed: Feed,
        clock: Callable[[], int],
        owner: str,
        at: CrashPoint = nothing,
        *,
        alone: bool = True,
    ) -> None:
        """alone: no other program delivers what has no Face here."""
        self._archive, self._faces, self._feed = archive, faces, feed
        self._clock, self._owner, self._at, self._alone = clock, owner, at, alone
        self._wake = asyncio.Event()
        self._busy: set[asyncio.Task[None]] = set()
        self._open = True

    def wake(self) -> None:
        """Look at the outbox now."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver what is due, then wait; stopped, deliver what is due once more, then end."""
        while True:
            self._wake.clear()
            try:
                await self._take_up()
                if not (self._open or self._busy):
                    return
                await self._sleep()
            except StudioError:
                log.exception("the outbox could not be read")
                await asyncio.sleep(AGAIN_S)

    async def stop(self) -> None:
        """Deliver what is due once more, then end."""
        self._open = False
        self._wake.set()

    async def _take_up(self) -> None:
        """Begin to deliver every row whose time has come, so many at once."""
        while (free := AT_ONCE - len(self._busy)) > 0:
            parcels = await self._archive.parcels(self._owner, LEASE_S, free, faces=self._reached())
            for parcel in parcels:
                task = asyncio.create_task(self._deliver(parcel), name=f"deliver {parcel.job.id}")
                self._busy.add(task)
                task.add_done_callback(self._done)
            if len(parcels) < free:
                return

    def _done(self, task: asyncio.Task[None]) -> None:
        self._busy.discard(task)
        self._wake.set()

    def _reached(self) -> frozenset[str] | None:
        """Return the Faces whose results are brought from here, None for all."""
        return None if self._alone else READ_THE_LOG | self._faces.keys()

    async def _deliver(self, parcel: Parcel) -> None:
        try:
            await self._bring(parcel)
        except Lost:
            log.warning("job %s: somebody else delivers it", parcel.job.id)
        except StudioError:
            # Its lease ends by itself; then it is taken up again.
            log.exception("job %s: its delivery could not be written down", parcel.job.id)
        self._feed.moved()

    async def _bring(self, parcel: Parcel) -> None:
        name = parcel.job.place.face
        face = self._faces.get(name)
        if face is None and name not in READ_THE_LOG:
            await self._archive.deliver_later(parcel, NO_FACE_S)
            return
        self._at("before_deliver")
        try:
            receipt = Receipt() if face is None else await face.deliver(parcel)
        except Unavailable as error:
            log.info("job %s is delivered later: %s", parcel.job.id, error)
            receipt = None
        except Exception:
            log.exception("job %s could not be delivered, try %d", parcel.job.id, parcel.tries)
            receipt = None
        if receipt is None:
            await self._again(parcel)
            return
        self._at("after_deliver_before_commit")
        await self._archive.delivered(parcel, receipt)

    async def _again(self, parcel: Parcel) -> None:
        """Put a delivery off, a little longer each time; after a day of tries give it up."""
        since = self._clock() - (parcel.job.rendered_at or parcel.job.ended_at or parcel.job.created_at)
        if since > GIVE_UP_MS and parcel.tries >= GIVE_UP_TRIES:
            log.error("job %s could not be delivered for a day; it is given up", parcel.job.id)
            await self._archive.delivered(parcel, Receipt(dead=True, why="a day of tries"))
            return
        await self._archive.deliver_later(parcel, min(AGAIN_S * 1.5 ** min(parcel.tries, 20), LONGEST_S))

    async def _sleep(self) -> None:
        """Sleep until woken or until the next row is due; with no hand free, until one is."""
        free = len(self._busy) < AT_ONCE
        due = await self._archive.next_due("outbox", faces=self._reached()) if free else None
        timeout = None if due is None else max((due - self._clock()) / 1000, 0.05)
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._wake.wait()
