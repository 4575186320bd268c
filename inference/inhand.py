"""JobInHand: one Job on its way through the InferenceQueue, and the Progress nobody has read yet; lives on the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Sequence

from core.cost import cost
from core.job import Job
from core.picture import Picture
from core.progress import Cancelled, Done, End, Failed, Painted, PictureFailed, Progress, Stepping, Waiting
from inference.run import Run

NO_MODEL = ""
"""Stands for the Model of an Upscale, which has none."""
SLOW = "enlarging"
"""Stands for what a slow Upscale takes, which is not measured: nobody is told a time for it."""
ROWS_OF_A_PICTURE = 2
"""Under Guidance, which is usual."""


class JobInHand:
    """Hold a Job's Runs and what to tell of them: a slow reader gets the newest Stepping and Waiting, and all else.

    `over` says that it is painted no more, whether or not somebody still reads.
    """

    def __init__(self, job: Job, pictures: Sequence[Picture]) -> None:
        self.job = job
        self.runs = tuple(_run(job, picture) for picture in pictures if picture.state == "waiting")
        self.started = False
        self.over = False
        self.place = 0
        self._end: End | None = None
        self._left = {run: float(cost(run.recipe)) for run in self.runs}
        self._unread: dict[Hashable, Progress] = {}
        self._news = asyncio.Event()

    @property
    def rows_left(self) -> int:
        """Return how many rows its unfinished Runs take of a call; those that are only wrapped take none."""
        return sum(run.rows for run in self._left if not run.slow)

    @property
    def coins_left(self) -> dict[str, float]:
        """Return what is still to be made, in coins a Model."""
        found: dict[str, float] = {}
        for run, coins in self._left.items():
            model = SLOW if run.slow else run.model
            found[model] = found.get(model, 0.0) + coins
        return found

    def wait(self, waiting: Waiting) -> None:
        """Tell its place in the queue."""
        self.place = waiting.place
        self._put("waiting", waiting)

    def stepped(self, run: Run, stepping: Stepping) -> None:
        """Tell how far a Run is; a preview nobody has read yet stays until there is a newer one."""
        if run not in self._left:
            return
        self.started = True
        self._left[run] = cost(run.recipe) * (stepping.of - stepping.step) / stepping.of
        self._unread.pop("waiting", None)
        unread = self._unread.pop(run, None)
        if stepping.preview is None and isinstance(unread, Stepping):
            stepping = Stepping(stepping.picture, stepping.step, stepping.of, unread.preview)
        self._put(run, stepping)

    def settle(self, run: Run, result: Painted | PictureFailed) -> None:
        """Tell what became of a Run, and Done after the last."""
        if self._left.pop(run, None) is None:
            return
        self.started = True
        self._unread.pop("waiting", None)
        self._unread.pop(run, None)
        self._put(("result", run), result)
        if not self._left:
            self.close(Done())

    def close(self, end: Done | Failed | Cancelled) -> None:
        """End the Job, once; Runs still in the making are cancelled."""
        if self.over:
            return
        self.leave()
        self._end = end
        self._put("end", end)

    def leave(self) -> None:
        """Stop painting and tell no end: whoever listens gives the Job back to where it came from."""
        self.over = True
        for run in self._left:
            run.cancelled = True
            self._unread.pop(run, None)
        self._left.clear()
        self._unread.pop("waiting", None)

    async def read(self) -> AsyncIterator[Progress]:
        """Yield what happens, until the end."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._unread:
                yield self._unread.pop(next(iter(self._unread)))
            if self._end is not None:
                return

    def _put(self, slot: Hashable, progress: Progress) -> None:
        self._unread[slot] = progress
        self._news.set()


def _run(job: Job, picture: Picture) -> Run:
    rows = ROWS_OF_A_PICTURE if picture.recipe.guided else 1
    return Run(job.id, picture.index, job.person.id, picture.recipe, picture.replay, job.solo, rows=rows)
