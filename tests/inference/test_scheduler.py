"""The Scheduler in simulated time: nobody starves, every Run gets exactly its calls, every call keeps the rules."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.picture import Fingerprint, Replay
from core.recipe import ModelRef, Paint
from inference.run import Batch, Key, Run
from inference.scheduler import DRAIN_AFTER_S, PUT_OFF, Scheduler
from inference.turns import LEAD_CALLS, OLDEST_EVERY

SIZES = (1, 2, 4, 8)
CALL_S = 1.0


@dataclass(frozen=True)
class Plan:
    """What a Run turns out to be when it is begun, and at which call it comes."""

    calls: int = 4
    rows: int = 1
    side: int = 64
    share: str = "ann"
    key: str = "a"
    at: int = 0
    trace: tuple[tuple[int, int], ...] | None = None
    exclusive: bool = False
    solo: bool = False

    def run(self) -> Run:
        model = ModelRef("sd1", self.key)
        recipe = Paint("a fox", 1, self.side, self.side, max(self.calls, 1), 1.0, "ddim", model)
        replay = None if self.trace is None else Replay(Fingerprint(self.trace), "")
        return Run("job", 0, self.share, recipe, replay, self.solo)


@dataclass
class World:
    """A device of no cost but time: drives a Scheduler as inference/rounds.py does, and checks every answer."""

    sizes: tuple[int, ...] = SIZES
    most: int = 64
    now: float = 0.0
    rounds: int = 0
    plans: dict[Run, Plan] = field(default_factory=dict)
    begun: list[Run] = field(default_factory=list)
    done_at: dict[Run, int] = field(default_factory=dict)
    calls: list[Batch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self.sizes, lambda: self.now, most=self.most)

    def add(self, plan: Plan) -> Run:
        run = plan.run()
        self.plans[run] = plan
        self.scheduler.add(run)
        return run

    def round(self) -> Batch | None:
        """Begin, make one call, decode one Run."""
        for _ in range(self.sizes[-1]):
            run = self.scheduler.next_begin()
            if run is None:
                break
            self._begin(run)
        batch = self.scheduler.next_batch()
        if batch is not None:
            self._check(batch)
            self.calls.append(batch)
            for run in batch.runs:
                run.stepped(batch.size)
            self.now += CALL_S
        through = self.scheduler.next_finish()
        if through is not None:
            assert through in self.begun and through not in self.done_at
            assert through.done == through.calls == self.plans[through].calls
            self._check_apart(through)
            self.done_at[through] = len(self.calls)
            self.scheduler.drop(through)
        self.rounds += 1
        assert batch or through or not len(self.scheduler) or run is not None, "the device would spin"
        return batch

    def finish(self) -> None:
        """Go on until nothing is left, which must come to pass."""
        work = sum(plan.calls + 3 for plan in self.plans.values())
        for _ in range(work):
            if not len(self.scheduler):
                return
            self.round()
        raise AssertionError(f"{len(self.scheduler)} Runs are left after {work} rounds")

    def making(self) -> set[Run]:
        return {run for run in self.begun if run not in self.done_at}

    def _begin(self, run: Run) -> None:
        plan = self.plans[run]
        assert run not in self.begun
        run.key = Key(plan.key, latent=(plan.side // 8, plan.side // 8), exclusive=plan.exclusive)
        run.calls, run.rows = plan.calls, plan.rows
        self.begun.append(run)

    def _check(self, batch: Batch) -> None:
        assert batch.runs
        assert len(set(batch.runs)) == len(batch.runs)
        assert {run.key for run in batch.runs} == {batch.key}
        assert all(run.done < run.calls and run in self.making() for run in batch.runs)
        assert batch.rows <= batch.size
        replays = [run for run in batch.runs if run.replay is not None]
        if replays:
            assert len(batch.runs) == 1
            assert batch.size == replays[0].forced_size()
        else:
            assert batch.size == min(size for size in self.sizes if size >= batch.rows)
        for run in batch.runs:
            self._check_apart(run)
        alone = [run for run in batch.runs if self._is_apart(run)]
        assert not alone or len(batch.runs) == 1

    def _check_apart(self, run: Run) -> None:
        """Whatever is worked on while a Run that must be apart is under way is that Run."""
        others = self.making() - {run}
        if self._is_apart(run):
            assert all(self._is_apart(other) for other in others), "something else is in the making"
            assert all(other.done == 0 for other in others), "two that must be apart are under way"
        else:
            assert all(other.done == 0 for other in others if self._is_apart(other))

    def _is_apart(self, run: Run) -> bool:
        return self.plans[run].solo or self.plans[run].exclusive


def traces(calls: int) -> st.SearchStrategy[tuple[tuple[int, int], ...] | None]:
    """Some Runs are a Reproduce: sizes as logged, perhaps of another device, and at least two rows."""
    sizes = st.lists(st.sampled_from((2, 4, 8, 16)), min_size=calls, max_size=calls)
    return st.one_of(st.none(), st.none(), sizes.map(lambda found: tuple((size, 1) for size in found)))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    calls = draw(st.sampled_from((0, 1, 2, 4, 5, 20, 50)))
    return Plan(
        calls=calls,
        rows=draw(st.sampled_from((1, 2))),
        side=draw(st.sampled_from((64, 64, 128, 512))),
        share=draw(st.sampled_from(("ann", "bob", "cy"))),
        key=draw(st.sampled_from("aab")),
        at=draw(st.integers(0, 60)),
        trace=draw(traces(calls)) if calls else None,
        exclusive=draw(st.integers(0, 9)) == 0,
        solo=draw(st.integers(0, 9)) == 0,
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(plans(), min_size=1, max_size=30), st.sampled_from((2, 5, 64)), st.sampled_from((SIZES, (2,), (8,))))
def test_every_run_gets_its_calls_by_the_rules(found: list[Plan], most: int, sizes: tuple[int, ...]) -> None:
    world = World(sizes=sizes, most=most)
    for at in range(61):
        for plan in found:
            if plan.at == at:
                world.add(plan)
        if len(world.scheduler):
            world.round()
    world.finish()
    assert len(world.done_at) == len(found)


@settings(max_examples=60, deadline=None)
@given(st.lists(plans(), min_size=2, max_size=20), st.data())
def test_dropping_any_run_at_any_time_leaves_the_others_whole(found: list[Plan], data: st.DataObject) -> None:
    world = World()
    runs = [world.add(plan) for plan in found]
    for _ in range(data.draw(st.integers(0, 30))):
        if len(world.scheduler):
            world.round()
    for run in data.draw(st.lists(st.sampled_from(runs), max_size=5)):
        world.scheduler.drop(run)
        world.done_at.setdefault(run, -1)
    world.finish()
    assert set(world.done_at) == set(runs)


@pytest.mark.parametrize("share", ["ann", "bob"])
@pytest.mark.parametrize("key", ["a", "b"])
def test_no_run_starves_under_endless_short_ones(share: str, key: str) -> None:
    world = World()
    for _ in range(8):
        world.add(Plan(calls=10))
    long = world.add(Plan(calls=50, rows=2, share=share, key=key))
    for _ in range(50 * 2 * OLDEST_EVERY * LEAD_CALLS):
        while sum(run.share == "ann" and run is not long for run in world.scheduler) < 20:
            world.add(Plan(calls=10))
        world.round()
        if long in world.done_at:
            return
    raise AssertionError(f"after {len(world.calls)} calls it has {long.done} of 50")


def test_many_shares_with_one_key_fill_its_calls() -> None:
    world = World()
    for k in range(40):
        world.add(Plan(calls=30, share=f"person {k}"))
    world.finish()
    assert len(world.done_at) == 40
    assert len(world.calls) <= 30 * 40 / 8 + 30, "the calls are full"


@pytest.mark.parametrize("key", ["a", "b"])
def test_one_share_of_500_runs_hardly_delays_another(key: str) -> None:
    world = World()
    for _ in range(500):
        world.add(Plan(calls=50, rows=2))
    for _ in range(30):
        world.round()
    for _ in range(20):
        came = len(world.calls)
        run = world.add(Plan(calls=4, rows=2, share="bob", key=key))
        while run not in world.done_at:
            world.round()
        assert world.done_at[run] - came <= 2 * 4


def test_500_waiting_runs_keep_no_newcomer_from_beginning() -> None:
    world = World(most=16)
    for _ in range(500):
        world.add(Plan(calls=50))
    for _ in range(20):
        world.round()
    assert len(world.making()) == 16
    run = world.add(Plan(calls=4, share="bob"))
    world.round()
    assert run in world.begun and len(world.making()) == 17


@pytest.mark.parametrize(("side_a", "side_b"), [(64, 64), (64, 256), (512, 64)])
def test_two_shares_with_endless_work_get_equal_coins(side_a: int, side_b: int) -> None:
    world = World()
    coins: Counter[str] = Counter()
    full = 8 * max(side_a, side_b) ** 2
    for _ in range(3000):
        waiting = Counter(run.share for run in world.scheduler)
        for share, calls, side in (("ann", 30, side_a), ("bob", 50, side_b)):
            for _ in range(24 - waiting[share]):
                world.add(Plan(calls=calls, share=share, side=side, key=share))
        batch = world.round()
        for run in batch.runs if batch is not None else ():
            coins[run.share] += run.cost_per_call
    assert abs(coins["ann"] - coins["bob"]) <= (2 * LEAD_CALLS + 2) * full


def test_a_full_stage_keeps_nobody_to_one_run() -> None:
    world = World(most=16)
    for _ in range(100):
        world.add(Plan(calls=50))
    for _ in range(5):
        world.round()
    runs = [world.add(Plan(calls=50, share="bob")) for _ in range(20)]
    for _ in range(5):
        world.round()
    assert 2 <= sum(run in world.begun for run in runs) <= 16 // 2


def test_finished_runs_of_one_share_do_not_hold_up_another() -> None:
    scheduler = Scheduler(SIZES, lambda: 0.0)
    for k, (share, calls, done) in enumerate([("ann", 20, 20)] * 8 + [("bob", 50, 50), ("ann", 20, 0), ("cy", 4, 3)]):
        run = Plan(calls=calls, share=share).run()
        scheduler.add(run)
        if k == 9:
            assert scheduler.next_begin() is None, "eight of ann's wait to be decoded"
            continue
        assert scheduler.next_begin() is run
        run.key, run.calls, run.done = Key("a"), calls, done
    # cy's four steps go on before anything is decoded; then bob's 50 steps weigh less than nine of 20.
    put_off = [scheduler.next_finish() for _ in range(PUT_OFF)]
    assert put_off == [None] * PUT_OFF
    found = scheduler.next_finish()
    assert found is not None and found.share == "bob"


def test_few_steps_do_not_wait_for_many() -> None:
    world = World()
    for _ in range(8):
        world.add(Plan(calls=50, share="bob", key="b"))
    for _ in range(5):
        world.round()
    short = world.add(Plan(calls=4))
    while short not in world.done_at:
        world.round()
    assert len(world.calls) - 5 == 4, "four calls of its own, none of the others between"
    world.finish()


def test_few_steps_go_before_many_of_the_same_share() -> None:
    world = World()
    for _ in range(16):
        world.add(Plan(calls=50))
    for _ in range(5):
        world.round()
    short = world.add(Plan(calls=4))
    while short not in world.done_at:
        world.round()
    assert len(world.calls) - 5 == 4


def test_the_share_with_fewest_in_the_making_begins_first() -> None:
    world = World()
    for _ in range(40):
        world.add(Plan())
    run = world.add(Plan(share="bob"))
    world.round()
    assert run in world.begun and len(world.begun) == 8


def test_what_a_share_could_not_use_is_not_hoarded() -> None:
    world = World()
    world.add(Plan(calls=900))
    for _ in range(7):
        world.add(Plan(calls=500, share="bob"))
    for _ in range(500):
        world.round()
    for _ in range(30):
        world.add(Plan(calls=300))
    for _ in range(8):
        world.round()
    short = world.add(Plan(calls=4, share="bob", key="b"))
    before = len(world.calls)
    while short not in world.done_at:
        world.round()
    assert len(world.calls) - before <= 2 * 4


def test_a_run_that_must_be_apart_holds_up_nobody_before_its_time() -> None:
    world = World()
    for _ in range(4):
        world.add(Plan(calls=50))
    world.round()
    apart = [world.add(Plan(solo=True)), world.add(Plan(exclusive=True))]
    other = world.add(Plan(share="bob"))
    while other not in world.done_at:
        world.round()
    assert world.now < 10 and not any(run.done for run in apart)


@pytest.mark.parametrize("plan", [Plan(solo=True), Plan(exclusive=True), Plan(exclusive=True, trace=((8, 4),))])
def test_an_endless_load_makes_way_for_one_that_must_be_apart(plan: Plan) -> None:
    world = World()
    for _ in range(8):
        world.add(Plan(calls=20, share="bob"))
    world.round()
    apart = [world.add(plan) for _ in range(3)]
    while not world.done_at.keys() >= set(apart):
        while len(world.scheduler) < 20:
            world.add(Plan(calls=20, share="bob"))
        world.round()
        assert world.now < 600
    # Each waits DRAIN_AFTER_S from the end of the last, then as long as the others need to end; nobody is shut out.
    at = [next(n for n, batch in enumerate(world.calls) if batch.runs[0] is run) for run in apart]
    for before, after in zip([0, *at], at, strict=False):
        assert DRAIN_AFTER_S <= (after - before) * CALL_S <= DRAIN_AFTER_S + 60


def test_memory_lowers_the_rows_of_that_key_alone() -> None:
    world = World()
    for key in "ab":
        for _ in range(8):
            world.add(Plan(key=key, share=key, calls=8))
    world.round()
    first = world.round()
    assert first is not None and first.size == 8
    assert world.scheduler.lower(first.key, first.size)
    world.finish()
    sizes = {key: {batch.size for batch in world.calls[2:] if batch.key.model == key} for key in "ab"}
    lowered = first.key.model
    assert max(sizes[lowered]) == 4 and max(sizes["b" if lowered == "a" else "a"]) == 8
    assert not world.scheduler.lower(first.key, 1)


def test_two_rows_step_even_where_memory_allows_one() -> None:
    world = World()
    run = world.add(Plan(rows=2))
    first = world.round()
    assert first is not None
    world.scheduler.lower(first.key, 2)
    world.finish()
    assert run.trace == [[2, 4]]


def test_isolated_runs_step_alone_once() -> None:
    world = World()
    for _ in range(4):
        world.add(Plan(calls=6))
    batch = world.round()
    assert batch is not None and len(batch.runs) == 4
    world.scheduler.isolate(batch.runs)
    alone = [world.round() for _ in range(4)]
    assert {found.runs for found in alone if found is not None} == {(run,) for run in batch.runs}
    after = world.round()
    assert after is not None and len(after.runs) == 4


def test_runs_that_wait_for_decoding_keep_new_ones_from_beginning() -> None:
    world = World()
    for _ in range(200):
        world.add(Plan(calls=1))
    most = 0
    for _ in range(100):
        world.round()
        most = max(most, sum(run.left == 0 for run in world.making()))
    assert most <= 2 * SIZES[-1]


def test_a_trace_that_does_not_fit_is_not_followed() -> None:
    short = Plan(rows=2, calls=4, trace=((1, 2),)).run()
    scheduler = Scheduler(SIZES, lambda: 0.0)
    scheduler.add(short)
    assert scheduler.next_begin() is short
    short.key, short.calls, short.rows = Key("a"), 4, 2
    batch = scheduler.next_batch()
    assert batch is not None and batch.size == 2


def test_more_rows_than_the_device_takes_are_an_error() -> None:
    world = World(sizes=(1,))
    world.add(Plan(rows=2))
    with pytest.raises(ValueError, match="2 rows do not fit"):
        world.round()


def test_sizes_must_be_sizes() -> None:
    with pytest.raises(ValueError, match="positive"):
        Scheduler((0, 1), lambda: 0.0)
