"""Feed: tells watchers in this process that the log moved, and the newest Progress of each Job."""

from __future__ import annotations

import asyncio

from core.job import Job
from core.progress import Progress, Stepping


class Feed:
    """Wake every Subscription; nothing is kept here that is not in the log or may not be lost."""

    def __init__(self) -> None:
        self._open: set[Subscription] = set()

    def moved(self) -> None:
        """Tell that rows were written to `moves`."""
        for subscription in self._open:
            subscription.moved = True
            subscription.woken.set()

    def tell(self, job: Job, progress: Progress) -> None:
        """Tell passing Progress; a slow watcher sees the newest of each Job, with the newest preview."""
        for subscription in self._open:
            _, unseen = subscription.latest.get(job.id, (job, None))
            newest = progress.after(unseen) if isinstance(progress, Stepping) else progress
            subscription.latest[job.id] = (job, newest)
            subscription.woken.set()

    def subscribe(self) -> Subscription:
        """Return a Subscription; use it as a context manager."""
        return Subscription(self._open)


class Subscription:
    """Be one watcher's inbox: a flag that the log moved and the newest Progress by Job."""

    def __init__(self, open_: set[Subscription]) -> None:
        self._open = open_
        self.moved = True
        self.latest: dict[str, tuple[Job, Progress]] = {}
        self.woken = asyncio.Event()

    def __enter__(self) -> Subscription:
        self._open.add(self)
        self.woken.set()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.discard(self)

    async def next(self) -> tuple[bool, list[tuple[Job, Progress]]]:
        """Wait until something happened; return whether the log moved and the newest Progress of each Job."""
        await self.woken.wait()
        self.woken.clear()
        moved, self.moved = self.moved, False
        latest, self.latest = list(self.latest.values()), {}
        return moved, latest
