"""The calls of the systems Limner grew out of, mirrored: what is asked for, painted in company, and made again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core import asking
from core.draft import SketchInfo
from core.progress import Painted
from core.recipe import Paint
from inference.models import Registry
from tests.support.anew import Disk, different_anew
from tests.support.painting import MASK, SKETCH, batch_of, runs_of
from tests.support.tiny_model import shared_tiny_model
from tests.support.tiny_sd2 import shared_tiny_sd2

DRAWN = SketchInfo(SKETCH, 80, 56)
CALLS: dict[str, tuple[str, str, SketchInfo | None, str | None, int]] = {
    "compvis-txt2img": (
        "one",
        "a photograph of an astronaut riding a horse --preset compvis-v1 --sampler plms",
        None,
        None,
        6,
    ),
    "compvis-img2img": ("one", "A fantasy landscape --preset compvis-v1 --strength 0.8", DRAWN, None, 2),
    "optimized-txt2img": ("one", "Cyberpunk Tesla in rain --preset optimizedsd --seed 27 --n 10", None, None, 10),
    "optimized-img2img": ("one", "Austrian alps --preset optimizedsd --strength 0.8 --seed 27 --n 2", DRAWN, None, 2),
    "optimized-weights": ("one", "tabby cat:0.25 white duck:0.75 hybrid --preset optimizedsd --n 2", None, None, 2),
    "openvino-demo": ("one", "a red fox --preset openvino --seed 5", None, None, 1),
    "easy-diffusion-matrix": (
        "one",
        "an astronaut riding a horse | illustration | cinematic lighting --preset easy-diffusion",
        None,
        None,
        4,
    ),
    "stable-diffusion-2": ("two", "a professional photograph --preset stable-diffusion-2 --n 3", None, None, 3),
    "stable-diffusion-2-inpaint": ("nine", "a red fox --sampler ddim --eta 1.0 --seed 4", DRAWN, MASK, 1),
}
"""Each call: the Model, the words, the Sketch, the mask, and how many Pictures it gives."""
SMALL = "--size 64x64 --steps 4"


@pytest.fixture(scope="module")
def disk() -> Disk:
    return Disk({"one": shared_tiny_model(), "two": shared_tiny_sd2(), "nine": shared_tiny_model(9)})


def asked(models: Registry, call: str) -> Iterator[Paint]:
    model, words, sketch, mask, _ = CALLS[call]
    for plan in asking.imagine(f"{words} {SMALL}", {}, sketch, mask, models.cards(), model, lambda: 11):
        for new in plan.pictures:
            assert isinstance(new.recipe, Paint)
            yield new.recipe


def test_each_call_is_painted_in_company_and_each_picture_made_again_alone_in_one_new_process(disk: Disk) -> None:
    """Each Picture of a batch has a Seed of its own and comes back from it, which the originals cannot."""
    models = disk.registry()
    local = disk.engine(models, disk.addons())
    made: list[tuple[str, Paint, Painted]] = []
    for call, (*_, count) in CALLS.items():
        recipes = list(asked(models, call))
        assert len(recipes) == count, call
        runs = runs_of(recipes)
        for run in runs:
            local.begin(run)
        while waiting := [run for run in runs if run.left]:
            rows, together = 0, []
            for run in waiting:
                if run.key == waiting[0].key and rows + run.rows <= local.sizes[-1]:
                    rows, together = rows + run.rows, [*together, run]
            local.step(batch_of(together, local.sizes))
        for run, recipe in zip(runs, recipes, strict=True):
            made.append((f"{call}-{run.picture}", recipe, local.wrap(run, local.decode(run))))
    assert len({painted.pixels_digest for *_, painted in made}) == len(made), "two of them are one picture"
    assert different_anew(disk, made) == []
