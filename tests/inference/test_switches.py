"""Loading a Model is a cost: two that do not fit beside each other do not thrash, and nobody waits for ever."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import pytest

from core.recipe import Control, ModelRef, Paint
from inference.calltimes import CallTimes
from inference.engine import Loading
from inference.rounds import Decoded, News, Rounds
from inference.run import Batch, Run
from inference.scheduler import Scheduler
from inference.switches import WORTH, Switches, nothing_loads
from tests.support.fake_engine import FakeEngine

LOAD_S, CALL_S = 5.0, 0.1


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Loads:
    """What the simulated device did: when which Model was loaded, and how many at most were in memory and in use."""

    at: list[tuple[float, str]] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    overfull: int = 0


class SmallDevice(FakeEngine):
    """Have room for `room` Models; a load takes LOAD_S, a call CALL_S, on a clock moved by hand."""

    def __init__(self, clock: Clock, room: int) -> None:
        super().__init__(step_s=self._call)
        self.clock, self.room, self.loads = clock, room, Loads()
        self.making: set[Run] = set()

    def loading(self, run: Run, beside: Collection[str]) -> Loading:
        if run.model in self.loads.held:
            return "none"
        return "beside" if len(beside) < self.room else "instead"

    def begin(self, run: Run) -> None:
        super().begin(run)
        self.making.add(run)
        if run.model not in self.loads.held:
            self.clock.now += LOAD_S
            self.loads.at.append((self.clock.now, run.model))
            self.loads.held = [*self.loads.held, run.model][-self.room :]
        self.loads.overfull += len({each.model for each in self.making}) > self.room

    def decode(self, run: Run) -> object:
        self.making.discard(run)
        return super().decode(run)

    def _call(self, batch: Batch) -> float:
        self.clock.now += CALL_S
        return 0.0


def run_of(model: str, number: int, steps: int = 20) -> Run:
    paint = Paint("a fox", number, 64, 64, steps, 1.0, "ddim", ModelRef("sd1", model * 64))
    return Run(f"{model}{number}", number, f"person {model}", paint)


def played(runs: list[Run], room: int, *, knows: bool = True) -> tuple[SmallDevice, dict[Run, float]]:
    """Paint all of them, asked for at once; return the device, and when each Run was done."""
    clock = Clock()
    device = SmallDevice(clock, room)
    times = CallTimes(clock)
    done: dict[Run, float] = {}

    def told(news: list[tuple[Run, News]]) -> None:
        done.update({run: clock.now for run, item in news if isinstance(item, Decoded)})

    loading = device.loading if knows else nothing_loads
    scheduler = Scheduler(device.sizes, clock, times.call_s, loading, times.load_s)
    rounds = Rounds(device, scheduler, times, told, 0)
    rounds.inbox.extend(runs)
    rounds.work()
    assert len(done) == len(runs)
    return device, done


def floods() -> list[Run]:
    return [run_of("ab"[number % 2], number) for number in range(600)]


def test_two_models_that_do_not_fit_together_do_not_thrash() -> None:
    device, done = played(floods(), room=1)
    loading_s = LOAD_S * len(device.loads.at)
    assert device.loads.overfull == 0, "a Model in use was counted out"
    assert len(device.loads.at) >= 4, "only one switch: this proves nothing"
    assert loading_s <= max(done.values()) / (1 + WORTH) + 2 * LOAD_S
    naive, _ = played(floods(), room=1, knows=False)
    assert len(naive.loads.at) > 5 * len(device.loads.at) and naive.loads.overfull


def test_both_are_served_by_turns_in_a_bounded_time() -> None:
    device, done = played(floods(), room=1)
    for model in "ab":
        ends = sorted(at for run, at in done.items() if run.job_id.startswith(model))
        gaps = [after - before for before, after in zip(ends, ends[1:], strict=False)]
        drain_s = 64 * 20 * CALL_S / 8
        assert max(gaps) <= (WORTH + 2) * LOAD_S + 2 * drain_s + 5


def test_where_both_fit_each_is_loaded_once() -> None:
    device, _ = played(floods(), room=2)
    assert sorted(model[0] for _, model in device.loads.at) == ["a", "b"]


def test_nobody_waits_for_a_model_while_nothing_else_is_to_do() -> None:
    device, done = played([run_of("a", 0), run_of("b", 1), run_of("c", 2)], room=1)
    assert len(device.loads.at) == 3
    assert max(done.values()) == pytest.approx(3 * LOAD_S + 3 * 20 * CALL_S)


@pytest.mark.parametrize("guided_first", [True, False])
def test_a_control_that_is_not_there_holds_back_nobody_of_its_model(guided_first: bool) -> None:
    """Nor does who needs none open the door to a load for who does."""
    plain, guided = run_of("a", 1), run_of("a", 2)
    assert isinstance(guided.recipe, Paint)
    guided.recipe = replace(guided.recipe, control=Control("scribble", "c" * 64))
    clock = Clock()
    switches = Switches(clock, lambda run, _: "beside" if run is guided else "none", lambda _: LOAD_S)
    switches.loaded()
    able = [guided, plain] if guided_first else [plain, guided]
    assert switches.allowed(able, [plain.model], full=False) == [plain]
    clock.now += WORTH * LOAD_S
    assert switches.allowed(able, [plain.model], full=False) == [guided]


def test_a_single_picture_of_another_model_gets_its_turn_among_a_flood() -> None:
    runs = [run_of("a", number) for number in range(600)]
    device, done = played([*runs[:300], run_of("b", 999), *runs[300:]], room=1)
    (end,) = [at for run, at in done.items() if run.job_id == "b999"]
    assert end < 0.5 * max(done.values()) and [model[0] for _, model in device.loads.at] == ["a", "b", "a"]
