"""Where memory ends: fewer rows, alone and sparing, tiles at the decoding, a clear failure; others go on exactly."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import OutOfMemory
from core.picture import Replay
from core.progress import Painted, PictureFailed
from core.recipe import Paint
from inference.adapters import table
from inference.calltimes import CallTimes
from inference.local import LocalEngine
from inference.models import Registry
from inference.rounds import Decoded, News, Rounds
from inference.run import Run
from inference.scheduler import Scheduler
from inference.weights import Plan
from tests.support.fake_engine import FakeEngine
from tests.support.painting import engine, paint_alone, recipe, registry, runs_of
from tests.support.tiny_model import make_tiny_model, shared_tiny_model

LARGE = 96
"""More than a tile of the tiny model's VAE, whose Latent is 8 a side."""
FAULTS = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "cpu": RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory"),
}


def paint(local: Any, runs: list[Run]) -> dict[Run, News]:
    """Go round until all is done; return what became of each Run, Decoded ones wrapped."""
    told: list[tuple[Run, News]] = []
    scheduler = Scheduler(local.sizes, lambda: 0.0, loading=local.loading)
    rounds = Rounds(local, scheduler, CallTimes(lambda: 0.0), told.extend, 0)
    rounds.inbox.extend(runs)
    rounds.work()
    return {run: item for run, item in told if isinstance(item, Decoded | PictureFailed)}


def wrapped(local: LocalEngine, run: Run, item: News) -> Painted:
    assert isinstance(item, Decoded), item
    return local.wrap(run, item.pixels)


def again(painted: Painted, recipe: Paint) -> str:
    """Return the pixels' digest of a Reproduce by another engine, where memory does not end."""
    replay = Run("again", 0, "p", recipe, replay=Replay(painted.fingerprint, painted.pixels_digest))
    return paint_alone(sound(), replay).pixels_digest


@cache
def sound() -> LocalEngine:
    """Return an engine that loaded its Model before anything was planted."""
    local = engine(registry(), loaded=9)
    local.warm()
    return local


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Any, Plan], None]], LocalEngine]:
    """Return what makes an engine whose Models are sabotaged once they are loaded."""
    load = table.load

    def make(sabotage: Callable[[Any, Plan], None]) -> LocalEngine:
        def loaded(folder: Path, plan: Plan, device: torch.device) -> Any:
            weights = load(folder, plan, device)
            sabotage(weights, plan)
            return weights

        sound()
        local = engine(registry(), verdicts={registry().card("tiny").digest: "differs"})
        monkeypatch.setattr(table, "load", loaded)
        return local

    return make


def raising(fault: Exception, when: Callable[[torch.Tensor], bool]) -> Callable[..., None]:
    """Return a hook that raises before a module's call whose first argument is such."""

    def hook(_: Any, given: tuple[torch.Tensor, ...]) -> None:
        if when(given[0]):
            raise fault

    return hook


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_call_too_large_is_split_and_the_sizes_are_logged(planted: Any, fault: Exception) -> None:
    card = registry().card("tiny")
    local = planted(lambda weights, _: weights.unet.register_forward_pre_hook(raising(fault, lambda x: len(x) > 2)))
    runs = runs_of([recipe(card, seed=seed, steps=3 + seed % 2, guidance=(1.0, 5.0)[seed % 2]) for seed in range(5)])
    for run, item in paint(local, runs).items():
        painted = wrapped(local, run, item)
        assert {size for size, _ in painted.fingerprint.trace} <= {1, 2}
        assert painted.fingerprint.facts["profile"] == "high" and again(painted, run.recipe) == painted.pixels_digest


@pytest.mark.fault("F3", "once more alone with tiles, which is written down; the others go on")
def test_one_too_large_alone_is_made_once_more_sparing_and_the_others_are_not_harmed(planted: Any) -> None:
    card = registry().card("tiny")
    fault = FAULTS["cuda"]

    def sabotage(weights: Any, plan: Plan) -> None:
        if plan.profile == "high":
            weights.unet.register_forward_pre_hook(raising(fault, lambda x: x.shape[-1] > 8))

    local = planted(sabotage)
    wanted = [recipe(card, seed=seed) for seed in range(3)] + [recipe(card, seed=9, width=LARGE, height=LARGE)]
    runs = runs_of(wanted)
    made = paint(local, runs)
    for run in runs:
        painted = wrapped(local, run, made[run])
        assert painted.fingerprint.facts["profile"] == ("low" if run is runs[-1] else "high")
        assert sum(calls for _, calls in painted.fingerprint.trace) == 5
        assert again(painted, run.recipe) == painted.pixels_digest


def test_a_decoding_too_large_is_done_in_tiles_and_that_is_logged(planted: Any) -> None:
    card = registry().card("tiny")
    fault = FAULTS["cpu"]
    local = planted(
        lambda weights, _: weights.vae.decoder.register_forward_pre_hook(raising(fault, lambda x: x.shape[-1] > 8))
    )
    runs = runs_of([recipe(card, width=LARGE), recipe(card, seed=2)])
    made = paint(local, runs)
    tiled, whole = (wrapped(local, run, made[run]) for run in runs)
    assert tiled.fingerprint.facts["tiled"] is True and "tiled" not in whole.fingerprint.facts
    assert again(tiled, runs[0].recipe) == tiled.pixels_digest
    plain = paint_alone(sound(), runs_of([runs[0].recipe])[0])
    assert plain.pixels_digest != tiled.pixels_digest, "tiles make no difference here: this proves nothing"


@pytest.mark.fault("F3", "what fits in no way fails by itself, with the size that works")
def test_one_that_cannot_even_be_decoded_in_tiles_fails_alone(planted: Any) -> None:
    card = registry().card("tiny")

    def sabotage(weights: Any, _: Plan) -> None:
        decode = weights.vae.decode

        def failing(latent: torch.Tensor, **options: Any) -> Any:
            if latent.shape[-1] > 8:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return decode(latent, **options)

        weights.vae.decode = failing

    local = planted(sabotage)
    runs = runs_of([recipe(card, width=LARGE), recipe(card, seed=2)])
    made = paint(local, runs)
    failed = made[runs[0]]
    assert isinstance(failed, PictureFailed) and failed.error.code == "out_of_memory"
    assert failed.error.whole() == "96x64 is too large for this device's memory. Try 64x64 or smaller."
    assert again(wrapped(local, runs[1], made[runs[1]]), runs[1].recipe)


def two_models(tmp_path: Path) -> Registry:
    return registry(tiny=shared_tiny_model(), other=make_tiny_model(tmp_path / "other", seed=1))


def failing_load(monkeypatch: pytest.MonkeyPatch, times: int) -> list[Plan]:
    """Have the next loads end for want of memory; return the Plans asked for."""
    load, asked = table.load, list[Plan]()

    def loaded(folder: Path, plan: Plan, device: torch.device) -> Any:
        asked.append(plan)
        if len(asked) <= times:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return load(folder, plan, device)

    monkeypatch.setattr(table, "load", loaded)
    return asked


def test_a_load_without_memory_drops_the_others_and_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = two_models(tmp_path)
    local = engine(models)
    first = runs_of([recipe(models.card("tiny"))])[0]
    paint(local, [first])
    first.state = None
    asked = failing_load(monkeypatch, 1)
    other = runs_of([recipe(models.card("other"))])[0]
    assert local.loading(other, ()) == "beside" and local.loading(first, ()) == "none"
    assert isinstance(paint(local, [other])[other], Decoded)
    assert local.loading(first, ()) == "beside", "it was dropped"
    assert [plan.profile for plan in asked] == ["high", "high"]


def test_a_model_without_memory_beside_others_waits_until_it_is_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = two_models(tmp_path)
    local = engine(models)
    here = runs_of([recipe(models.card("tiny"), seed=seed) for seed in range(2)])
    local.begin(here[0])
    asked = failing_load(monkeypatch, 2)
    other = runs_of([recipe(models.card("other"))])[0]
    made = paint(local, [*here, other])
    assert all(isinstance(made[run], Decoded) for run in (*here, other))
    assert [plan.profile for plan in asked if plan.digest == other.model] == ["high"] * 3
    assert wrapped(local, other, made[other]).fingerprint.facts["profile"] == "high"


def test_a_model_that_fits_in_no_way_is_said_with_both_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = two_models(tmp_path)
    local = engine(models)
    asked = failing_load(monkeypatch, 99)
    run = runs_of([recipe(models.card("other"))])[0]
    failed = paint(local, [run])[run]
    assert isinstance(failed, PictureFailed) and isinstance(failed.error, OutOfMemory)
    assert "needs 5." in failed.error.sentence and "GB free" in failed.error.sentence, failed.error.sentence
    assert [plan.profile for plan in asked] == ["high"] * 4 + ["low"] * 2
    monkeypatch.undo()
    assert isinstance(paint(local, runs_of([recipe(models.card("tiny"))])).popitem()[1], Decoded)


WORDS = {"tightoom": "low", "loadoom": "high", "decodeoom": "high"}


@pytest.mark.parametrize(("word", "profile"), WORDS.items())
def test_each_rung_is_taken_once_and_nobody_else_is_touched(word: str, profile: str) -> None:
    local = FakeEngine()
    card = registry().card("tiny")
    runs = runs_of([recipe(card, seed=seed, prompt=word if seed == 3 else "a fox") for seed in range(6)])
    made = paint(local, runs)
    assert all(isinstance(item, Decoded) for item in made.values()) and len(made) == 6
    assert runs[3].key is not None and runs[3].key.profile == profile
    assert runs[3].tiled == (word == "decodeoom") and runs[3].solo == (word != "decodeoom")
    assert sum(("j3", 3) in call.runs for call in local.record if call.name == "begin") == 1 + (word != "decodeoom")
    assert {sum(calls for _, calls in run.trace) for run in runs} == {5}


@pytest.mark.parametrize("word", ["tightoom", "decodeoom"])
def test_a_reproduce_is_never_made_otherwise_than_its_log_says(word: str) -> None:
    local = FakeEngine()
    run = runs_of([recipe(registry().card("tiny"), prompt=word)])[0]
    painted = Painted(0, b"", "d", 64, 64, local.wrap(run, bytes(64 * 64 * 3)).fingerprint)
    run.replay = Replay(painted.fingerprint, "d")
    failed = paint(local, [run])[run]
    assert isinstance(failed, PictureFailed) and failed.error.code == "out_of_memory"
    assert not run.tiled and not run.sparing
