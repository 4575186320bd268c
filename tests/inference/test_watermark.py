"""The watermark: compatible with the original decoder, part of the Recipe, made again bit for bit, read by verify."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.draft import Draft, fill
from core.errors import BadInput
from core.mark import fitting, found, mark_of, texts, told
from core.recipe import digest
from inference.finish import png, watermark
from inference.finish.png import Pixels
from inference.models import Registry
from tests.support.painting import engine, paint_alone, recipe, registry, runs_of
from tests.support.tiny_model import shared_tiny_model

BY_THE_ORIGINAL = Path(__file__).with_name("marked_by_the_original.png")
"""Random pixels that invisible-watermark 0.2.0 marked with SDV2, and reads all 32 bits of."""


def pixels(kind: str, side: int = 256) -> Pixels:
    slope = np.linspace(60, 190, side) + np.zeros((side, 1))
    drawn = {
        "noise": np.random.default_rng(3).integers(0, 256, (side, side, 3)),
        "slope": np.stack([slope, slope.T, slope[::-1]], axis=2),
        "drawing": np.where((np.indices((side, side)).sum(0) // 40 % 2)[..., None], (190, 40, 60), (200, 190, 150)),
    }
    return Pixels(side, side, drawn[kind].astype(np.uint8).tobytes())


def plain_reading(picture: Pixels, length: int) -> list[int]:
    """Read a mark block by block as the original's own words describe it, with nothing of ours."""
    rgb = np.frombuffer(picture.rgb, np.uint8).reshape(picture.height, picture.width, 3).astype(float)
    luma = 0.299 * rgb[..., 0] + 0.587 * rgb[..., 1] + 0.114 * rgb[..., 2]
    chroma = np.clip(np.round((rgb[..., 2] - luma) * 0.492 + 128), 0, 255)
    votes: list[list[int]] = [[] for _ in range(length)]
    number = 0
    for top in range(0, picture.height // 8 * 8, 8):
        for left in range(0, picture.width // 8 * 8, 8):
            means = [
                abs(chroma[top + y : top + y + 2, left + x : left + x + 2].sum() / 2)
                for y in range(0, 8, 2)
                for x in range(0, 8, 2)
            ]
            votes[number % length].append(int(max(means[1:]) % 36 > 18))
            number += 1
    return [int(sum(each) / len(each) * 255 > 127) for each in votes]


def bits_of(text: str) -> list[int]:
    return [byte >> shift & 1 for byte in text.encode() for shift in range(7, -1, -1)]


def test_what_the_original_wrote_is_read() -> None:
    reading = watermark.read(png.read(BY_THE_ORIGINAL.read_bytes()), "SDV2")
    assert (reading.right, reading.bits, reading.found) == (32, 32, True)


@pytest.mark.parametrize("kind", ["noise", "slope", "drawing"])
@pytest.mark.parametrize("text", texts())
def test_each_mark_is_read_again_whole(kind: str, text: str) -> None:
    plain = pixels(kind)
    marked = watermark.write(plain, text)
    assert plain_reading(marked, len(text) * 8) == bits_of(text)
    assert found(watermark.readings(marked)) == text
    assert told(watermark.readings(marked)) == f"{len(text) * 8} of {len(text) * 8} bits of {text}"
    assert not found(watermark.readings(plain))
    before, after = (np.frombuffer(each.rgb, np.uint8).astype(float) for each in (plain, marked))
    assert ((before - after) ** 2).mean() < 255**2 / 10**3.5, "seen by eye (under 35 dB)"


def test_a_jpeg_or_a_crop_loses_it_and_that_is_said() -> None:
    marked = watermark.write(pixels("noise"), "SDV2")
    out = io.BytesIO()
    image = Image.frombytes("RGB", (256, 256), marked.rgb)
    image.save(out, "JPEG", quality=80)
    saved = Image.open(out).convert("RGB")
    for lost in (saved, image.crop((3, 3, 256, 256)).resize((256, 256))):
        readings = watermark.readings(Pixels(256, 256, lost.tobytes()))
        assert not found(readings)
        assert told(readings).startswith("none: ") and told(readings).endswith("which is chance")


def test_small_pictures_hold_none() -> None:
    assert watermark.readings(pixels("noise", 248)) == ()
    assert told(()) == "none: a picture under 65,536 pixels cannot hold one"
    assert fitting("SDV2", 256, 256) == ("SDV2", ())
    assert fitting("", 64, 64) == ("", ())
    text, notes = fitting("SDV2", 256, 248)
    assert text == "" and "No watermark" in notes[0]


def test_the_mark_is_the_familys() -> None:
    families = ("sd1", "sd1-lcm", "sd2", "sdxl", "whole")
    assert [mark_of(family) for family in families] == ["StableDiffusionV1"] * 2 + ["SDV2"] + ["Limner"] * 2


def test_the_owners_switch_puts_it_in_each_recipe() -> None:
    cards = [Registry({"tiny": shared_tiny_model()}, watermark=on).card("tiny") for on in (False, True)]
    assert [card.mark for card in cards] == ["", "StableDiffusionV1"]
    ready = replace(cards[1], state="ready")
    (large,), notes = fill(Draft("a heart", width=256, height=256), ready, lambda: 1)
    assert large.watermark == "StableDiffusionV1" and not notes
    (small,), notes = fill(Draft("a heart", width=64, height=64), ready, lambda: 1)
    assert small.watermark == "" and "No watermark" in notes[0]


def test_a_marked_picture_is_painted_the_same_again_and_differs_by_its_mark_alone() -> None:
    plain = recipe(registry().card("tiny"), steps=1, width=256, height=256)
    wanted = replace(plain, watermark="StableDiffusionV1")
    local = engine(registry())
    first, again, unmarked = (paint_alone(local, runs_of([each])[0]) for each in (wanted, wanted, plain))
    assert first.pixels_digest == again.pixels_digest != unmarked.pixels_digest
    assert png.read(first.png) == watermark.write(png.read(unmarked.png), "StableDiffusionV1")
    assert found(watermark.readings(png.read(first.png))) == "StableDiffusionV1"
    assert digest(wanted) != digest(plain)


def test_a_recipe_whose_picture_is_too_small_for_its_mark_is_refused() -> None:
    wanted = recipe(registry().card("tiny"), watermark="SDV2")
    with pytest.raises(BadInput, match="64x64 cannot hold the watermark"):
        watermark.marked(pixels("noise", 64), wanted)
