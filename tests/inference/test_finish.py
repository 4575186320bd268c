"""Finish: a bare PNG with the same bytes for the same pixels, and an enlarged one of the parent it names."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from core.errors import BadInput, Damaged
from core.picture import pixels_digest
from core.recipe import Upscale
from inference.finish.png import Pixels, encode, read
from inference.finish.upscale import Enlarging, enlarge


def pixels(width: int = 24, height: int = 16) -> Pixels:
    rows = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Pixels(width, height, rows.tobytes())


def named(source: Pixels, width: int, height: int, factor: int = 2) -> Enlarging:
    digest = pixels_digest(source.width, source.height, source.rgb)
    return Enlarging(Upscale(digest, width, height, factor), encode(source))


def test_a_png_is_bare_rgb_and_comes_back_as_it_was() -> None:
    png = encode(pixels())
    assert png == encode(pixels())
    assert read(png) == pixels()
    with Image.open(io.BytesIO(png)) as image:
        assert (image.format, image.mode, image.size, image.info) == ("PNG", "RGB", (24, 16), {})


def test_an_enlarged_picture_is_pillows_lanczos() -> None:
    source = pixels()
    large = enlarge(named(source, 48, 32))
    image = Image.frombytes("RGB", (24, 16), source.rgb).resize((48, 32), Image.Resampling.LANCZOS)
    assert large == Pixels(48, 32, image.tobytes())


def test_a_parent_that_changed_is_damaged() -> None:
    other = named(pixels(), 48, 32)
    spoiled = Pixels(24, 16, bytes(24 * 16 * 3))
    with pytest.raises(Damaged):
        enlarge(Enlarging(other.recipe, encode(spoiled)))


@pytest.mark.parametrize(("width", "height", "factor"), [(47, 32, 2), (24, 16, 2), (480_000, 320_000, 20_000)])
def test_a_size_that_is_no_multiple_of_the_parent_is_refused(width: int, height: int, factor: int) -> None:
    with pytest.raises(BadInput, match="24x16"):
        enlarge(named(pixels(), width, height, factor))
