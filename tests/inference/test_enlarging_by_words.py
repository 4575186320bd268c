"""`/upscale --by` a Model through the whole program: accepted, painted, logged, and made again."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import BadInput
from core.person import OWNER
from tests.support.program import PLACE, done, running
from tests.support.tiny_model import shared_tiny_model
from tests.support.tiny_upscalers import shared_tiny_upscaler


async def test_a_picture_is_enlarged_by_a_model_names_its_parent_and_is_made_again(tmp_path: Path) -> None:
    """64x64 becomes 256x256: `superresolution.py`, and Easy Diffusion's upscale_amount 4."""
    folders = f'{{tiny = "{shared_tiny_model()}", large = "{shared_tiny_upscaler("x4")}"}}'
    settings = {
        "LIMNER__MODELS__FOLDERS": folders,
        "LIMNER__MODELS__DEFAULT": "tiny",
        "LIMNER__ENGINE__THREADS": "1",
        "LIMNER__ENGINE__DTYPE": "float32",
    }
    async with running(tmp_path, environ=settings) as program:
        assert "large" in (await program.studio.health())["methods"]
        first = (await done(program, "a fox --steps 2 --seed 5 --size 64x64"))["pictures"][0]
        larger = await done(program, f"/upscale {first['id']} x4 --by large --noise-level 30 --steps 2")
        (picture,) = larger["pictures"]
        assert (picture["width"], picture["height"], picture["parent"]) == (256, 256, first["id"])
        assert larger["sentence"] == "Enlarged to 256 x 256."
        shown = await program.studio.show(OWNER, PLACE, picture["id"])
        assert shown["model"] == "large"
        assert f"/upscale {first['id']} --by large --noise-level 30 --steps 2 --guidance 9" in shown["command"]
        assert (picture["recipe"]["prompt"], picture["recipe"]["noise_level"]) == ("a fox", 30)
        again = await done(program, f"/reproduce {picture['id']}")
        assert (again["sentence"], again["pictures"][0]["pixels_digest"]) == ("identical", picture["pixels_digest"])
        with pytest.raises(BadInput, match="576 x 64 is too large"):
            wide = (await done(program, "a fox --steps 1 --size 576x64"))["pictures"][0]["id"]
            await done(program, f"/upscale {wide} --by large")
