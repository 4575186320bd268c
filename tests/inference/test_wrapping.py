"""Wrapping: a slow enlargement keeps nobody waiting, is told of, and ends where its Job is cancelled."""

from __future__ import annotations

import threading
import time

from core.job import Job
from core.person import Person, Place
from core.picture import Picture
from core.progress import Done, Painted, Stepping
from core.recipe import METHODS, ModelRef, Paint, Recipe, Upscale, digest
from inference.queue import InferenceQueue
from inference.run import Run, Unwanted
from tests.support.fake_engine import FakeEngine

SLOW = Upscale("p" * 64, 128, 128, 2, "x4plus")
QUICK = Paint("a fox", 1, 64, 64, 2, 1.0, "ddim", ModelRef("sd1", "m" * 64))


class Enlarger(FakeEngine):
    """Wrap a slow Run in parts: one for each time `on` is released."""

    def __init__(self) -> None:
        super().__init__(sizes=(1, 2))
        self.on = threading.Semaphore(0)
        self.left = threading.Event()

    def wrap(self, run: Run, decoded: object) -> Painted:
        """Wait for the test between two parts of a slow Run."""
        if run.slow:
            try:
                for done in range(3):
                    run.pause(done, 3)
                    self.on.acquire()
            except Unwanted:
                self.left.set()
                raise
        return super().wrap(run, decoded)


def job_of(name: str, recipe: Recipe) -> tuple[Job, list[Picture]]:
    job = Job(name, Person("web:ann"), Place("web"), "imagine", "", "running", 0, 0)
    return job, [Picture(f"{name}0", name, 0, recipe, digest(recipe), 0, "waiting")]


async def test_others_are_painted_meanwhile_and_a_cancel_ends_it_between_two_parts() -> None:
    engine = Enlarger()
    queue = InferenceQueue(engine, clock=time.monotonic)
    await queue.start()
    slow = [queue.render(*job_of(name, SLOW)) for name in ("A", "B", "C", "D", "E", "F")]
    first = await anext(told async for told in slow[0] if isinstance(told, Stepping))
    assert (first.step, first.of) == (0, 3)
    # More of them than the pool has threads, and none keeps a painted Picture from its file, or a Job from the device.
    assert queue.room() > 0
    quick = [told async for told in queue.render(*job_of("Q", QUICK))]
    assert isinstance(quick[-1], Done) and any(isinstance(each, Painted) for each in quick)
    for name in "ABCDE":
        queue.cancel(name)
    assert not engine.left.is_set()
    engine.on.release()
    assert engine.left.wait(10)
    for _ in range(3):
        engine.on.release()
    last = [told async for told in slow[5]]
    assert isinstance(last[-1], Done) and any(isinstance(each, Painted) for each in last)
    await queue.stop()


def test_what_is_slow() -> None:
    slow = {method: Run("J", 0, "web:ann", Upscale("p" * 64, 128, 128, 2, method)).slow for method in METHODS}
    assert slow == {"lanczos": False, "x4plus": True, "x4plus-anime": True, "animevideov3": True}
    assert not Run("J", 0, "web:ann", QUICK).slow
