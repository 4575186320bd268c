"""Wrapping: where decoded Runs become files: in the pool, slow ones one by one in a thread of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

from core.progress import Painted, Stepping
from inference.inhand import JobInHand
from inference.run import Run


class Wrapping:
    """Have Runs wrapped, so that nothing slow keeps others waiting; lives on the loop. pool: None is the loop's."""

    def __init__(self, wrap: Callable[[Run, object], Painted], pool: Executor | None) -> None:
        self._wrap = wrap
        self._pool = pool
        self._slow = ThreadPoolExecutor(1, "limner-enlarge")

    def begin(self, hand: JobInHand, run: Run, decoded: object) -> asyncio.Future[Painted]:
        """Wrap a Run in its time; how far a slow one is its Job is told."""
        loop = asyncio.get_running_loop()
        if run.slow:
            run.tell = lambda done, of: _tell(loop, hand, run, Stepping(run.picture, done, of))
        return loop.run_in_executor(self._slow if run.slow else self._pool, self._wrap, run, decoded)

    def close(self) -> None:
        """Begin no more; one under way ends at its next pause, for its Job is cancelled."""
        self._slow.shutdown(wait=False, cancel_futures=True)


def _tell(loop: asyncio.AbstractEventLoop, hand: JobInHand, run: Run, stepping: Stepping) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(hand.stepped, run, stepping)
