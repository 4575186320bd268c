"""Inpainting through the whole program: transparent pixels or a mask, plain models and those made for it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from build import Program
from core.errors import BadInput, BadSketch, BadWords, NotFound, StudioError
from core.person import OWNER
from core.recipe import Paint, from_json
from core.sheet import PictureSheet
from tests.support import oracle
from tests.support.archive import png
from tests.support.attachments import half_mask, holed, saved
from tests.support.attachments import opaque as opaque_png
from tests.support.program import PLACE, ask, done, ended, running
from tests.support.tiny_model import shared_tiny_model

CHANNELS = {"tiny": 4, "nine": 9}
SIZE = (96, 64)


def both() -> dict[str, str]:
    """Return the settings of a program that has a plain model and one made for inpainting."""
    folders = ", ".join(f'{name} = "{shared_tiny_model(channels)}"' for name, channels in CHANNELS.items())
    return {
        "LIMNER__ENGINE__THREADS": "1",
        "LIMNER__ENGINE__DTYPE": "float32",
        "LIMNER__ENGINE__LOADED": "2",
        "LIMNER__MODELS__DEFAULT": "tiny",
        "LIMNER__MODELS__FOLDERS": f"{{{folders}}}",
    }


async def pixels(program: Program, picture: PictureSheet) -> Any:
    raw, _ = await program.studio.picture_file(OWNER, PLACE, picture["id"], "png", False)
    return np.asarray(Image.open(io.BytesIO(raw))).astype(int)


MASKED = (
    ("tiny", "a fox --inpaint --model tiny --steps 5 --seed 3 --guidance 4 --sampler ddim"),
    ("tiny", "a fox --inpaint --model tiny --steps 8 --seed 3 --guidance 1 --sampler euler --strength 0.6"),
    ("nine", "a fox --inpaint --model nine --steps 6 --seed 3 --guidance 4 --sampler ddim"),
)


async def test_masked_pictures_are_the_stock_pipelines_and_come_again_identical(tmp_path: Path) -> None:
    """All at once with a stranger who has no mask; what the masks keep is what the stock pipeline keeps."""
    async with running(tmp_path, environ=both()) as program:
        sketch = await program.studio.take_sketch(OWNER, PLACE, holed())
        drawn = await program.archive.file(sketch["digest"], "sketch")
        white = await program.archive.file(sketch["mask"], "mask")
        asked = [await ask(program, words, sketch=sketch["digest"]) for _, words in MASKED]
        stranger = await ask(program, "a fox --steps 5 --seed 3 --guidance 4", sketch=sketch["digest"])
        found = [(await ended(program, job["id"]))["pictures"][0] for job in asked]
        for (model, _), picture in zip(MASKED, found, strict=True):
            recipe = from_json(picture["recipe"])
            assert isinstance(recipe, Paint) and recipe.mask is not None
            assert picture["mask"] == recipe.mask.digest == sketch["mask"]
            assert "inpainted" in picture["facts"]
            _, alone = oracle.alone(recipe, "float32", shared_tiny_model(CHANNELS[model]), drawn, white)
            assert np.abs(await pixels(program, picture) - alone).max() <= 2
            plain = (await ended(program, stranger["id"]))["pictures"][0]
            assert plain["mask"] is None and np.abs(await pixels(program, plain) - alone).max() > 8
    async with running(tmp_path, environ=both()) as program:
        for picture in found:
            again = await done(program, f"/reproduce {picture['id']}")
            assert (again["sentence"], again["pictures"][0]["mask"]) == ("identical", sketch["mask"])
        rerolled = (await done(program, f"/reroll {found[2]['id']} --seed 9"))["pictures"][0]
        varied = (await done(program, f"/vary {found[0]['id']} strong"))["pictures"][0]
        assert rerolled["mask"] == varied["mask"] == sketch["mask"]
        assert len({picture["pixels_digest"] for picture in (*found, rerolled, varied)}) == 5
        assert (await done(program, f"/reproduce {varied['id']}"))["sentence"] == "identical"


async def test_both_ways_end_in_the_same_recipe(tmp_path: Path) -> None:
    async with running(tmp_path, environ=both(), start=False) as program:
        apart = (await program.studio.take_mask(OWNER, PLACE, half_mask()))["digest"]
        large = (await program.studio.take_mask(OWNER, PLACE, half_mask((960, 640), "RGB", "JPEG")))["digest"]
        opaque = (await program.studio.take_sketch(OWNER, PLACE, opaque_png()))["digest"]
        words = "a fox --seed 3 --size 96x64"
        given = [await ask(program, words, sketch=opaque, mask=mask) for mask in (apart, large)]
        clear = await program.studio.take_sketch(OWNER, PLACE, holed())
        assert clear["digest"] == opaque
        said = await ask(program, f"{words} --inpaint", sketch=opaque)
        (copied,) = {sheet["pictures"][0]["command"] for sheet in (*given, said)}
        again = [await ask(program, copied, sketch=opaque), await ask(program, copied, sketch=opaque, mask=apart)]
        digests = {sheet["pictures"][0]["recipe_digest"] for sheet in (*given, said, *again)}
        assert len(digests) == 1
        assert (await ask(program, words, sketch=opaque))["pictures"][0]["recipe_digest"] not in digests


REFUSED: list[tuple[str, str | None, str | None, type[StudioError], str]] = [
    ("a fox --inpaint", None, None, BadWords, "needs a sketch"),
    ("a fox --inpaint", "opaque", None, BadWords, "no transparent part"),
    ("a fox --inpaint", "clear", None, BadWords, "All of the sketch"),
    ("a fox --model nine", None, None, BadWords, "needs a sketch and a mask"),
    ("a fox --model nine", "holed", None, BadWords, "needs a sketch and a mask"),
    ("a fox", None, "half", BadInput, "goes with its sketch"),
    ("a fox", "opaque", "tall", BadSketch, "64x96"),
    ("a fox", "opaque", "lost", NotFound, "mask is not here"),
]


async def test_what_cannot_be_inpainted_is_refused_before_it_is_accepted(tmp_path: Path) -> None:
    async with running(tmp_path, environ=both(), start=False) as program:
        take, sent = program.studio.take_sketch, {"lost": "0" * 64}
        for name, raw in (
            ("opaque", png(size=SIZE)),
            ("holed", holed()),
            ("clear", saved(Image.new("RGBA", SIZE), "PNG")),
        ):
            sent[name] = (await take(OWNER, PLACE, raw))["digest"]
        for name, raw in (("half", half_mask()), ("tall", half_mask((64, 96)))):
            sent[name] = (await program.studio.take_mask(OWNER, PLACE, raw))["digest"]
        for words, sketch, mask, kind, said in REFUSED:
            with pytest.raises(kind, match=said) as told:
                await ask(program, words, sketch=sent.get(sketch or ""), mask=sent.get(mask or ""))
            assert told.value.hint
        assert await program.studio.history(OWNER) == []
        told_of = {model["name"]: (model["masks"], model["inpaint"]) for model in await program.studio.models()}
        assert told_of == {"builtin": (True, False), "tiny": (True, False), "nine": (True, True)}
