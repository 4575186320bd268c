"""Courier: delivers ended Jobs through the Faces, again after a crash, never twice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from core.errors import Lost, Unavailable
from core.feed import Feed
from core.ports import Archive, Face
from core.records import CrashPoint, Parcel, Receipt

log = logging.getLogger(__name__)
LEASE_S = 60.0
AGAIN_S = 2.0
NO_FACE_S = 60.0
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
        at: CrashPoint = lambda _: None,
        *,
        alone: bool = True,
    ) -> None:
        """alone: no other program delivers what has no Face here."""
        self._archive, self._faces, self._feed = archive, faces, feed
        self._clock, self._owner, self._at, self._alone = clock, owner, at, alone
        self._wake = asyncio.Event()
        self._open = True

    def wake(self) -> None:
        """Look at the outbox now."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver what is due, then wait."""
        while self._open:
            self._wake.clear()
            await self.deliver_due()
            await self._sleep()

    async def stop(self) -> None:
        """Deliver what is due once more, then end."""
        self._open = False
        self._wake.set()

    async def deliver_due(self) -> None:
        """Deliver every row whose time has come."""
        while parcels := await self._archive.parcels(self._owner, LEASE_S, faces=self._reached()):
            for parcel in parcels:
                await self._deliver(parcel)

    def _reached(self) -> frozenset[str] | None:
        """Return the Faces whose results are brought from here, None for all."""
        return None if self._alone else READ_THE_LOG | self._faces.keys()

    async def _deliver(self, parcel: Parcel) -> None:
        name = parcel.job.place.face
        face = self._faces.get(name)
        if face is None and name not in READ_THE_LOG:
            await self._later(parcel, NO_FACE_S)
            return
        self._at("before_deliver")
        try:
            receipt = Receipt() if face is None else await face.deliver(parcel)
            self._at("after_deliver_before_commit")
            await self._archive.delivered(parcel, receipt)
        except Lost:
            log.warning("job %s: somebody else delivers it", parcel.job.id)
        except Unavailable as error:
            log.info("job %s is delivered later: %s", parcel.job.id, error)
            await self._later(parcel, AGAIN_S)
        except Exception:
            log.exception("job %s could not be delivered, try %d", parcel.job.id, parcel.tries)
            await self._later(parcel, min(2.0**parcel.tries, 300.0))
        self._feed.moved()

    async def _later(self, parcel: Parcel, delay_s: float) -> None:
        try:
            await self._archive.deliver_later(parcel, delay_s)
        except Lost:
            log.warning("job %s: somebody else delivers it", parcel.job.id)

    async def _sleep(self) -> None:
        due = await self._archive.next_due("outbox", faces=self._reached())
        timeout = None if due is None else max((due - self._clock()) / 1000, 0.05)
        try:
            await asyncio.wait_for(self._wake.wait(), timeout)
        except TimeoutError:
            return
