"""Sketches as ControlNets read them: known drawings give known pixels, in whole numbers."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from core.errors import BadInput
from inference.prepare import WAYS, Grey, canny, depth, lineart, prepared, scribble


def blank(value: int, height: int = 24, width: int = 24) -> Grey:
    return np.full((height, width), value, np.int64)


def dark_stroke() -> Grey:
    grey = blank(250)
    grey[10:13, 4:20] = 20
    grey[9, 4:20] = grey[13, 4:20] = 160
    return grey


@pytest.mark.parametrize("turned", [False, True])
def test_a_scribble_is_white_on_black_however_it_was_drawn(turned: bool) -> None:
    drawn = 255 - dark_stroke() if turned else dark_stroke()
    found = scribble(drawn)
    assert set(np.unique(found)) == {0, 255}
    assert (found[10:13, 4:20] == 255).all() and found.sum() == 255 * 3 * 16, "its soft edge is less than half dark"


def test_line_art_keeps_soft_edges_over_the_whole_range() -> None:
    found = lineart(dark_stroke())
    assert (found.min(), found.max()) == (0, 255)
    assert (found[10:13, 4:20] == 255).all() and (found[9, 4:20] == 100).all()


def test_a_depth_map_is_taken_as_it_is_over_the_whole_range() -> None:
    grey = blank(100)
    grey[:, 12:] = 150
    grey[0, 0] = 200
    found = depth(grey)
    assert (found[5, 5], found[5, 20], found[0, 0]) == (0, 128, 255)


@pytest.mark.parametrize("kind", WAYS)
@pytest.mark.parametrize("value", [0, 127, 128, 255])
def test_a_blank_sheet_gives_no_edges(kind: str, value: int) -> None:
    found = WAYS[kind](blank(value))
    assert found.min() >= 0 and found.max() <= 255
    if kind in ("scribble", "canny"):
        assert not found.any()


def test_an_upright_and_a_level_step_give_one_line_each_where_it_is() -> None:
    grey = blank(0)
    grey[:, 12:] = 255
    for found in (canny(grey), canny(grey.T).T):
        assert found[:, 11:13].any(axis=1).all() and (found > 0).sum() == 24, "one pixel wide"
        assert not np.delete(found, (11, 12), axis=1).any()


def test_a_slanted_step_gives_a_line_along_it() -> None:
    down, across = np.mgrid[0:32, 0:32]
    found = canny(np.where(across > down, 255, 0))
    y, x = np.nonzero(found)
    assert (abs(x - y) <= 1).all() and len(set(y)) >= 28 and len(y) <= 2 * 32


def test_a_square_gives_its_outline_and_nothing_inside() -> None:
    grey = blank(0, 40, 40)
    grey[10:30, 10:30] = 255
    found = canny(grey)
    assert not found[13:27, 13:27].any() and not found[:8].any() and not found[32:].any()
    for side in (found[8:12].any(axis=0), found[28:32].any(axis=0), found[:, 8:12].any(axis=1)):
        assert side[12:28].all()


def test_a_faint_edge_counts_only_where_it_hangs_on_a_steep_one() -> None:
    """Hysteresis: steps of 70 are below the upper bound and above the lower one."""
    grey = blank(0, 24, 48)
    grey[12:, :] = 70
    alone = canny(grey)
    assert not alone.any()
    grey[12:, :24] = 255
    grey[12:, 24:] = np.where(np.arange(24) < 4, 255 - 46 * np.arange(24), 70)
    joined = canny(grey)
    assert joined[9:14, 32:44].any(axis=0).all(), "the faint part goes on from the steep one"
    faint = blank(0, 24, 48)
    faint[12:, :] = 10
    faint[12:, :10] = 255
    assert not canny(faint)[:, 24:].any(), "what is below the lower bound is no edge, whatever it hangs on"


def test_a_stored_sketch_is_cut_to_the_pictures_size_first() -> None:
    out = io.BytesIO()
    Image.fromarray(np.kron(dark_stroke(), np.ones((4, 6))).astype(np.uint8)).convert("RGB").save(out, "PNG")
    found = prepared(out.getvalue(), 64, 48, "scribble")
    assert (found.width, found.height, len(found.rgb)) == (64, 48, 64 * 48 * 3)
    rows = np.frombuffer(found.rgb, np.uint8).reshape(48, 64, 3)
    assert set(np.unique(rows)) == {0, 255} and (rows[..., 0] == rows[..., 2]).all()
    with pytest.raises(BadInput, match="no way to prepare a sketch as sepia"):
        prepared(out.getvalue(), 64, 48, "sepia")
