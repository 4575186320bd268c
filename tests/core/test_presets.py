"""Presets, --eta and --clip-skip: what other tools take where nothing is typed, and what goes before it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core import asking
from core.defaults import Defaults, typed, words_for
from core.draft import SketchInfo
from core.errors import BadWords
from core.presets import PRESETS
from core.recipe import Paint, Part
from tests.support.cards import CARD

SKETCH = SketchInfo("ab" * 32, 700, 421)


def plan(words: str, sketch: SketchInfo | None = None, mine: Defaults | None = None, **options: Any) -> list[Paint]:
    (found,) = asking.imagine(words, options, sketch, None, [CARD], CARD.name, lambda: 7, mine)
    return [new.recipe for new in found.pictures if isinstance(new.recipe, Paint)]


def test_compvis_gives_six_pictures_with_the_seeds_from_42() -> None:
    """`python scripts/txt2img.py --prompt "…" --plms`."""
    found = plan("a photograph of an astronaut riding a horse --preset compvis-v1 --sampler plms")
    assert [each.seed for each in found] == [42, 43, 44, 45, 46, 47]
    first = found[0]
    assert (first.sampler, first.steps, first.guidance, first.width, first.height) == ("plms", 50, 7.5, 512, 512)
    assert plan("a heart --preset compvis-v1")[0].sampler == "ddim"


def test_compvis_over_a_sketch_cuts_its_size_down_to_multiples_of_32() -> None:
    """`python scripts/img2img.py --prompt "…" --init-img … --strength 0.8`."""
    found = plan("a fantasy landscape --preset compvis-v1 --strength 0.8", SKETCH)
    assert [(each.strength, each.guidance, each.width, each.height) for each in found] == [(0.8, 5.0, 672, 416)] * 2
    assert plan("a fantasy landscape --preset compvis-v1", SKETCH)[0].strength == 0.75


def test_optimized_sd_takes_its_own_weights_and_a_seed_for_each_picture() -> None:
    found = plan("tabby cat:0.25 white duck:0.75 hybrid --preset optimizedsd --seed 27 --n 10")
    assert [each.seed for each in found] == list(range(27, 37))
    assert found[0].blend == (Part("tabby cat", 0.25), Part("white duck", 0.75), Part("hybrid", 1.0))
    assert plan("ratio 16:9 photo --preset optimizedsd")[0].blend == ()
    assert plan("a cat:2 on grass")[0].blend == (), "without the preset it is no weight"
    over = plan("austrian alps --preset optimizedsd", SKETCH)
    assert [(each.sampler, each.width, each.height) for each in over] == [("ddim", 640, 384)] * 5


def test_what_is_typed_goes_before_a_preset_and_that_before_defaults() -> None:
    mine = Defaults(options={"steps": 11, "guidance": 3.0, "negative_prompt": "grey", "aspect": (3, 2)})
    first = plan("a heart --preset stable-diffusion-2 --steps 20 --n 1", mine=mine)[0]
    assert (first.steps, first.guidance, first.negative_prompt) == (20, 9.0, "grey")
    assert (first.width, first.height) == (512, 512)
    shaped = plan("a heart --preset stable-diffusion-2 --ar 3:2 --n 1")[0]
    assert shaped.width > shaped.height
    assert plan("a heart --preset easy-diffusion", steps=12)[0].steps == 12, "a typed option of a face stands too"


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_painted_with_and_without_a_sketch(name: str) -> None:
    for sketch in (None, SKETCH):
        found = plan(f"a heart --preset {name}", sketch)
        said = {**PRESETS[name].plain, **(PRESETS[name].sketched if sketch else {})}
        assert len(found) == said.get("count", 1)
        assert found[0].strength == (said["strength"] if sketch else None)


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(BadWords) as refused:
        plan("a heart --preset compviz")
    assert "compvis-v1" in refused.value.hint
    with pytest.raises(BadWords, match="cannot be a default"):
        typed("--preset compvis-v1", [])


def test_eta_and_clip_skip_reach_the_recipe_and_the_words_that_make_it_again() -> None:
    (first,) = plan("a heart --sampler ddim --eta 0.5 --clip-skip 2")
    assert (first.eta, first.clip_skip) == (0.5, 2)
    again = words_for(first, CARD.name, Defaults())
    assert plan(again) == [first]
    found = asking.imagine("a heart --sampler plms --eta 0.5", {}, None, None, [CARD], CARD.name, lambda: 7)
    assert "--eta has no effect with the sampler plms" in " ".join(found[0].notes)
    assert typed("--eta 0.3 --clip-skip 1", []) == {"eta": 0.3, "clip_skip": 1}


def test_a_model_that_is_painted_whole_takes_neither() -> None:
    whole = replace(CARD, whole=True)
    for words in ("a heart --sampler ddim --eta 0.5", "a heart --clip-skip 1"):
        with pytest.raises(BadWords, match="takes no --"):
            asking.imagine(words, {}, None, None, [whole], CARD.name, lambda: 7)
    (found,) = asking.imagine("hot::2 dog", {}, None, None, [whole], CARD.name, lambda: 7)
    assert "plain signs" in found.notes[0]


def test_the_words_of_a_blend_make_it_again_and_old_words_with_its_signs_are_not_offered() -> None:
    (first,) = plan("hot::2 {dog\\, red} --seed 1")
    assert first.blend and plan(words_for(first, CARD.name, Defaults())) == [first]
    assert words_for(replace(first, blend=()), CARD.name, Defaults()) == ""
    assert words_for(replace(first, prompt="::2", blend=()), CARD.name, Defaults()) == ""
