"""Decode one attachment in a process of its own, under limits: bytes on stdin, a line of JSON and bytes on stdout.

Run as a script by `db/intake.py`, isolated (`python -I`), so it imports nothing of Limner.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from typing import Any

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"GIF8")
MOST_PIXELS = 16 * 1024 * 1024
MOST_SIDE = 8192
LEAST_SIDE = 64
MOST_ASPECT = 4
STORED_SIDE = 2048


class Refused(Exception):
    """Say by a word, and the size where it is known, why the picture is refused."""

    def __init__(self, word: str, width: int = 0, height: int = 0) -> None:
        super().__init__(word)
        self.answer: dict[str, Any] = {"refused": word, "width": width, "height": height}


def main(mode: str, cpu_s: int, memory_bytes: int) -> None:
    """Read, decode, answer; `mode` is sketch or png."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        raw = sys.stdin.buffer.read()
        answer, body = sketch(raw) if mode == "sketch" else png(raw)
    except Refused as refusal:
        answer, body = refusal.answer, b""
    except MemoryError:
        answer, body = {"refused": "memory"}, b""
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + body)


def sketch(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """Return a Sketch as it is stored: first frame, upright, 8-bit RGB on white, no side over 2048, bare PNG."""
    from PIL import Image, ImageOps

    image = opened(raw, FORMATS)
    width, height = image.size
    if min(width, height) < LEAST_SIDE and max(width, height) <= MOST_ASPECT * min(width, height):
        raise Refused("small", width, height)
    if max(width, height) > MOST_ASPECT * min(width, height):
        raise Refused("narrow", width, height)
    frames = int(getattr(image, "n_frames", 1))
    loaded(image)
    upright = ImageOps.exif_transpose(image)
    clean = rgb(upright)
    if max(clean.size) > STORED_SIDE:
        scale = STORED_SIDE / max(clean.size)
        size = (max(1, round(clean.width * scale)), max(1, round(clean.height * scale)))
        clean = clean.resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    # Made anew from the pixels alone, so that no profile, text or place comes along.
    Image.frombytes("RGB", clean.size, clean.tobytes()).save(out, "PNG")
    answer = {"width": clean.width, "height": clean.height, "frames": frames, "came": list(upright.size)}
    return answer, out.getvalue()


def png(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """Return a PNG's texts and size, and its pixels as RGB rows."""
    image = opened(raw, ("PNG",))
    loaded(image)
    clean = rgb(image)
    found = {str(key): str(value) for key, value in getattr(image, "text", {}).items()}
    return {"width": clean.width, "height": clean.height, "texts": found}, clean.tobytes()


def opened(raw: bytes, formats: tuple[str, ...]) -> Any:
    """Open without decoding, and check the size: Pillow's own check of it comes too late."""
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None
    if not raw:
        raise Refused("empty")
    try:
        image = Image.open(io.BytesIO(raw), formats=formats)
    except UnidentifiedImageError as error:
        raise Refused("damaged" if raw.startswith(MAGIC) and len(formats) > 1 else "unknown") from error
    except ValueError as error:
        raise Refused("texts") from error
    except (OSError, SyntaxError) as error:
        raise Refused("damaged") from error
    width, height = image.size
    if width < 1 or height < 1:
        raise Refused("damaged")
    if width * height > MOST_PIXELS or max(width, height) > MOST_SIDE:
        raise Refused("large", width, height)
    return image


def loaded(image: Any) -> None:
    """Decode the first frame, or say that the file is damaged."""
    try:
        image.load()
    except (OSError, SyntaxError, ValueError, IndexError) as error:
        raise Refused("damaged") from error


def rgb(image: Any) -> Any:
    """Return 8-bit RGB; 16 bits are divided by 257, for converting would clip them; what is clear becomes white."""
    from PIL import Image

    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    if image.has_transparency_data:
        over = image.convert("RGBA")
        white = Image.new("RGBA", over.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, over)
    return image.convert("RGB")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
