"""Controls in words: what is typed, what a Model takes, and that words to copy give the same Recipe again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.addons import AddOns, check
from core.asking import with_options
from core.controls import ControlCard, ControlWish, typed
from core.defaults import Defaults
from core.defaults import typed as default_words
from core.draft import Draft, SketchInfo, fill
from core.errors import BadInput, BadWords, CannotReproduce, StudioError
from core.grammar import command_for, parse
from core.recipe import PREPARATIONS, Control, Paint, canonical, from_json, to_json
from core.sheet import model_sheet
from core.telling import CAN, model_lines
from tests.support.cards import card

SKETCH = SketchInfo("5e" * 32, 640, 480)
A, B, C = "a1" * 32, "b2" * 32, "c3" * 32
NETS = (
    ControlCard("canny", A, 768, "ready"),
    ControlCard("scribble", B, 768, "ready"),
    ControlCard("scribble-xl", C, 2048, "ready"),
    ControlCard("depth", "", 768, "reading", "its files are being read"),
    ControlCard("lineart", "", state="broken", why="It is program code."),
)
BESIDE = AddOns(controls=NETS)


def made(words: str, widths: tuple[int, ...] = (768,), sketch: SketchInfo | None = SKETCH, **over: Any) -> Paint:
    draft = parse(words, ("model",))[0]
    whole = draft if sketch is None else draft.with_sketch(sketch, over.pop("mask", None))
    return fill(whole, card(name="model", text_widths=widths, **over), lambda: 7, BESIDE)[0][0]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("scribble", Control("scribble", B)),
        ("Scribble:0.8", Control("scribble", B, 0.8)),
        ("canny:.5:0.1-0.6", Control("canny", A, 0.5, 0.1, 0.6)),
        ("a1a1a1a1a1", Control("canny", A)),
    ],
)
def test_words_name_a_control(words: str, wanted: Control) -> None:
    recipe = made(f"a fox --control {words}")
    assert recipe.control == wanted and recipe.prompt == "a fox"
    assert recipe.sketch is not None and recipe.strength is None and recipe.first_step == 0


def test_a_preparation_means_the_one_that_fits_the_model() -> None:
    assert made("a fox --control scribble", (768, 1280)).control == Control("scribble", C)
    assert made("a fox --control scribble-xl", (768, 1280)).control == Control("scribble", C)


def test_with_a_strength_the_sketch_is_painted_over_too() -> None:
    recipe = made("a fox --control canny --strength 0.6 --steps 10")
    assert (recipe.strength, recipe.first_step) == (0.6, 4)
    kept = Defaults(options={"strength": 0.3})
    draft = parse("a fox --control canny", ())[0].with_sketch(SKETCH)
    assert kept.under(draft, {"control"}).strength is None, "a default strength is for what is painted over"
    assert kept.under(replace(draft, control=None), ()).strength == 0.3


@pytest.mark.parametrize(
    ("words", "over", "said"),
    [
        ("scribble", {"sketch": None}, "--control needs a sketch to follow."),
        ("scribbel", {}, 'There is no control "scribbel". The nearest is scribble.'),
        ("pose", {}, 'There is no control "pose".'),
        ("canny", {"widths": (1024,)}, "is for Stable Diffusion 1; the model model is Stable Diffusion 2"),
        ("scribble-xl", {}, "is for Stable Diffusion XL; the model model is Stable Diffusion 1"),
        ("canny", {"widths": ()}, "takes no control"),
        ("canny", {"mask": "3a" * 32}, "does not go with a mask"),
        ("depth", {}, "is not ready: its files are being read"),
        ("lineart", {}, "cannot be used: It is program code."),
    ],
)
def test_what_cannot_be_had_is_refused_before_accept(words: str, over: dict[str, Any], said: str) -> None:
    with pytest.raises(StudioError) as refused:
        made(f"a fox --control {words}", **over)
    assert said in refused.value.whole()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "needs a value"),
        (":0.5", "needs a name"),
        ("canny:3", 'The scale "3" of the control "canny" is not 0 to 2'),
        ("canny:nan", "is not 0 to 2"),
        ("canny:1:0.5", "The part"),
        ("canny:1:0.6-0.2", "would end at 0.2, before it starts at 0.6"),
        ("canny:1:0-1:2", "more behind it"),
        ("canny --control scribble", "stands twice"),
    ],
)
def test_what_cannot_be_read_is_refused(words: str, said: str) -> None:
    with pytest.raises(BadWords) as refused:
        parse(f"a fox --control {words}", ())
    assert said in refused.value.whole()


@pytest.mark.parametrize("words", ["scribble", "canny:0.8", "canny:1:0.2-0.7", "canny:0.25:0-0.5 --strength 0.5"])
def test_words_to_copy_give_the_same_recipe(words: str) -> None:
    recipe = made(f"a fox --control {words}")
    assert made(command_for(recipe, "model", names=BESIDE.names)) == recipe
    assert f"--control {words.split()[0]}" in command_for(recipe, "model", names=BESIDE.names)
    assert made(command_for(recipe, "model")) == recipe, "without names it goes by its digest"


def test_none_takes_a_control_away() -> None:
    assert made("a fox --control none").control is None
    assert made("a fox --control none").strength == card().strength


def test_a_recipe_holds_it_by_digest_and_leaves_it_out_without_one() -> None:
    recipe = made("a fox --control canny:0.8")
    assert to_json(recipe)["control"] == {"kind": "canny", "digest": A, "scale": 0.8}
    assert from_json(to_json(recipe)) == recipe and "control" not in canonical(made("a fox"))
    with pytest.raises(TypeError):
        from_json({**to_json(recipe), "control": {"kind": 3, "digest": A}})
    check(recipe, BESIDE)
    with pytest.raises(CannotReproduce, match="ControlNet it was painted with"):
        check(recipe, AddOns())


def test_it_may_be_an_option_apart_from_the_words() -> None:
    draft = with_options(Draft("a fox"), {"control": "canny:0.5"})
    assert draft.control == ControlWish("canny", 0.5)
    with pytest.raises(BadWords, match="control is given twice: canny:0.5 in the words and scribble as an option"):
        with_options(draft, {"control": "scribble"})
    with pytest.raises(BadInput, match="cannot be a default"):
        default_words("--control canny", ())
    assert typed(ControlWish("canny", 1.0, 0.0, 0.5)) == "canny:1:0-0.5"


def test_a_model_says_what_it_can_follow_by_those_that_fit_and_are_ready() -> None:
    """A depth map is one of them; each has words of its own in the lists."""
    depth = replace(NETS[3], digest=C, state="ready")
    seen = {
        widths: model_sheet(card(text_widths=widths), "", (*NETS[:3], depth, NETS[4]))["can"]
        for widths in ((768,), (768, 1280), (1024,), ())
    }
    usual = ["negative", "sketch", "inpaint", "upscale"]
    assert seen[(768,)] == [*usual, "canny", "depth", "scribble"]
    assert seen[(768, 1280)] == [*usual, "scribble"]
    assert seen[(1024,)] == seen[()] == usual == model_sheet(card(text_widths=(768,)), "", NETS[3:])["can"]
    assert set(PREPARATIONS) <= set(CAN)
    told = model_lines(model_sheet(card(text_widths=(768,)), "", (depth,)))
    assert "can: words to avoid, sketches, masks, enlarging, depth maps to follow" in told
