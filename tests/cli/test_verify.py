"""The verb verify: files named on the command line, and what is said of their marks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli import verify
from core.errors import BadInput, BadSketch
from core.mark import Reading
from home import Home
from inference.finish import watermark
from inference.finish.png import Pixels, encode
from main import serve
from tests.support.shell import Terminal


def look(raw: bytes) -> Sequence[Reading]:
    return Home({}, print, serve).look_for_mark(raw)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """A marked picture as PNG and as lossless WebP, one without a mark, a small one, and no picture."""
    plain = Pixels(256, 256, np.random.default_rng(5).integers(0, 256, (256, 256, 3)).astype(np.uint8).tobytes())
    marked = encode(watermark.write(plain, "SDV2"))
    paths = {name: tmp_path / name for name in ("marked.png", "marked.webp", "plain.png", "small.png", "words.png")}
    paths["marked.png"].write_bytes(marked)
    Image.open(paths["marked.png"]).save(paths["marked.webp"], lossless=True)
    paths["plain.png"].write_bytes(encode(plain))
    Image.new("RGB", (64, 64)).save(paths["small.png"])
    paths["words.png"].write_text("no picture")
    return {name.replace(".", "_"): str(path) for name, path in paths.items()}


def test_a_mark_is_found_in_each_file(files: dict[str, str]) -> None:
    terminal = Terminal()
    assert verify.run([files["marked_png"], files["marked_webp"]], look, terminal.console) == 0
    assert [line.rpartition(": ")[2] for line in terminal.out.splitlines()] == ["32 of 32 bits of SDV2"] * 2


def test_a_file_without_one_is_exit_1_and_says_why(files: dict[str, str]) -> None:
    terminal = Terminal()
    assert verify.run([files["marked_png"], files["plain_png"], files["small_png"]], look, terminal.console) == 1
    _, plain, small = terminal.out.splitlines()
    assert "plain.png: none: " in plain and plain.endswith("which is chance")
    assert small.endswith("small.png: none: a picture under 65,536 pixels cannot hold one")


def test_json_gives_every_count(files: dict[str, str]) -> None:
    terminal = Terminal()
    assert verify.run(["--json", files["marked_png"], files["small_png"]], look, terminal.console) == 1
    marked, small = json.loads(terminal.out)
    assert (marked["mark"], small["mark"], small["looked_for"]) == ("SDV2", None, [])
    assert {"text": "SDV2", "right": 32, "bits": 32} in marked["looked_for"]


def test_what_is_no_picture_is_refused_in_words(files: dict[str, str]) -> None:
    with pytest.raises(BadSketch):
        verify.run([files["words_png"]], look, Terminal().console)
    with pytest.raises(BadInput, match="cannot be read"):
        verify.run(["nowhere.png"], look, Terminal().console)
    with pytest.raises(BadInput, match="takes a picture's file"):
        verify.run([], look, Terminal().console)
