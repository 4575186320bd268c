"""Real-ESRGAN's own weights on small pictures: sizes, the same bits again, tiles, what is refused."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import BadInput, Damaged
from core.picture import Fingerprint, pixels_digest
from core.recipe import METHODS, Method, Upscale
from inference.finish import esrgan, installed
from inference.finish.png import Pixels, encode, read
from inference.finish.upscale import Enlarging, alone, enlarge, enlarged_by
from inference.run import Run, Unwanted

HOME = Path(__file__).resolve().parents[2]
ANEW = """
import hashlib, sys
from inference.finish import esrgan
from inference.finish.png import read
parent = read(open(sys.argv[1], "rb").read())
print(hashlib.sha256(esrgan.enlarge(parent, 2, "animevideov3", lambda done, of: None).rgb).hexdigest())
"""


def picture(width: int = 24, height: int = 16) -> Pixels:
    """Return a smooth picture with an edge in it."""
    down, across = np.mgrid[0:height, 0:width]
    rows = np.stack([across * 8 % 256, down * 9 % 256, np.where(across > width // 2, 220, 40)], axis=2)
    return Pixels(width, height, rows.astype(np.uint8).tobytes())


def rows(pixels: Pixels) -> np.ndarray:
    return np.frombuffer(pixels.rgb, np.uint8).reshape(pixels.height, pixels.width, 3).astype(np.int16)


def small(pixels: Pixels, width: int, height: int) -> np.ndarray:
    image = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.rgb)
    return np.asarray(image.resize((width, height), Image.Resampling.BOX)).astype(np.int16)


@pytest.mark.parametrize(
    ("method", "factor"),
    [("x4plus", 4), ("x4plus-anime", 4), ("animevideov3", 2), ("animevideov3", 3), ("animevideov3", 4)],
)
def test_easy_diffusions_upscaling(method: Method, factor: int) -> None:
    """use_upscale: "RealESRGAN_x4plus", upscale_amount: 4 (or 2)."""
    parent = picture()
    digest = pixels_digest(parent.width, parent.height, parent.rgb)
    recipe = Upscale(digest, 24 * factor, 16 * factor, factor, method)
    large = enlarge(Enlarging(recipe, encode(parent)))
    assert (large.width, large.height) == (24 * factor, 16 * factor)
    assert large == enlarge(Enlarging(recipe, encode(parent)))
    # It is that picture, only larger, and no mere resizing of it.
    assert np.abs(small(large, 24, 16) - rows(parent)).mean() < 12
    lanczos = enlarge(Enlarging(Upscale(digest, 24 * factor, 16 * factor, factor), encode(parent)))
    assert large != lanczos
    facts = enlarged_by(Fingerprint((), {"device": "x"}), recipe).facts
    assert facts["ncnn"] and len(facts["weights"]) == 64 and facts["device"] == "x"


def test_twice_by_four_is_lanczos_down() -> None:
    parent = picture()
    four, two = (esrgan.enlarge(parent, factor, "x4plus-anime", alone) for factor in (4, 2))
    image = Image.frombytes("RGB", (96, 64), four.rgb).resize((48, 32), Image.Resampling.LANCZOS)
    # At the very border the tile sees beyond it.
    inside = np.s_[3:-3, 3:-3]
    assert (rows(two)[inside] == np.asarray(image).astype(np.int16)[inside]).all()


def test_the_bits_are_the_same_in_a_new_process(tmp_path: Path) -> None:
    parent = picture(100, 20)
    path = tmp_path / "parent.png"
    path.write_bytes(encode(parent))
    told = subprocess.run([sys.executable, "-c", ANEW, path], cwd=HOME, capture_output=True, text=True, check=True)
    own = esrgan.enlarge(read(path.read_bytes()), 2, "animevideov3", alone)
    assert told.stdout.strip() == hashlib.sha256(own.rgb).hexdigest()


def test_tiles_meet_without_a_seam() -> None:
    parent = picture(esrgan.TILE + 30, 40)
    heard: list[tuple[int, int]] = []
    large = rows(esrgan.enlarge(parent, 2, "animevideov3", lambda done, of: heard.append((done, of))))
    assert heard == [(0, 2), (1, 2), (2, 2)]
    # Seen from the second tile alone, its own left edge is another: with the overlap nobody can tell.
    cut = Pixels(80, 40, rows(parent)[:, esrgan.TILE - 50 :].astype(np.uint8).tobytes())
    other = rows(esrgan.enlarge(cut, 2, "animevideov3", alone))
    at = 2 * esrgan.TILE
    assert np.abs(large[:, at - 8 : at + 8] - other[:, 100 - 8 : 100 + 8]).max() <= 12


def test_it_ends_between_two_tiles_where_nobody_waits() -> None:
    heard: list[int] = []
    parent = picture(3 * esrgan.TILE, 8)
    run = Run("J", 0, "web:ann", Upscale("p" * 64, 2 * parent.width, 16, 2, "animevideov3"))

    def tell(done: int, of: int) -> None:
        heard.append(done)
        run.cancelled = done == 1

    run.tell = tell
    with pytest.raises(Unwanted):
        esrgan.enlarge(parent, 2, "animevideov3", run.pause)
    assert heard == [0, 1] and run.slow


def test_other_weights_under_the_same_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(esrgan.WEIGHTS, "animevideov3", {2: ("realesr-animevideov3-x3", "0" * 64)})  # type: ignore[arg-type]
    with pytest.raises(Damaged, match="realesr-animevideov3-x3 are not the right ones"):
        esrgan.enlarge(picture(), 2, "animevideov3", alone)


def test_without_the_extra_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed.methods() == METHODS
    monkeypatch.setattr(installed, "find_spec", lambda name: None)
    assert installed.methods() == ("lanczos",)
    with pytest.raises(BadInput, match="not installed here") as found:
        esrgan.enlarge(picture(), 2, "animevideov3", alone)
    assert "./limner add upscale" in found.value.hint
