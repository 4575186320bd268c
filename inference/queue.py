"""InferenceQueue, the Renderer of one device: takes Jobs in on the loop, paints them on the device's thread, tells."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from itertools import accumulate
from typing import Literal

from core.errors import StudioError
from core.job import Job
from core.picture import Picture
from core.progress import Cancelled, Done, Failed, Painted, PictureFailed, Progress, Stepping, Waiting
from inference.calltimes import CallTimes
from inference.engine import Engine
from inference.faults import DeviceLost, lost, stopping, told, untouched
from inference.inhand import NO_MODEL, ROWS_OF_A_PICTURE, JobInHand
from inference.rounds import Decoded, News, Rounds
from inference.run import Run, Unwanted
from inference.scheduler import MOST_IN_THE_MAKING, Scheduler
from inference.wrapping import Wrapping

LOG = logging.getLogger(__name__)
GIVE_BACK_AFTER_S = 20.0
LAST_CALL_S = 3.0
WATCH_EVERY_S = 1.0
MOST_JOBS = 64
"""Of so many Persons each may have a Job in hand; what is in the making is bounded by the Scheduler."""


class InferenceQueue:
    """Paint Jobs with one Engine.

    The device's thread goes round by itself as long as there are Runs (schedule, step, settle: inference/rounds.py) and
    needs no answer from the loop between two calls; the loop hears what happened and tells it on. clock: monotonic
    seconds. executor: one thread that owns the device, by default its own. pool: see Wrapping. `on_stuck(seconds)` is
    called once for a call that takes longer than any should, `on_call(seconds, rows)` on its thread after each.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Callable[[], float],
        executor: Executor | None = None,
        pool: Executor | None = None,
        previews: int = 5,
        mode: Literal["fast", "exact"] = "fast",
        on_stuck: Callable[[float], None] | None = None,
        on_call: Callable[[float, int], None] | None = None,
        most: int = MOST_IN_THE_MAKING,
        watch_every_s: float = WATCH_EVERY_S,
    ) -> None:
        sizes = engine.sizes if mode == "fast" else engine.sizes[-1:]
        self.ready = asyncio.Event()
        self.broken = asyncio.Event()
        self._state = "warming up"
        self._engine = engine
        self._own = ThreadPoolExecutor(1, "limner-device-0") if executor is None else None
        self._executor = self._own if executor is None else executor
        self._wrapping = Wrapping(engine.wrap, pool)
        self._on_stuck = on_stuck
        self._watch_every_s = watch_every_s
        self._times = CallTimes(clock, told=on_call)
        scheduler = Scheduler(sizes, clock, self._times.call_s, engine.loading, self._times.load_s, most=most)
        self._rounds = Rounds(engine, scheduler, self._times, self._heard, previews)
        self._largest = max(sizes)
        self._hands: dict[JobInHand, None] = {}
        self._hand_of: dict[Run, JobInHand] = {}
        self._resting = asyncio.Event()
        self._resting.set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._stuck = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watch: asyncio.TimerHandle | None = None

    @property
    def state(self) -> str:
        """Say in words how the device is: warming up, ready, stopping, stopped, or `failed: ` and why.

        `ready` is set with the first; `broken` with the last, after which this process should not go on.
        """
        return self._state

    async def start(self) -> None:
        """Warm the Engine on the device's thread; returns when it is ready or has failed (see `state`)."""
        self._loop = asyncio.get_running_loop()
        try:
            await self._loop.run_in_executor(self._executor, self._engine.warm)
        except Exception as fault:
            self._break(fault)
            return
        if self._state == "warming up":
            self._state = "ready"
            self.ready.set()
            self._wake()

    async def stop(self, give_back_after_s: float = GIVE_BACK_AFTER_S, last_call_s: float = LAST_CALL_S) -> set[str]:
        """Finish what can be finished in time; return the ids of the other Jobs, to be given back.

        Their Progress says no more and has no end: cancel whoever listens. A call that has not ended `last_call_s`
        later goes on in its thread: exit without joining it.
        """
        if self._state == "stopped":
            return set()
        ready, self._state = self.ready.is_set() and not self.broken.is_set(), "stopping"
        self.ready.clear()
        given = self._give_back(self._too_long(give_back_after_s) if ready else list(self._hands))
        with suppress(TimeoutError):
            async with asyncio.timeout(give_back_after_s):
                await self._empty.wait()
        given |= self._give_back(list(self._hands))
        await self._close(last_call_s)
        self._state = "stopped"
        return given

    def room(self, *, newcomer: bool = False) -> int:
        """Return how many more Jobs fill two Batches: the one being stepped and one ahead; at least two are in hand.

        newcomer: how many of Persons with nothing in hand; they share every step, so only memory sets a limit.
        """
        if self._state != "ready":
            return 0
        if newcomer:
            return max(MOST_JOBS - len(self._hands), 0)
        spare = 2 * self._largest - sum(hand.rows_left for hand in self._hands)
        return max(2 - len(self._hands), -(-spare // ROWS_OF_A_PICTURE), 0)

    def render(self, job: Job, pictures: Sequence[Picture]) -> AsyncIterator[Progress]:
        """Take the Job in at once and return what happens to it; whoever stops listening cancels it."""
        hand = JobInHand(job, pictures)
        if not hand.runs:
            hand.close(Done())
        elif self._state not in ("warming up", "ready"):
            hand.close(Failed(untouched() if self.broken.is_set() else stopping(), again=True))
        else:
            self._hands[hand] = None
            self._hand_of.update(dict.fromkeys(hand.runs, hand))
            self._empty.clear()
            self._tell_places()
            self._rounds.inbox.extend(hand.runs)
            self._wake()
        return self._tell(hand)

    def cancel(self, job_id: str) -> None:
        """End a Job now; the device leaves it after the present call. Unknown ids are ignored."""
        for hand in self._hands:
            if hand.job.id == job_id:
                hand.close(Cancelled())
        self._tidy()

    async def aside(self, work: Callable[[], None]) -> None:
        """Do something on the device's thread once it has nothing else to do."""
        await asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def _tell(self, hand: JobInHand) -> AsyncIterator[Progress]:
        try:
            async for progress in hand.read():
                yield progress
        finally:
            hand.close(Cancelled())
            self._tidy()

    def _wake(self) -> None:
        """Send the device's thread round, unless it goes round already or there is nothing for it."""
        if self._loop is None or self._state not in ("ready", "stopping"):
            return
        if self._resting.is_set() and self._rounds.inbox:
            self._resting.clear()
            if self._watch is None:
                self._look()
            self._loop.run_in_executor(self._executor, self._rounds.work).add_done_callback(self._rested)

    def _rested(self, work: asyncio.Future[None]) -> None:
        self._resting.set()
        fault = work.exception()
        if isinstance(fault, Exception):
            self._break(fault)
        else:
            self._wake()  # A Run may have come just after the thread found nothing more to do.

    def _heard(self, news: list[tuple[Run, News]]) -> None:
        """Pass news from the device's thread to the loop."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._hear, news)

    def _hear(self, news: list[tuple[Run, News]]) -> None:
        for run, item in news:
            hand = self._hand_of.get(run)
            if hand is None:
                continue  # Its Job has ended meanwhile.
            if isinstance(item, Stepping):
                hand.stepped(run, item)
            elif isinstance(item, PictureFailed):
                hand.settle(run, item)
            else:
                self._wrap(hand, run, item)
        self._tidy()

    def _wrap(self, hand: JobInHand, run: Run, decoded: Decoded) -> None:
        self._wrapping.begin(hand, run, decoded.pixels).add_done_callback(lambda done: self._wrapped(hand, run, done))

    def _wrapped(self, hand: JobInHand, run: Run, work: asyncio.Future[Painted]) -> None:
        run.state = None
        fault = work.exception()
        if fault is None:
            hand.settle(run, work.result())
        elif isinstance(fault, Exception) and not isinstance(fault, Unwanted):
            LOG.error("job %s picture %d could not be wrapped", run.job_id, run.picture, exc_info=fault)
            hand.settle(run, PictureFailed(run.picture, told(fault, run)))
        self._tidy()

    def _tidy(self) -> None:
        """Forget the Jobs that have ended and tell the others their places."""
        for hand in [hand for hand in self._hands if hand.over]:
            del self._hands[hand]
            for run in hand.runs:
                del self._hand_of[run]
        if not self._hands:
            self._empty.set()
        self._tell_places()

    def _tell_places(self) -> None:
        """Tell each Job not yet stepped its place; its time is its own and that of all in hand before it."""
        place, eta_s = 0, 0.0
        for hand in self._hands:
            own_s = self._seconds(hand)
            eta_s += own_s or 0.0
            if hand.started:
                continue
            place += 1
            if hand.place != place:
                hand.wait(Waiting(place, None if own_s is None else eta_s))

    def _seconds(self, hand: JobInHand) -> float | None:
        times = [self._times.seconds(model, coins) for model, coins in hand.coins_left.items() if model != NO_MODEL]
        known = [time for time in times if time is not None]
        return sum(known) if len(known) == len(times) else None

    def _too_long(self, within_s: float) -> list[JobInHand]:
        """Return the Jobs that will not be done in time if the shortest go first; unmeasured ones may be."""
        hands = sorted(self._hands, key=lambda hand: self._seconds(hand) or 0.0)
        done_s = accumulate(self._seconds(hand) or 0.0 for hand in hands)
        return [hand for hand, at_s in zip(hands, done_s, strict=True) if at_s > within_s]

    def _give_back(self, hands: list[JobInHand]) -> set[str]:
        for hand in hands:
            hand.leave()
        self._tidy()
        return {hand.job.id for hand in hands}

    def _break(self, fault: Exception) -> None:
        """Give up this device for this process: every Job in hand is worth another attempt elsewhere.

        It costs an attempt only those that were in the call that broke it, where that is known.
        """
        LOG.critical("the device stopped working", exc_info=fault)
        why = str(fault) if isinstance(fault, StudioError | DeviceLost) else f"{type(fault).__name__}: {fault}"
        if self._state not in ("stopping", "stopped"):
            self._state = f"failed: {why}"
        self.broken.set()
        guilty = fault.runs if isinstance(fault, DeviceLost) else ()
        for hand in self._hands:
            took_part = any(run in guilty for run in hand.runs)
            if guilty and not took_part:
                hand.close(Failed(untouched()))
            else:
                hand.close(Failed(lost(), again=True, solo=took_part and hand.job.attempt > 1))
        self._tidy()

    def _look(self) -> None:
        """Watch for a call that does not end, every `watch_every_s`, for as long as the device works."""
        assert self._loop is not None
        stuck_s = self._times.stuck_s()
        if stuck_s is not None and not self._stuck:
            LOG.critical("a model call has taken %.0f s: the device is stuck", stuck_s)
            if self._on_stuck is not None:
                self._on_stuck(stuck_s)
        self._stuck = stuck_s is not None
        self._watch = None if self._resting.is_set() else self._loop.call_later(self._watch_every_s, self._look)

    async def _close(self, last_call_s: float) -> None:
        self._wrapping.close()
        if self._watch is not None:
            self._watch.cancel()
        try:
            async with asyncio.timeout(last_call_s):
                await self._resting.wait()
                if self._loop is not None:
                    await self._loop.run_in_executor(self._executor, self._engine.close)
        except TimeoutError:
            LOG.warning("the device's last call has not ended; leaving it")
        except Exception as fault:
            LOG.warning("the device could not be closed", exc_info=fault)
        if self._own is not None:
            self._own.shutdown(wait=False, cancel_futures=True)
