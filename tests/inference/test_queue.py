"""The InferenceQueue on a FakeEngine: Runs join and leave between calls, and what people are told meanwhile."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from PIL import Image

from core.errors import Busy, PaintFailed
from core.job import Job
from core.person import Person, Place
from core.picture import Fingerprint, Picture, PictureState, Replay, pixels_digest
from core.progress import Cancelled, Done, Failed, Painted, PictureFailed, Progress, Stepping, Waiting
from core.recipe import ModelRef, Paint, Recipe, Sketch, Upscale, digest
from inference.calltimes import CallTimes
from inference.inhand import JobInHand
from inference.queue import MOST_JOBS, InferenceQueue
from inference.rounds import Decoded, News, Rounds
from inference.run import Batch, Run
from inference.scheduler import Scheduler
from tests.support.fake_engine import FakeEngine

Kind = TypeVar("Kind", bound=Progress)
MODEL = ModelRef("sd1", "m" * 64)


def paint(prompt: str = "a fox", steps: int = 4, guidance: float = 1.0, seed: int = 1, side: int = 64) -> Paint:
    return Paint(prompt, seed, side, side, steps, guidance, "ddim", MODEL)


def job_of(name: str, person: str = "web:ann", *, solo: bool = False, attempt: int = 1) -> Job:
    return Job(name, Person(person), Place("web"), "imagine", "", "running", 0, 0, attempt=attempt, solo=solo)


def picture_of(
    job: Job, index: int, recipe: Recipe, replay: Replay | None = None, state: PictureState = "waiting"
) -> Picture:
    return Picture(f"{job.id}{index}", job.id, index, recipe, digest(recipe), recipe.seed, state, replay=replay)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop go on until something has come to pass."""
    for _ in range(60_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not come to pass within a minute")


class Clock:
    """Monotonic seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Gate:
    """Hold every call of the Engine until `let` lets it go."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.entered = threading.Semaphore(0)
        self.free = threading.Semaphore(0)

    def __call__(self, batch: Batch) -> float:
        self.batches.append(batch)
        self.entered.release()
        assert self.free.acquire(timeout=60)
        return 0.0

    async def reached(self) -> Batch:
        """Wait until the next call has begun, and return it."""
        assert await asyncio.to_thread(self.entered.acquire, timeout=60)
        return self.batches[-1]

    def let(self, calls: int = 1) -> None:
        self.free.release(calls)


class Listener:
    """Read a Job's Progress as it comes."""

    def __init__(self, told: AsyncIterator[Progress]) -> None:
        self.heard: list[Progress] = []
        self._task = asyncio.create_task(self._read(told))

    async def end(self) -> Progress:
        """Return how the Job ended."""
        await asyncio.wait_for(self._task, 60)
        return self.heard[-1]

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def heard_of(self, calls: int) -> None:
        """Wait until that many calls were told."""
        await until(lambda: len(self.of(Stepping)) >= calls)

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [progress for progress in self.heard if isinstance(progress, kind)]

    async def _read(self, told: AsyncIterator[Progress]) -> None:
        async for progress in told:
            self.heard.append(progress)


class Shop:
    """An InferenceQueue with its FakeEngine and clock; `ask` hands it a Job."""

    def __init__(self, engine: FakeEngine, **options: Any) -> None:
        self.clock = Clock()
        self.engine = engine
        self.queue = InferenceQueue(engine, clock=self.clock, **options)

    def ask(
        self, name: str, *recipes: Recipe, person: str = "web:ann", attempt: int = 1, solo: bool = False
    ) -> Listener:
        job = job_of(name, person, attempt=attempt, solo=solo)
        return self.hand(job, [picture_of(job, index, recipe) for index, recipe in enumerate(recipes)])

    def hand(self, job: Job, pictures: Sequence[Picture]) -> Listener:
        return Listener(self.queue.render(job, pictures))


@pytest.fixture
async def open_shop() -> AsyncIterator[Callable[..., Shop]]:
    shops: list[Shop] = []

    def open_one(engine: FakeEngine | None = None, **options: Any) -> Shop:
        shops.append(Shop(engine or FakeEngine(), **options))
        return shops[-1]

    yield open_one
    for shop in shops:
        await shop.queue.stop(give_back_after_s=0)


async def test_a_job_is_painted_and_told(open_shop: Callable[..., Shop]) -> None:
    gate = Gate()
    shop = open_shop(FakeEngine(step_s=gate))
    await shop.queue.start()
    recipes: tuple[Recipe, ...] = paint(steps=20), paint(steps=20, guidance=7.5, seed=2), Upscale("p" * 64, 128, 64)
    listener = shop.ask("job", *recipes)
    # Who listens late hears the newest alone: the device waits until this one listens.
    await until(lambda: bool(listener.heard))
    assert listener.heard[0] == Waiting(1)
    gate.let(1000)
    assert await listener.end() == Done()
    painted = {progress.picture: progress for progress in listener.of(Painted)}
    assert sorted(painted) == [0, 1, 2]
    for index, recipe in enumerate(recipes):
        found = Image.open(io.BytesIO(painted[index].png))
        assert (found.mode, found.size) == ("RGB", (recipe.width, recipe.height))
        assert painted[index].pixels_digest == pixels_digest(*found.size, found.tobytes())
    assert painted[0].pixels_digest != painted[1].pixels_digest
    assert sum(calls for _, calls in painted[0].fingerprint.trace) == 20
    assert max(stepping.step for stepping in listener.of(Stepping)) == 20
    assert listener.of(Stepping)[-1].of == 20


async def test_only_waiting_pictures_are_painted(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop()
    await shop.queue.start()
    job = job_of("again")
    states: tuple[PictureState, ...] = ("stored", "waiting", "failed")
    listener = shop.hand(job, [picture_of(job, index, paint(), state=state) for index, state in enumerate(states)])
    assert await listener.end() == Done()
    assert [painted.picture for painted in listener.of(Painted)] == [1]
    assert await shop.ask("nothing").end() == Done()


async def test_one_named_thread_makes_every_call_but_wrap(open_shop: Callable[..., Shop]) -> None:
    pool = ThreadPoolExecutor(1, "pool")
    shop = open_shop(pool=pool)
    await shop.queue.start()
    assert await shop.ask("job", paint(), paint(seed=2)).end() == Done()
    await shop.queue.stop(0)
    pool.shutdown()
    names = {call.name for call in shop.engine.record}
    assert names == {"warm", "begin", "step", "preview", "decode", "wrap", "close"}
    assert {call.thread for call in shop.engine.record if call.name != "wrap"} == {"limner-device-0_0"}
    assert {call.thread for call in shop.engine.record if call.name == "wrap"} == {"pool_0"}


async def test_an_executor_of_ones_own_is_used_and_left_open(open_shop: Callable[..., Shop]) -> None:
    with ThreadPoolExecutor(1, "mine") as mine:
        shop = open_shop(executor=mine)
        await shop.queue.start()
        assert await shop.ask("job", paint()).end() == Done()
        await shop.queue.stop(0)
        assert mine.submit(lambda: 1).result() == 1
    assert {call.thread for call in shop.engine.steps()} == {"mine_0"}


@pytest.mark.parametrize(("steps", "least"), [(1, 1), (3, 3), (4, 4), (5, 4), (20, 4), (50, 4)])
async def test_previews_are_spread_over_the_steps(open_shop: Callable[..., Shop], steps: int, least: int) -> None:
    gate = Gate()
    shop = open_shop(FakeEngine(step_s=gate))
    await shop.queue.start()
    listener = shop.ask("job", paint(steps=steps))
    for call in range(steps):
        await gate.reached()
        await listener.heard_of(call)
        gate.let()
    assert await listener.end() == Done()
    told = [stepping.step for stepping in listener.of(Stepping) if stepping.preview]
    assert least <= len(told) <= 5
    assert all(later - sooner >= steps // 6 for sooner, later in zip(told, told[1:], strict=False))
    assert not told or told[0] <= max(1, steps // 6) and told[-1] >= steps * 5 // 6
    assert len([call for call in shop.engine.record if call.name == "preview"]) == len(told)


async def test_runs_join_and_leave_between_two_calls(open_shop: Callable[..., Shop]) -> None:
    gate = Gate()
    shop = open_shop(FakeEngine(step_s=gate))
    await shop.queue.start()
    long = shop.ask("long", paint(steps=20))
    await gate.reached()
    short = shop.ask("short", paint(steps=2, seed=2), person="web:bob")
    gate.let()
    assert [run.job_id for run in (await gate.reached()).runs] == ["short", "long"]
    gate.let()
    assert len((await gate.reached()).runs) == 2
    gate.let()
    assert [run.job_id for run in (await gate.reached()).runs] == ["long"]
    assert await short.end() == Done()
    assert not long.of(Painted)
    gate.let(20)
    assert await long.end() == Done()
    assert long.of(Painted)[0].fingerprint.trace == ((1, 1), (2, 2), (1, 17))


async def test_the_device_waits_for_no_answer_from_the_loop(open_shop: Callable[..., Shop]) -> None:
    decoded = threading.Event()

    class Engine(FakeEngine):
        def decode(self, run: Any) -> object:
            if run.job_id == "last":
                decoded.set()
            return super().decode(run)

    shop = open_shop(Engine())
    await shop.queue.start()
    shop.ask("first", paint(steps=20))
    last = shop.ask("last", paint(steps=50))
    # Nothing but the device's thread can run until this returns.
    assert decoded.wait(30)  # noqa: ASYNC251
    assert await last.end() == Done()


async def test_a_job_that_comes_as_the_device_goes_to_rest_is_not_forgotten(open_shop: Callable[..., Shop]) -> None:
    class AtOnce(ThreadPoolExecutor):
        """Do what is handed over before it is handed over."""

        def submit(self, work: Callable[..., Any], /, *words: Any, **more: Any) -> Future[Any]:
            done: Future[Any] = Future()
            done.set_result(work(*words, **more))
            return done

    shop = open_shop(executor=AtOnce())
    await shop.queue.start()
    first, second = shop.ask("first", paint()), shop.ask("second", paint())
    # The device has done all it knew of, and the loop has not heard so yet.
    assert {run for call in shop.engine.steps() for run in call.runs} == {("first", 0)}
    assert (await first.end(), await second.end()) == (Done(), Done())


async def test_a_slow_reader_gets_the_newest_and_every_result(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop()
    await shop.queue.start()
    job = job_of("job")
    told = shop.queue.render(
        job, [picture_of(job, index, paint(steps=20, guidance=5.0, seed=index)) for index in range(3)]
    )
    assert await shop.ask("other", paint(steps=50)).end() == Done()
    await until(lambda: shop.queue.room() == 8)
    heard = [progress async for progress in told]
    assert [type(progress) for progress in heard] == [Painted] * 3 + [Done]


async def test_the_newest_step_keeps_an_unread_preview(open_shop: Callable[..., Shop]) -> None:
    gate = Gate()
    shop = open_shop(FakeEngine(step_s=gate))
    await shop.queue.start()
    job = job_of("job")
    told = shop.queue.render(job, [picture_of(job, 0, paint(steps=20))])
    for _ in range(4):
        await gate.reached()
        gate.let()
    await gate.reached()
    first = await anext(told)
    assert isinstance(first, Stepping) and (first.step, first.of) == (4, 20)
    assert first.preview, "made after the second call"
    gate.let(20)
    await told.aclose()  # type: ignore[attr-defined]


async def test_cancel_ends_a_job_at_once_and_its_runs_with_the_call(open_shop: Callable[..., Shop]) -> None:
    gate = Gate()
    shop = open_shop(FakeEngine(step_s=gate))
    await shop.queue.start()
    gone, other = shop.ask("gone", paint(steps=20)), shop.ask("other", paint(steps=3))
    await gate.reached()
    shop.queue.cancel("gone")
    shop.queue.cancel("gone")
    shop.queue.cancel("unknown")
    assert await gone.end() == Cancelled()
    gate.let(30)
    assert await other.end() == Done()
    shop.queue.cancel("other")
    assert {call.runs for call in shop.engine.steps()[2:]} == {(("other", 0),)}
    assert len(gone.of(Cancelled)) == 1 and shop.queue.room() == 8


async def test_cancel_while_waiting_begins_nothing(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop()
    gone, other = shop.ask("gone", paint()), shop.ask("other", paint())
    shop.queue.cancel("gone")
    await shop.queue.start()
    assert (await gone.end(), await other.end()) == (Cancelled(), Done())
    assert {call.runs for call in shop.engine.record if call.name == "begin"} == {(("other", 0),)}


async def test_a_job_ends_once() -> None:
    hand = JobInHand(job_of("job"), [])
    hand.close(Done())
    hand.close(Cancelled())
    assert [progress async for progress in hand.read()] == [Done()]


async def test_whoever_stops_listening_cancels(open_shop: Callable[..., Shop]) -> None:
    gate = Gate()
    shop = open_shop(FakeEngine(step_s=gate))
    await shop.queue.start()
    gone = shop.ask("gone", paint(steps=50))
    await gate.reached()
    await gone.stop()
    gate.let(50)
    assert await shop.ask("other", paint(steps=2)).end() == Done()
    assert sum(("gone", 0) in call.runs for call in shop.engine.steps()) == 1


@pytest.mark.parametrize("word", ["badbegin", "badstep", "baddecode", "badwrap", "nan", "oom"])
async def test_a_poison_run_fails_alone(open_shop: Callable[..., Shop], word: str) -> None:
    shop = open_shop()
    others = [shop.ask(f"job {index}", paint(seed=index)) for index in range(3)]
    mixed = shop.ask("mixed", paint(seed=8), paint(word, seed=9))
    await shop.queue.start()
    for listener in (*others, mixed):
        assert await listener.end() == Done()
    (failed,) = mixed.of(PictureFailed)
    assert failed.picture == 1 and failed.error.code in ("paint_failed", "empty_picture", "out_of_memory")
    assert "planted" not in failed.error.whole() and "CUDA" not in failed.error.whole()
    assert [painted.picture for painted in mixed.of(Painted)] == [0]
    assert all(listener.of(Painted) and not listener.of(PictureFailed) for listener in others)
    assert shop.queue.state == "ready"


async def test_a_failing_preview_hurts_nobody(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop()
    await shop.queue.start()
    listener = shop.ask("job", paint("badpreview"))
    assert await listener.end() == Done()
    assert listener.of(Painted) and not any(stepping.preview for stepping in listener.of(Stepping))


async def test_out_of_memory_makes_calls_smaller_and_loses_no_step(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop()
    listener = shop.ask("job", *(paint("bigoom", seed=index) for index in range(8)))
    await shop.queue.start()
    assert await listener.end() == Done()
    assert len(listener.of(Painted)) == 8 and not listener.of(PictureFailed)
    sizes = [call.size for call in shop.engine.steps()]
    assert sizes[:3] == [8, 4, 2] and set(sizes[3:]) == {2}
    assert len(sizes) == 2 + 8 * 4 / 2


@pytest.mark.parametrize("mode", ["fast", "exact"])
async def test_out_of_memory_alone_is_tried_again_and_sparing_then_said(
    open_shop: Callable[..., Shop], mode: str
) -> None:
    shop = open_shop(mode=mode)
    listener = shop.ask("job", paint("oom", side=512), paint("oom", seed=2, side=512))
    await shop.queue.start()
    assert await listener.end() == Done()
    failed = listener.of(PictureFailed)
    assert [found.error.code for found in failed] == ["out_of_memory"] * 2
    assert "512x512" in failed[0].error.sentence and "256x256" in failed[0].error.hint
    alone = [call.runs for call in shop.engine.steps() if len(call.runs) == 1]
    assert sorted(alone) == [(("job", 0),)] * 3 + [(("job", 1),)] * 3, "alone, again, and begun again sparing"


async def test_the_second_try_is_alone_even_where_others_have_come(open_shop: Callable[..., Shop]) -> None:
    gate = Gate()
    shop = open_shop(FakeEngine(step_s=gate))
    await shop.queue.start()
    large = shop.ask("large", paint("oom"))
    await gate.reached()
    others = shop.ask("others", *(paint(seed=seed) for seed in range(8)))
    gate.let(50)
    assert (await large.end(), await others.end()) == (Done(), Done())
    calls = shop.engine.steps()
    assert [call.runs for call in calls[:2]] == [(("large", 0),)] * 2
    assert {call.size for call in calls[2:-1]} == {8} and calls[-1].runs == ((("large", 0),))


def test_a_call_that_breaks_halfway_loses_and_repeats_no_step() -> None:
    class Engine(FakeEngine):
        def step(self, batch: Batch) -> None:
            if len(batch.runs) > 1:
                super().step(Batch(batch.key, batch.runs[:1], batch.size))
                raise RuntimeError("the second Run could not be stepped")
            super().step(batch)

    told: list[tuple[Run, News]] = []
    clock = Clock()
    rounds = Rounds(Engine(), Scheduler((1, 2, 4, 8), clock), CallTimes(clock), told.extend, 5)
    runs = [Run("job", index, "ann", paint(seed=index)) for index in range(4)]
    rounds.inbox.extend(runs)
    rounds.work()
    for run in runs:
        items = [item for other, item in told if other is run]
        assert [item.step for item in items if isinstance(item, Stepping)] == [1, 2, 3, 4]
        assert isinstance(items[-1], Decoded)


async def test_a_lost_device_gives_every_job_another_attempt(open_shop: Callable[..., Shop]) -> None:
    gate = Gate()
    shop = open_shop(FakeEngine(step_s=gate))
    await shop.queue.start()
    small = shop.ask("small", paint(steps=50, side=128), attempt=2)
    await gate.reached()
    first, second = shop.ask("first", paint("cudaerror")), shop.ask("second", paint("cudaerror"), attempt=2)
    gate.let(50)
    ends = [await listener.end() for listener in (small, first, second)]
    # Who had no part in the call is given back, and the attempt does not count.
    assert [type(end.error) for end in ends if isinstance(end, Failed)] == [Busy, PaintFailed, PaintFailed]
    assert [isinstance(end, Failed) and end.solo for end in ends] == [False, False, True]
    assert shop.queue.broken.is_set() and shop.queue.state.startswith("failed: CUDA error")
    assert shop.queue.room() == 0
    late = await shop.ask("late", paint()).end()
    assert isinstance(late, Failed) and isinstance(late.error, Busy)


async def test_an_engine_that_cannot_warm_says_why(open_shop: Callable[..., Shop]) -> None:
    def warm() -> None:
        raise OSError("no weights here")

    shop = open_shop(FakeEngine(warm=warm))
    early = shop.ask("early", paint())
    await shop.queue.start()
    end = await early.end()
    assert isinstance(end, Failed) and end.again
    assert shop.queue.state == "failed: OSError: no weights here"
    assert shop.queue.broken.is_set() and not shop.queue.ready.is_set() and shop.queue.room() == 0


async def test_an_error_of_ours_on_the_devices_thread_is_not_silent(open_shop: Callable[..., Shop]) -> None:
    class Engine(FakeEngine):
        def begin(self, run: Any) -> None:
            super().begin(run)
            run.rows = "two"

    shop = open_shop(Engine())
    await shop.queue.start()
    end = await shop.ask("job", paint()).end()
    assert isinstance(end, Failed) and end.again
    assert shop.queue.broken.is_set()


async def test_more_rows_than_the_device_takes_are_refused_in_words(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop(FakeEngine(sizes=(1,)))
    await shop.queue.start()
    listener = shop.ask("job", paint(guidance=7.5), paint())
    assert await listener.end() == Done()
    (failed,) = listener.of(PictureFailed)
    assert "--guidance 1" in failed.error.hint
    assert len(listener.of(Painted)) == 1


async def test_states_and_room(open_shop: Callable[..., Shop]) -> None:
    gate = Gate()
    shop = open_shop(FakeEngine(step_s=gate))
    assert (shop.queue.state, shop.queue.room(), shop.queue.room(newcomer=True)) == ("warming up", 0, 0)
    await shop.queue.start()
    assert shop.queue.ready.is_set()
    assert (shop.queue.state, shop.queue.room()) == ("ready", 8)
    many = shop.ask("many", *(paint(seed=seed, guidance=7.5, steps=50) for seed in range(16)))
    assert shop.queue.room() == 1, "full, but at least two Jobs are in hand"
    shop.ask("second", paint())
    assert (shop.queue.room(), shop.queue.room(newcomer=True)) == (0, MOST_JOBS - 2)
    shop.queue.cancel("many")
    assert shop.queue.room() == 8
    gate.let(100)
    assert await many.end() == Cancelled()


async def test_places_and_times_while_waiting(open_shop: Callable[..., Shop]) -> None:
    gate = Gate()

    def slow(batch: Batch) -> float:
        shop.clock.now += 2.0
        return gate(batch)

    shop = open_shop(FakeEngine(sizes=(1,), step_s=slow))
    await shop.queue.start()
    first = shop.ask("first", paint(steps=10))
    await gate.reached()
    second, third = (shop.ask(name, paint(steps=10, seed=2)) for name in ("second", "third"))
    gate.let()
    await gate.reached()
    await until(lambda: bool(second.heard and first.of(Stepping)))
    assert first.heard[0] == Waiting(1), "nothing was measured yet"
    fourth = shop.ask("fourth", paint(steps=5))
    await until(lambda: bool(fourth.heard))
    assert third.of(Waiting)[-1].place == 2
    assert fourth.heard == [Waiting(3, 18.0 + 20.0 + 20.0 + 10.0)]
    gate.let(100)
    for listener in (first, second, third, fourth):
        assert await listener.end() == Done()


async def test_a_reproduce_is_stepped_alone_at_the_sizes_of_its_log(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop()
    job = job_of("again")
    replay = Replay(Fingerprint(((4, 2), (2, 1), (8, 1)), {"threads": 1}), "")
    reproduce = shop.hand(job, [picture_of(job, 0, paint("a heart"), replay)])
    others = shop.ask("others", paint(seed=2), paint(seed=3))
    await shop.queue.start()
    assert (await reproduce.end(), await others.end()) == (Done(), Done())
    assert reproduce.of(Painted)[0].fingerprint.trace == ((4, 2), (2, 1), (8, 1))
    assert all(len(call.runs) == 1 for call in shop.engine.steps() if ("again", 0) in call.runs)


async def test_a_reproduce_under_another_profile_is_alone_on_the_device(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop()
    job = job_of("again")
    replay = Replay(Fingerprint(((2, 4),), {"threads": 7}), "")
    others = shop.ask("others", paint(seed=2, steps=20), paint(seed=3, steps=5))
    reproduce = shop.hand(job, [picture_of(job, 0, paint("a heart"), replay)])
    solo = shop.ask("solo", paint("a star"), solo=True)
    await shop.queue.start()
    for listener in (reproduce, others, solo):
        assert await listener.end() == Done()
    order = [call.runs[0][0] for call in shop.engine.record if call.name in ("step", "decode")]
    assert [name for name, before in zip(order, [None, *order], strict=False) if name != before] == [
        "others",
        "again",
        "solo",
    ]


async def test_exact_mode_has_one_size(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop(mode="exact")
    await shop.queue.start()
    assert await shop.ask("job", paint(steps=7), paint(steps=4, guidance=5.0)).end() == Done()
    assert {call.size for call in shop.engine.steps()} == {8}


async def test_one_sketch_or_decode_at_most_between_two_calls(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop()
    sketch = Paint("a fox", 1, 64, 64, 10, 1.0, "ddim", MODEL, sketch=Sketch("s" * 64), strength=0.5)
    listener = shop.ask("job", *(sketch for _ in range(4)))
    await shop.queue.start()
    assert await listener.end() == Done()
    between = ""
    for call in shop.engine.record:
        between += {"begin": "b", "step": " ", "decode": "d"}.get(call.name, "")
    assert not any("bb" in part or "dd" in part for part in between.split()[:-1])
    assert all(sum(calls for _, calls in painted.fingerprint.trace) == 5 for painted in listener.of(Painted))


async def test_a_call_that_does_not_end_is_noticed_once(open_shop: Callable[..., Shop]) -> None:
    gate, stuck, noticed = Gate(), asyncio.Event(), []

    def on_stuck(seconds: float) -> None:
        noticed.append(seconds)
        stuck.set()

    shop = open_shop(FakeEngine(step_s=gate), on_stuck=on_stuck, watch_every_s=0.001)
    await shop.queue.start()
    listener = shop.ask("job", paint(steps=20))
    for seconds in (299.0, 3.1, 3.1):  # The first reads weights; 10 x the median of 3.1 s is 31 s.
        await gate.reached()
        shop.clock.now += seconds
        gate.let()
    await gate.reached()
    shop.clock.now += 30.5
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert noticed == []
    shop.clock.now += 1.0
    await asyncio.wait_for(stuck.wait(), 60)
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert noticed == [31.5]
    gate.let(50)
    assert await listener.end() == Done()


async def test_stop_finishes_what_is_short_and_gives_back_what_is_long(open_shop: Callable[..., Shop]) -> None:
    gate = Gate()

    def slow(batch: Batch) -> float:
        shop.clock.now += 1.0
        return gate(batch)

    shop = open_shop(FakeEngine(step_s=slow))
    await shop.queue.start()
    short, long = shop.ask("short", paint(steps=8)), shop.ask("long", paint(steps=150))
    for _ in range(3):
        await gate.reached()
        gate.let()
    await gate.reached()
    await long.heard_of(2)
    stopping = asyncio.create_task(shop.queue.stop())
    await asyncio.sleep(0)
    assert (shop.queue.state, shop.queue.room()) == ("stopping", 0)
    late = await shop.ask("late", paint()).end()
    assert isinstance(late, Failed) and late.again and late.error.code == "busy"
    gate.let(50)
    assert await asyncio.wait_for(stopping, 60) == {"long"}
    assert await short.end() == Done()
    assert not [progress for progress in long.heard if not isinstance(progress, Waiting | Stepping)]
    assert shop.engine.record[-1].name == "close" and shop.queue.state == "stopped"
    assert max(call.runs.count(("long", 0)) for call in shop.engine.steps()[4:]) == 0
    await long.stop()
    assert await shop.queue.stop() == set()


async def test_stop_gives_back_all_when_the_time_is_up(open_shop: Callable[..., Shop]) -> None:
    gate = Gate()
    shop = open_shop(FakeEngine(step_s=gate))
    await shop.queue.start()
    listener = shop.ask("job", paint(), paint(seed=2))
    await gate.reached()
    assert await shop.queue.stop(give_back_after_s=0.01, last_call_s=0.01) == {"job"}
    assert shop.queue.state == "stopped" and not any(call.name == "close" for call in shop.engine.record)
    gate.let(10)
    await listener.stop()


async def test_stop_while_warming_gives_back_and_never_gets_ready(open_shop: Callable[..., Shop]) -> None:
    go, warming = threading.Event(), threading.Event()

    def warm() -> None:
        warming.set()
        assert go.wait(60)

    shop = open_shop(FakeEngine(warm=warm))
    start = asyncio.create_task(shop.queue.start())
    assert await asyncio.to_thread(warming.wait, 60)
    listener = shop.ask("early", paint())
    stop = asyncio.create_task(shop.queue.stop())
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.wait_for(stop, 60) == {"early"}
    await start
    assert not shop.queue.ready.is_set() and shop.queue.state == "stopped"
    assert not shop.engine.steps()
    await listener.stop()


async def test_the_loop_answers_while_a_call_is_made(open_shop: Callable[..., Shop]) -> None:
    gate = Gate()
    shop = open_shop(FakeEngine(step_s=gate))
    await shop.queue.start()
    shop.ask("job", paint())
    await gate.reached()
    # The call above stands still: all this happens beside it.
    other = shop.ask("other", paint())
    shop.queue.cancel("other")
    assert await other.end() == Cancelled()
    assert shop.queue.room() > 0
    assert len(gate.batches) == 1
    gate.let(50)
