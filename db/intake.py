"""Attachments checked and normalised in a limited child process; what was wrong or mended, in words."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.draft import SKETCH_BYTES, Clear
from core.errors import BadSketch
from core.picture import pixels_digest
from core.records import FileTexts, PngFacts
from core.unread import unreadable
from core.wording import TOO_MANY_BYTES, UNREADABLE

Mode = Literal["sketch", "mask", "png", "pixels", "texts"]
CHILD = Path(__file__).with_name("decode_child.py")


@dataclass(frozen=True, slots=True)
class Clean:
    """A Sketch or mask as it is stored: a bare PNG with its size, and what was done to it.

    clear: how much of a Sketch came transparent; mask: the PNG of that part, empty where it is none or all.
    """

    png: bytes
    width: int
    height: int
    notes: tuple[str, ...]
    clear: Clear = "none"
    mask: bytes = b""


@dataclass(frozen=True, slots=True)
class Intake:
    """Start the child and read its answer; every method blocks, so call it in the pool."""

    child: Path = CHILD
    wall_s: float = 10.0
    cpu_s: int = 5
    memory_bytes: int = 1024**3

    def sketch(self, raw: bytes) -> Clean:
        """Check and normalise an attachment; raise BadSketch with the reason."""
        answer, body = self._decode("sketch", raw)
        whole = len(body) - answer["mask"]
        notes = tuple(_notes(answer))
        return Clean(body[:whole], answer["width"], answer["height"], notes, answer["clear"], body[whole:])

    def mask(self, raw: bytes) -> Clean:
        """Check and normalise a mask given apart; raise BadSketch with the reason."""
        answer, png = self._decode("mask", raw)
        return Clean(png, answer["width"], answer["height"], tuple(_notes(answer)))

    def png(self, raw: bytes) -> PngFacts:
        """Read a PNG's texts and pixels; raise BadSketch where it is none."""
        answer, rgb = self._decode("png", raw)
        width, height = answer["width"], answer["height"]
        return PngFacts(dict(answer["texts"]), pixels_digest(width, height, rgb), width, height)

    def texts(self, raw: bytes) -> FileTexts:
        """Read the texts of a PNG, JPEG or WebP; raise BadSketch where it is none."""
        answer, _ = self._decode("texts", raw)
        return FileTexts(dict(answer["texts"]), answer["width"], answer["height"])

    def pixels(self, raw: bytes) -> tuple[int, int, bytes]:
        """Return the width, height and RGB rows of a PNG, JPEG or WebP; raise BadSketch where it is none."""
        answer, rgb = self._decode("pixels", raw)
        return answer["width"], answer["height"], rgb

    def _decode(self, mode: Mode, raw: bytes) -> tuple[dict[str, Any], bytes]:
        if len(raw) > SKETCH_BYTES:
            raise BadSketch(*TOO_MANY_BYTES)
        call = [sys.executable, "-I", str(self.child), mode, str(self.cpu_s), str(self.memory_bytes)]
        try:
            # No environment: a decoder that was taken over finds no secret.
            done = subprocess.run(
                call, input=raw, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=self.wall_s, env={}
            )
        except subprocess.TimeoutExpired as error:
            raise BadSketch("The picture takes too long to read.", "Save it again, or send another.") from error
        head, _, body = done.stdout.partition(b"\n")
        if done.returncode != 0 or not head:
            raise BadSketch("The picture could not be read safely.", "Save it again as PNG, or send another.")
        answer: dict[str, Any] = json.loads(head)
        if "refused" in answer:
            raise _refusal(answer, mode, raw)
        return answer, body


def _notes(answer: dict[str, Any]) -> list[str]:
    notes = []
    if answer["frames"] > 1:
        notes.append(f"Your picture has {answer['frames']} frames; the first one was taken.")
    across, down = answer["came"]
    if [across, down] != [answer["width"], answer["height"]]:
        notes.append(f"Your picture was made smaller, from {across}x{down} to {answer['width']}x{answer['height']}.")
    return notes


def _refusal(answer: dict[str, Any], mode: str, raw: bytes) -> BadSketch:
    size = f"{answer.get('width')}x{answer.get('height')}"
    known = {
        "empty": ("The file is empty.", "Send a PNG." if mode == "png" else UNREADABLE[1]),
        "unknown": ("This is no PNG.", "Send the PNG as it was downloaded.") if mode == "png" else unreadable(raw),
        "damaged": ("The picture's file is damaged.", "Save it again, or send another."),
        "texts": ("The picture carries too much text.", "Save it again without its text."),
        "large": (f"The picture is too large: {size}.", "Send at most 16 megapixels and 8192 pixels a side."),
        "small": (f"The picture is too small: {size}.", "Send at least 64 pixels a side."),
        "narrow": (f"The picture is too narrow: {size}.", "Send at most 4:1."),
        "clear": ("The mask has a transparent part.", "Send it in black and white: white is painted, black is kept."),
        "black": ("The mask is all black: nothing would be painted.", "White is painted, black is kept."),
        "memory": ("The picture needs too much memory to read.", "Send a smaller one."),
    }
    return BadSketch(*known[answer["refused"]])
