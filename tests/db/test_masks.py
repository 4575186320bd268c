"""Masks: the transparent part of a Sketch, one given apart, and which of them the log remembers."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest
from PIL import Image

from core.draft import SketchInfo
from core.errors import BadSketch, NotFound
from db.archive import SqlArchive
from db.intake import Intake
from tests.db.conftest import Place
from tests.support import attachments
from tests.support.attachments import half_mask, holed

ANN = "web:ann"


def opened(png: bytes) -> Image.Image:
    """Open a stored mask: a bare 8-bit grey PNG of black and white alone."""
    image = Image.open(io.BytesIO(png), formats=("PNG",))
    image.load()
    assert (image.mode, image.info) == ("L", {})
    assert {value for _, value in image.getcolors() or ()} <= {0, 255}
    return image


def moved() -> bytes:
    """Return a turned JPEG-like PNG: the clear part lies on the left once it stands upright."""
    image = Image.new("RGBA", (64, 96), (0, 0, 255, 255))
    image.paste((0, 0, 0, 0), (0, 48, 64, 96))
    exif = Image.Exif()
    exif[0x0112] = 6
    return attachments.saved(image, "PNG", exif=exif)


def animated() -> bytes:
    """Return a GIF whose first frame has a clear upper half."""
    first, second = Image.new("RGBA", (64, 64), (9, 9, 9, 255)), Image.new("RGBA", (64, 64), (9, 200, 9, 255))
    first.paste((0, 0, 0, 0), (0, 0, 64, 32))
    return attachments.saved(first, "GIF", save_all=True, append_images=[second])


@pytest.mark.parametrize(
    ("make", "white", "black"),
    [
        (holed, (3, 3), (93, 3)),
        (attachments.grey_alpha, (5, 5), (5, 60)),
        (attachments.palette_alpha, (5, 5), (5, 60)),
        (moved, (3, 30), (90, 30)),
        (animated, (5, 5), (5, 60)),
        (lambda: attachments.saved(Image.open(io.BytesIO(holed())), "WEBP", lossless=True), (3, 3), (93, 3)),
        (lambda: holed((2400, 1200)), (3, 3), (2040, 1000)),
        (lambda: holed(clear=127), (3, 3), (93, 3)),
    ],
)
def test_the_transparent_part_is_white(make: Any, white: tuple[int, int], black: tuple[int, int]) -> None:
    clean = Intake().sketch(make())
    mask = opened(clean.mask)
    assert clean.clear == "part"
    assert mask.size == (clean.width, clean.height)
    assert (mask.getpixel(white), mask.getpixel(black)) == (255, 0)


@pytest.mark.parametrize(
    ("make", "clear"),
    [
        (attachments.png, "none"),
        (attachments.grey16, "none"),
        (attachments.cmyk, "none"),
        (lambda: holed(clear=255), "none"),
        (lambda: holed(clear=128), "none"),
        (lambda: attachments.saved(Image.new("RGBA", (64, 64)), "PNG"), "whole"),
        (lambda: attachments.saved(Image.new("RGBA", (64, 64), (9, 9, 9, 100)), "PNG"), "whole"),
    ],
)
def test_where_nothing_or_all_is_transparent_there_is_no_mask(make: attachments.Maker, clear: str) -> None:
    clean = Intake().sketch(make())
    assert (clean.clear, clean.mask) == (clear, b"")


def test_a_transparent_sketch_is_stored_as_before() -> None:
    flat = Image.new("RGB", (96, 64), (0, 0, 255))
    flat.paste((255, 255, 255), (0, 0, 48, 64))
    assert Intake().sketch(holed()).png == Intake().sketch(attachments.saved(flat, "PNG")).png


@pytest.mark.parametrize(
    "form", [("L", "PNG"), ("RGB", "PNG"), ("1", "PNG"), ("P", "GIF"), ("L", "WEBP"), ("RGB", "JPEG")]
)
@pytest.mark.parametrize("size", [(96, 64), (2400, 1200)])
def test_the_same_mask_has_the_same_digest_however_it_came(form: tuple[str, str], size: tuple[int, int]) -> None:
    assert Intake().mask(half_mask(size, *form)).png == Intake().sketch(holed(size)).mask


def test_a_grey_mask_becomes_black_and_white() -> None:
    grey = Image.linear_gradient("L")
    mask = opened(Intake().mask(attachments.saved(grey, "PNG")).png)
    assert [mask.getpixel((9, row)) for row in (0, 127, 128, 255)] == [0, 0, 255, 255]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: attachments.saved(Image.new("L", (64, 64), 127), "PNG"), "all black"),
        (holed, "transparent part"),
        (lambda: b"", "file is empty"),
        (lambda: b"hello", "no picture I can read"),
        (lambda: attachments.raw_png(63, 63, 8), "too small"),
        (lambda: attachments.raw_png(9000, 9000), "too large"),
        (lambda: attachments.flipped(attachments.png()), "damaged"),
    ],
)
def test_a_mask_that_cannot_be_used_is_refused_in_words(make: attachments.Maker, said: str) -> None:
    with pytest.raises(BadSketch, match=said) as told:
        Intake().mask(make())
    assert told.value.hint


async def test_the_log_remembers_the_transparent_part(archive: SqlArchive, spot: Place) -> None:
    info, notes = await archive.take_sketch(holed(), ANN)
    assert (info.clear, notes) == ("part", ())
    assert await archive.sketch(info.digest, ANN) == info
    assert info.mask is not None
    raw = await archive.file(info.mask, "mask")
    assert hashlib.sha256(raw).hexdigest() == info.mask
    assert opened(raw).size == (96, 64)
    assert await archive.take_sketch(holed(), ANN) == (info, ())
    assert spot.rows("SELECT digest, clear, mask FROM holders WHERE kind = 'sketch'") == [
        (info.digest, "part", info.mask)
    ]
    assert len(spot.rows("SELECT * FROM files WHERE kind = 'mask'")) == 1
    whole, _ = await archive.take_sketch(attachments.saved(Image.new("RGBA", (64, 64)), "PNG"), ANN)
    assert (whole.clear, whole.mask) == ("whole", None)
    assert await archive.sketch(whole.digest, ANN) == whole


async def test_what_came_newest_is_meant_where_the_pixels_are_the_same(archive: SqlArchive) -> None:
    clear, _ = await archive.take_sketch(holed(), ANN)
    flat, _ = await archive.take_sketch(await archive.file(clear.digest, "sketch"), ANN)
    assert (flat.digest, flat.clear, flat.mask) == (clear.digest, "none", None)
    assert await archive.sketch(clear.digest, ANN) == flat
    await archive.take_sketch(holed(), ANN)
    assert await archive.sketch(clear.digest, ANN) == clear


async def test_a_mask_given_apart_is_brought_to_its_sketchs_size(archive: SqlArchive, spot: Place) -> None:
    sketch, _ = await archive.take_sketch(holed(), ANN)
    same, _ = await archive.take_mask(half_mask(), ANN)
    assert (same.digest, same.width, same.height) == (sketch.mask, 96, 64)
    assert await archive.fit_mask(same.digest, sketch, ANN) == sketch.mask
    for size in ((960, 640), (150, 100), (97, 64)):
        large, _ = await archive.take_mask(half_mask(size), ANN)
        fitted = await archive.fit_mask(large.digest, sketch, ANN)
        assert opened(await archive.file(fitted, "mask")).size == (96, 64)
        assert fitted == sketch.mask or size[0] == 97
        assert spot.rows(f"SELECT kind FROM files WHERE digest = '{fitted}'") == [("mask",)]


async def test_a_mask_of_another_shape_or_lost_in_the_size_is_refused(archive: SqlArchive) -> None:
    sketch = SketchInfo("cd" * 32, 96, 64)
    tall, _ = await archive.take_mask(half_mask((64, 96)), ANN)
    with pytest.raises(BadSketch, match="The mask is 64x96, the sketch 96x64") as told:
        await archive.fit_mask(tall.digest, sketch, ANN)
    assert told.value.hint
    speck = Image.new("L", (960, 640), 0)
    speck.putpixel((50, 50), 255)
    tiny, _ = await archive.take_mask(attachments.saved(speck, "PNG"), ANN)
    with pytest.raises(BadSketch, match="too small"):
        await archive.fit_mask(tiny.digest, sketch, ANN)
    with pytest.raises(NotFound, match="mask is not here"):
        await archive.fit_mask("0" * 64, sketch, ANN)


async def test_masks_are_not_swept(spot: Place) -> None:
    archive = await spot.open()
    sketch, _ = await archive.take_sketch(holed(), ANN)
    apart, _ = await archive.take_mask(half_mask((192, 128)), ANN)
    spot.clock.tick(10 * 3_600_000)
    assert await archive.sweep() == 0
    assert sketch.mask and await archive.file(sketch.mask, "mask") and await archive.file(apart.digest, "mask")
    await archive.close()
