"""Attachments: every hostile one refused in words, every odd one normalised to the right pixels, no child let loose."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from core.draft import SKETCH_BYTES
from core.errors import BadSketch
from core.picture import pixels_digest
from db.intake import Intake
from tests.db.conftest import Place
from tests.support import attachments, foreign_files
from tests.support.attachments import REFUSED, TAKEN, Attachment

TELLTALE = """

def png(raw):
    import os
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with open("out", "w") as file:
            file.write("x")
        wrote = True
    except OSError:
        wrote = False
    return {"width": 1, "height": 1, "texts": {"env": str(dict(os.environ)), "wrote": str(wrote)}}, b"abc"
"""

ANN = "web:ann"


def pixels(png: bytes) -> Image.Image:
    """Open what came out: a bare 8-bit RGB PNG and nothing else."""
    image = Image.open(io.BytesIO(png), formats=("PNG",))
    image.load()
    assert image.mode == "RGB"
    assert image.info == {}
    return image


@pytest.mark.parametrize("attachment", REFUSED, ids=lambda each: each.name)
def test_refused_in_words(attachment: Attachment) -> None:
    with pytest.raises(BadSketch, match=attachment.refused) as told:
        Intake().sketch(attachment.make())
    assert told.value.hint


@pytest.mark.parametrize("attachment", TAKEN, ids=lambda each: each.name)
def test_normalised(attachment: Attachment) -> None:
    clean = Intake().sketch(attachment.make())
    assert (clean.width, clean.height) == attachment.size == pixels(clean.png).size
    assert attachment.noted in " ".join(clean.notes)
    assert bool(clean.notes) == bool(attachment.noted)


def test_16_bits_are_divided_not_clipped() -> None:
    image = pixels(Intake().sketch(attachments.grey16()).png)
    assert [image.getpixel((9, row)) for row in (0, 20, 40, 60)] == [(v, v, v) for v in (0, 1, 156, 255)]


def test_what_is_clear_is_white() -> None:
    image = pixels(Intake().sketch(attachments.grey_alpha()).png)
    assert (image.getpixel((5, 5)), image.getpixel((5, 60))) == ((255, 255, 255), (0, 0, 0))
    image = pixels(Intake().sketch(attachments.palette_alpha()).png)
    assert (image.getpixel((5, 5)), image.getpixel((5, 60))) == ((255, 255, 255), (0, 255, 0))


def test_half_clear_is_blended() -> None:
    half = attachments.saved(Image.new("RGBA", (64, 64), (255, 0, 0, 128)), "PNG")
    assert pixels(Intake().sketch(half).png).getpixel((5, 5)) == (255, 127, 127)


def test_cmyk_red_is_red() -> None:
    red, green, blue = pixels(Intake().sketch(attachments.cmyk()).png).getpixel((32, 32))  # type: ignore[misc]
    assert red > 240 and green < 15 and blue < 15


def test_a_turned_picture_stands_upright_and_says_nothing_of_where_it_was() -> None:
    png = Intake().sketch(attachments.turned()).png
    image = pixels(png)
    above, below = image.getpixel((96, 10)), image.getpixel((96, 245))
    assert isinstance(above, tuple) and isinstance(below, tuple)
    assert above[0] > 240 and above[2] < 15
    assert below[2] > 240 and below[0] < 15
    assert b"SECRETCAMERA" not in png


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_the_first_frame_is_taken(kind: str) -> None:
    assert pixels(Intake().sketch(attachments.moving(kind, 5)).png).getpixel((5, 5)) == (255, 0, 0)


def test_a_colour_profile_is_dropped() -> None:
    profiled = attachments.saved(attachments.plain(), "PNG", icc_profile=b"SECRETPROFILE" * 20)
    assert b"iCCP" not in Intake().sketch(profiled).png


def test_a_sound_picture_keeps_its_pixels() -> None:
    assert pixels(Intake().sketch(attachments.png()).png).tobytes() == attachments.plain().tobytes()


def test_more_than_10_mb_are_not_even_looked_at() -> None:
    with pytest.raises(BadSketch, match="10 MB"):
        Intake(child=Path("/nonexistent")).sketch(b"x" * (SKETCH_BYTES + 1))


@pytest.mark.fault("F41", "it has 1 GB of memory and no more")
def test_too_little_memory_is_told() -> None:
    large = attachments.raw_png(4000, 4000, 8, 2)
    with pytest.raises(BadSketch, match=r"too much memory|could not be read safely|damaged"):
        Intake(memory_bytes=60 * 2**20).sketch(large)


@pytest.mark.fault("F41", "the child that decodes may hang or die: refused in words")
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("import time; time.sleep(60)", "too long"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "read safely"),
        ("raise SystemExit(3)", "read safely"),
        ("pass", "read safely"),
    ],
)
def test_a_decoder_that_hangs_or_dies_is_told(tmp_path: Path, body: str, told: str) -> None:
    child = tmp_path / "child.py"
    child.write_text(body)
    with pytest.raises(BadSketch, match=told):
        Intake(child=child, wall_s=0.3 if "sleep" in body else 10.0).sketch(b"x")


@pytest.mark.fault("F41", "it is stopped after 5 s of computing")
def test_a_decoder_that_spins_is_stopped_by_the_cpu_limit(tmp_path: Path) -> None:
    child = tmp_path / "child.py"
    start = Intake().child.read_text().replace("def sketch(raw: bytes)", "def unused(raw: bytes)")
    spin = "\n\ndef sketch(raw):\n    while True:\n        pass\n\n\nif __name__"
    child.write_text(start.replace("\n\nif __name__", spin))
    with pytest.raises(BadSketch, match="read safely"):
        Intake(child=child, cpu_s=1).sketch(b"x")


def test_the_child_sees_no_secret_and_writes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "canary")
    child = tmp_path / "child.py"
    start = Intake().child.read_text().replace("def png(raw: bytes)", "def unused(raw: bytes)")
    child.write_text(start.replace("\n\nif __name__", f"{TELLTALE}\n\nif __name__"))
    monkeypatch.chdir(tmp_path)
    facts = Intake(child=child).png(b"x")
    assert "canary" not in facts.texts["env"]
    assert facts.texts["wrote"] == "False"


def test_a_png_brought_along() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("limner", '{"é": 1}')
    texts.add_text("parameters", "a heart", zip=True)
    facts = Intake().png(attachments.saved(attachments.plain(), "PNG", pnginfo=texts))
    assert facts.texts == {"limner": '{"é": 1}', "parameters": "a heart"}
    assert (facts.width, facts.height) == (256, 192)
    assert facts.pixels_digest == pixels_digest(256, 192, attachments.plain().tobytes())


@pytest.mark.parametrize("make", [lambda: b"", lambda: b"hello", lambda: attachments.moving("GIF", 2)])
def test_what_is_no_png(make: attachments.Maker) -> None:
    with pytest.raises(BadSketch, match=r"no PNG|empty"):
        Intake().png(make())


def test_a_png_that_is_damaged_or_a_bomb() -> None:
    with pytest.raises(BadSketch, match="damaged"):
        Intake().png(attachments.flipped(attachments.png()))
    with pytest.raises(BadSketch, match="too large"):
        Intake().png(attachments.raw_png(9000, 9000))


async def test_a_sketch_is_kept_by_digest(spot: Place) -> None:
    archive = await spot.open()
    info, notes = await archive.take_sketch(attachments.moving("GIF", 3), ANN)
    raw = await archive.file(info.digest, "sketch")
    assert hashlib.sha256(raw).hexdigest() == info.digest
    assert len(notes) == 1
    assert await archive.take_sketch(attachments.moving("GIF", 3), ANN) == (info, notes)
    assert await archive.sketch(info.digest, ANN) == info
    assert await archive.sketch("0" * 64, ANN) is None
    assert len(spot.rows("SELECT * FROM files WHERE kind = 'sketch'")) == 1
    with pytest.raises(BadSketch):
        await archive.take_sketch(b"nothing", ANN)
    assert len(list(spot.data.glob("sketches/*/*"))) == 1
    facts = await archive.read_png(raw)
    assert (facts.width, facts.height, facts.texts) == (info.width, info.height, {})
    await archive.close()


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "PNG"])
@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le"])
def test_words_in_exif_are_read_in_either_order_of_bytes(form: str, order: str) -> None:
    words = "a fox in the snow, ü 火 🦊\nSteps: 20"
    found = Intake().texts(foreign_files.with_comment(words, form, order, "a1111"))
    assert (found.texts["UserComment"], found.texts["MakerNote"]) == (words, "a1111")
    assert (found.width, found.height) == (64, 64)


def test_texts_are_read_wherever_they_stand_and_hostile_files_are_refused() -> None:
    assert Intake().texts(foreign_files.png({"Dream": "ü", "x" * 79: "y"})).texts == {"Dream": "ü", "x" * 79: "y"}
    for attachment in (each for each in REFUSED if each.name in ("html", "png cut at 60", "ztxt 200 MB")):
        with pytest.raises(BadSketch):
            Intake().texts(attachment.make())
