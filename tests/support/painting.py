"""Paint with a LocalEngine in tests: registries, Recipes, and Runs stepped alone or in random company."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.draft import ModelCard
from core.progress import Painted
from core.recipe import ModelRef, Paint, Recipe
from inference.local import LocalEngine
from inference.models import Registry
from inference.run import Batch, Run
from tests.support.tiny_model import shared_tiny_model

SKETCH, MASK = "5e7c", "3a5c"


def sketch_png(width: int = 80, height: int = 56) -> bytes:
    """Return a drawn PNG that no Recipe's size fits exactly."""
    down, across = np.mgrid[0:height, 0:width]
    rows = np.stack([across * 3 % 256, down * 4 % 256, (across + down) * 2 % 256], axis=2).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(rows).save(out, "PNG")
    return out.getvalue()


def mask_png(width: int = 80, height: int = 56) -> bytes:
    """Return a grey PNG, white in the middle with a soft edge, as large as `sketch_png`."""
    down, across = np.mgrid[0:height, 0:width]
    away = np.hypot((across - width / 2) / width, (down - height / 2) / height)
    out = io.BytesIO()
    Image.fromarray((255 * np.clip(2 - 6 * away, 0, 1)).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def registry(**folders: Path) -> Registry:
    """Return a Registry that has read its folders; the tiny model where none is named."""
    found = Registry(folders or {"tiny": shared_tiny_model()})
    found.read({})
    return found


def engine(models: Registry, files: Mapping[str, bytes] | None = None, **settings: Any) -> LocalEngine:
    """Return a LocalEngine on one CPU thread; files: bytes by digest, beside `sketch_png` and `mask_png`."""
    known = {SKETCH: sketch_png(), MASK: mask_png(), **(files or {})}
    return LocalEngine(models, lambda digest, _: known[digest], **{"threads": 1, "default": "tiny", **settings})


def recipe(card: ModelCard, sampler: str = "ddim", **fields: Any) -> Paint:
    """Return a small Recipe of a Model: 5 steps, 64x64."""
    wanted = {"prompt": "a red fox", "seed": 7, "width": 64, "height": 64, "steps": 5, "guidance": 1.0, **fields}
    config = dict(card.samplers[sampler])
    return Paint(sampler=sampler, sampler_config=config, model=ModelRef(card.family, card.digest), **wanted)


def runs_of(recipes: Sequence[Recipe]) -> list[Run]:
    """Return a Run for each Recipe."""
    return [Run(f"j{number}", number, "p", recipe) for number, recipe in enumerate(recipes)]


def batch_of(runs: Sequence[Run], sizes: Sequence[int]) -> Batch:
    """Return the Batch of these Runs at the smallest size they fit."""
    rows = sum(run.rows for run in runs)
    key = runs[0].key
    assert key is not None
    return Batch(key, tuple(runs), next(size for size in sizes if size >= rows))


def paint_alone(local: LocalEngine, run: Run) -> Painted:
    """Paint one Run by itself, at the batch sizes its Replay asks for where it has one."""
    local.begin(run)
    while run.left:
        batch = batch_of([run], local.sizes)
        local.step(replace(batch, size=run.forced_size() or batch.size))
        if run.error is not None:
            raise run.error
    return local.wrap(run, local.decode(run))


def step_together(local: LocalEngine, runs: Sequence[Run], seed: int = 0) -> None:
    """Make every call of begun Runs in random Batches: joined, left out and ordered by chance."""
    chance = random.Random(seed)
    while waiting := [run for run in runs if run.left and run.error is None]:
        chance.shuffle(waiting)
        first = waiting[0]
        chosen: list[Run] = []
        for run in waiting[: chance.randint(1, len(waiting))]:
            if run.key == first.key and sum(r.rows for r in chosen) + run.rows <= local.sizes[-1]:
                chosen.append(run)
        local.step(batch_of(chosen, local.sizes))
