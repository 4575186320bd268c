"""Rounds: what the device's thread does, over and over: schedule, step, settle."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from core.errors import PaintFailed, StudioError
from core.progress import PictureFailed, Stepping
from core.recipe import Paint
from inference.calltimes import CallTimes
from inference.engine import Engine
from inference.faults import DeviceLost, is_fatal, told
from inference.memory import is_out_of_memory
from inference.run import Batch, Run
from inference.scheduler import Scheduler

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Decoded:
    """Hand over a decoded Run; it still has to be wrapped."""

    pixels: object


News = Stepping | PictureFailed | Decoded
"""What became of a Run, as the device's thread tells it."""


class Rounds:
    """Drive one Engine. Everything here runs on the device's thread, but `inbox`, which any thread may append to.

    `tell` is called once a round with what happened in it, and must not block.
    """

    def __init__(
        self,
        engine: Engine,
        scheduler: Scheduler,
        times: CallTimes,
        tell: Callable[[list[tuple[Run, News]]], None],
        previews: int,
    ) -> None:
        self.inbox: deque[Run] = deque()
        self._engine = engine
        self._scheduler = scheduler
        self._times = times
        self._tell = tell
        self._previews = previews
        self._news: list[tuple[Run, News]] = []
        self._second_try: set[Run] = set()

    def work(self) -> None:
        """Go on until no Run is left. Raises DeviceLost where the device is dead."""
        while self._take_in():
            self._begin_some()
            if self._finish():
                self._take_in()  # Whoever came while it was decoded is in the next call.
                self._begin_some()
            self._settle(self._step(self._scheduler.next_batch()))

    def _take_in(self) -> bool:
        """Take in new Runs, drop cancelled ones, say whether there is anything to do."""
        while self.inbox:
            self._scheduler.add(self.inbox.popleft())
        for run in [run for run in self._scheduler if run.cancelled]:
            self._drop(run)
        return len(self._scheduler) > 0

    def _begin_some(self) -> None:
        """Begin the Runs whose turn it is, but one Sketch at most (it has to be encoded)."""
        for _ in range(self._scheduler.sizes[-1]):
            run = self._scheduler.next_begin()
            if run is None:
                break
            self._begin(run)
            if isinstance(run.recipe, Paint) and run.recipe.sketch is not None:
                break

    def _finish(self) -> bool:
        """Decode one Run at most, not to hold up the next call long; say whether there was one."""
        run = self._scheduler.next_finish()
        if run is not None:
            self._decode(run)
            self._hand_over()
        return run is not None

    def _step(self, batch: Batch | None) -> list[Run]:
        """Make one model call and return the Runs it moved on."""
        if batch is None:
            return []
        before = [(run, run.done) for run in batch.runs]
        self._times.start(batch)
        try:
            self._engine.step(batch)
        except Exception as fault:
            self._times.stop()
            self._broke(batch, fault)
        else:
            self._times.stop(batch)
        for run in batch.runs:
            if run.error is not None:
                self._fail(run, run.error)
        return [run for run, done in before if run.done > done and run.error is None]

    def _settle(self, stepped: list[Run]) -> None:
        """Tell what was stepped, with previews."""
        self._news += [(run, Stepping(run.picture, run.done, run.calls, self._preview(run))) for run in stepped]
        self._hand_over()

    def _begin(self, run: Run) -> None:
        try:
            self._begin_timed(run)
            if run.key is None:
                raise RuntimeError("the engine began a Run and gave it no Key")
        except Exception as fault:
            if not self._again(run, fault, sparing=run.solo):
                self._fail(run, fault)
            return
        most = self._scheduler.sizes[-1]
        if run.rows > most:
            sentence = f"A guided picture takes {run.rows} rows of a model call; this device is set to {most}."
            self._fail(run, PaintFailed(sentence, "Use --guidance 1, or ask the owner to allow more rows."))

    def _begin_timed(self, run: Run) -> None:
        """Begin a Run, and note how long that took where it loaded a Model."""
        if self._engine.loading(run, ()) == "none":
            self._engine.begin(run)
            return
        with self._times.loading(run.loads):
            self._engine.begin(run)
        self._scheduler.loaded()

    def _broke(self, batch: Batch, fault: Exception) -> None:
        """Sort out a call that broke: fewer rows where memory ran out, else each Run alone, to find the culprit."""
        if is_fatal(fault):
            raise DeviceLost(str(fault), batch.runs) from fault
        memory = is_out_of_memory(fault)
        LOG.warning("a call of %d rows broke: %s", batch.size, fault)
        if len(batch.runs) > 1:
            if not (memory and self._scheduler.lower(batch.key, batch.size)):
                self._scheduler.isolate(batch.runs)
            return
        run = batch.runs[0]
        if memory and not run.sparing and run not in self._second_try:
            # The Engine has freed its caches by now, which may have been all it took.
            self._second_try.add(run)
            self._scheduler.isolate((run,))
        elif not self._again(run, fault, sparing=True):
            run.error = told(fault, run)
            self._log(run, fault)

    def _again(self, run: Run, fault: Exception, *, sparing: bool) -> bool:
        """Have a Run begun again that memory ended for: alone, or alone and sparing; say whether that is still to try.

        A Reproduce is never made otherwise than its log says.
        """
        if not is_out_of_memory(fault) or run.sparing or (sparing and run.replay is not None):
            return False
        LOG.warning("job %s picture %d begins again%s: %s", run.job_id, run.picture, ", sparing" * sparing, fault)
        run.again(sparing=sparing)
        self._scheduler.again(run)
        self._second_try.discard(run)
        return True

    def _preview(self, run: Run) -> bytes | None:
        """Return a preview where one is due; without one the Picture is as good, so its errors are only logged."""
        if not is_preview_due(run.done, run.calls, self._previews):
            return None
        try:
            return self._engine.preview(run)
        except Exception as fault:
            if is_fatal(fault):
                raise DeviceLost(str(fault), (run,)) from fault
            LOG.warning("job %s picture %d: no preview", run.job_id, run.picture, exc_info=fault)
            return None

    def _decode(self, run: Run) -> None:
        """Decode a Run; where memory ends, once more in tiles. That is tried when the fault's frames are let go."""
        for last in (run.tiled or run.replay is not None, True):
            try:
                pixels = self._engine.decode(run)
            except Exception as fault:
                if last or not is_out_of_memory(fault):
                    self._fail(run, fault)
                    return
                LOG.warning("job %s picture %d is decoded in tiles: %s", run.job_id, run.picture, fault)
                run.tiled = True
            else:
                self._scheduler.drop(run)
                self._second_try.discard(run)
                self._news.append((run, Decoded(pixels)))
                return

    def _fail(self, run: Run, fault: Exception) -> None:
        if is_fatal(fault):
            raise DeviceLost(str(fault), (run,)) from fault
        self._log(run, fault)
        run.error = told(fault, run)
        self._drop(run)
        self._news.append((run, PictureFailed(run.picture, run.error)))

    def _log(self, run: Run, fault: Exception) -> None:
        if not isinstance(fault, StudioError):
            LOG.error("job %s picture %d failed", run.job_id, run.picture, exc_info=fault)

    def _drop(self, run: Run) -> None:
        self._scheduler.drop(run)
        self._second_try.discard(run)
        run.state = None

    def _hand_over(self) -> None:
        if self._news:
            self._tell(self._news)
            self._news = []


def is_preview_due(done: int, calls: int, previews: int) -> bool:
    """Say whether a preview is due after `done` of `calls`: `previews` of them, in the middle of equal parts."""
    return any(done == -(-calls * (2 * k + 1) // (2 * previews)) for k in range(previews))
