"""Every attachment through every face (faults F30-F39): one sentence, exact pixels, nothing kept or charged in vain."""

from __future__ import annotations

import functools
import io
import re
from pathlib import Path

import pytest
from PIL import Image
from yarl import URL

from core.draft import SKETCH_BYTES
from core.wording import TOO_MANY_BYTES
from tests.support import page
from tests.support.attachments import ALL, REFUSED, TAKEN, Attachment, plain
from tests.support.discord_double import world
from tests.support.faces import FACES, Face, opened

WORDS = "a boat --steps 1 --strength 0.5 --size 64x64"
BY_NAME = {each.name: each for each in ALL}


@functools.cache
def made(name: str) -> bytes:
    """Make an attachment once for all faces."""
    return BY_NAME[name].make()


@pytest.mark.fault("F30", "empty files, text, SVG, HTML, HEIC: one sentence on every face")
@pytest.mark.fault("F31", "cut or damaged files: refused as damaged")
@pytest.mark.fault("F32", "bombs of 9,000 to 30,000 pixels a side: refused by their header")
@pytest.mark.fault("F33", "200 MB of compressed text: refused")
@pytest.mark.fault("F34", "FITS, PSD, EPS, TIFF, AVIF, PDF, ICNS: refused unopened, by name where it is known")
@pytest.mark.fault("F39", "1x1, 65000x1 and what is narrower than 4:1: refused with the size")
@pytest.mark.parametrize("face", FACES)
async def test_refused_in_one_sentence_and_nothing_is_kept_or_charged(face: str, tmp_path: Path) -> None:
    async with opened(face, tmp_path) as here:
        for attachment in REFUSED:
            told = await here.say(WORDS, made(attachment.name))
            assert not told.accepted, attachment.name
            assert told.text == here.shown(attachment.told()), attachment.name
        told = await here.say(WORDS, b"\x89PNG\r\n\x1a\n" + bytes(SKETCH_BYTES))
        assert told.text == here.shown(" ".join(TOO_MANY_BYTES))
        assert here.counts() == {"jobs": 0, "ledger": 0, "files": 0, "disk": 0}


@pytest.mark.fault("F35", "of moving pictures the first frame is taken, and it is said")
@pytest.mark.fault("F36", "CMYK, palettes, 1 bit, alpha: to the exact pixels, clear is white")
@pytest.mark.fault("F37", "16 bits are divided, not clipped")
@pytest.mark.fault("F38", "turned upright by EXIF, and nothing of EXIF is kept")
@pytest.mark.parametrize("face", FACES)
async def test_taken_to_the_exact_pixels_and_said_what_was_mended(face: str, tmp_path: Path) -> None:
    async with opened(face, tmp_path) as here:
        for number, attachment in enumerate(TAKEN, 1):
            told = await here.say(WORDS, made(attachment.name))
            assert told.accepted, (attachment.name, told.text)
            assert here.shown(attachment.noted) in told.text, attachment.name
            look(here, attachment)
            assert here.rows("SELECT count(*) FROM jobs") == [(number,)]
        holds = here.rows("SELECT count(*) FROM ledger WHERE kind = 'hold'")
        assert holds == [(len(TAKEN),)], "each is held for once"


def look(here: Face, attachment: Attachment) -> None:
    """Look at the Sketch the newest Recipe starts from, as it lies on the disk."""
    [(digest,)] = here.rows("SELECT json_extract(recipe, '$.sketch.digest') FROM pictures ORDER BY id DESC LIMIT 1")
    raw = (here.data / "sketches" / digest[:2] / f"{digest}.png").read_bytes()
    image = Image.open(io.BytesIO(raw), formats=("PNG",))
    image.load()
    assert (image.mode, image.info, image.size) == ("RGB", {}, attachment.size), attachment.name
    assert b"SECRETCAMERA" not in raw
    for place, value in attachment.pixels:
        found = image.getpixel(place)
        assert isinstance(found, tuple)
        assert max(abs(a - b) for a, b in zip(found, value, strict=True)) <= attachment.near, (attachment.name, place)
    if attachment.name == "png":
        assert image.tobytes() == plain().tobytes()


NAMES = ("../../evil.png", "/etc/evil.png", "..\\evil.png", "evil\x00.png", "<script>.png", "a" * 300 + ".png")


@pytest.mark.fault("F55", "no name somebody chose reaches the disk or an address")
async def test_no_name_somebody_chose_reaches_the_disk(tmp_path: Path) -> None:
    """Discord alone hands over names; paths typed into an address find nothing either."""
    for name in ("discord", "page"):
        (tmp_path / name).mkdir()
    async with world(tmp_path / "discord") as here:
        ann = here.person("ann")
        for name in NAMES:
            await ann.slash(here.channel, "imagine", prompt=WORDS, sketch=(name, made("png")))
        await here.delivered(len(NAMES))
        sent = {each["filename"] for card in here.cards() for each in card.attachments}
        assert all(re.fullmatch(r"limner-[0-9A-Z]{26}\.png", name) for name in sent)
    async with page.running(tmp_path / "page") as site, page.visiting(site) as browser:
        (tmp_path / "page" / "env").write_text("DISCORD_TOKEN=secret")
        for way in ("/static/../env", "/static/%2e%2e/%2e%2e/env", "/static/..%2fenv", "/static//env",
                    "/api/pictures/..%2f..%2fenv/file", "/api/sketches/..%2f..%2fenv"):  # fmt: skip
            async with browser.get(URL(f"{site.base}{way}", encoded=True)) as answer:
                assert answer.status in (403, 404) and "secret" not in await answer.text(), way
    assert on_disk(tmp_path) == []


def on_disk(folder: Path) -> list[str]:
    """Return the names of files that Limner would not have given."""
    ours = r"[0-9a-f]{64}\.png|limner\.db(-wal|-shm)?|payer\.key|env|limner\.log"
    return [path.name for path in folder.rglob("*") if path.is_file() and not re.fullmatch(ours, path.name)]
