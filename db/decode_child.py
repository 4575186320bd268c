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
TOOLS = FORMATS[:3]
"""What tools write pictures in."""
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
    """Read, decode, answer; `mode` is sketch, mask, png, pixels or texts."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        raw = sys.stdin.buffer.read()
        does = {"sketch": sketch, "mask": mask, "png": png, "pixels": pixels, "texts": texts}
        answer, body = does[mode](raw)
    except Refused as refusal:
        answer, body = refusal.answer, b""
    except MemoryError:
        answer, body = {"refused": "memory"}, b""
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + body)


def sketch(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """Return a Sketch as it is stored: first frame, upright, 8-bit RGB on white, no side over 2048, bare PNG.

    Behind its bytes stand those of the mask of its transparent part, `mask` of them.
    """
    image, answer = upright(raw)
    clean = smaller(rgb(image))
    white = clear_part(image)
    clear = "none" if white is None else "whole" if white.getextrema()[0] else "part"
    behind = bare(white) if clear == "part" else b""
    answer |= {"width": clean.width, "height": clean.height, "clear": clear, "mask": len(behind)}
    return answer, bare(clean) + behind


def mask(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """Return a mask given apart as it is stored: like a Sketch, but black and white alone; white is painted."""
    image, answer = upright(raw)
    if clear_part(image) is not None:
        raise Refused("clear")
    white = two_tone(smaller(rgb(image).convert("L")))
    if white.getextrema()[1] == 0:
        raise Refused("black")
    return answer | {"width": white.width, "height": white.height}, bare(white)


def upright(raw: bytes) -> tuple[Any, dict[str, Any]]:
    """Return the first frame as it is to be seen, 8 bits a channel, and what it came as; refuse odd shapes."""
    from PIL import ImageOps

    image = opened(raw, FORMATS)
    width, height = image.size
    if min(width, height) < LEAST_SIDE and max(width, height) <= MOST_ASPECT * min(width, height):
        raise Refused("small", width, height)
    if max(width, height) > MOST_ASPECT * min(width, height):
        raise Refused("narrow", width, height)
    frames = int(getattr(image, "n_frames", 1))
    loaded(image)
    turned = eight_bits(ImageOps.exif_transpose(image))
    return turned, {"frames": frames, "came": list(turned.size)}


def smaller(image: Any) -> Any:
    """Return the image with no side over 2048."""
    from PIL import Image

    if max(image.size) <= STORED_SIDE:
        return image
    scale = STORED_SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def clear_part(image: Any) -> Any:
    """Return where an image is at least half transparent, white on black and no side over 2048; None where nowhere."""
    from PIL import ImageChops

    if not image.has_transparency_data:
        return None
    white = two_tone(smaller(ImageChops.invert(image.convert("RGBA").getchannel("A"))))
    return white if white.getextrema()[1] else None


def two_tone(image: Any) -> Any:
    """Return a grey image in black and white alone."""
    return image.point([0] * 128 + [255] * 128)


def bare(image: Any) -> bytes:
    """Return an image as PNG, made anew from the pixels alone, so that no profile, text or place comes along."""
    from PIL import Image

    out = io.BytesIO()
    Image.frombytes(image.mode, image.size, image.tobytes()).save(out, "PNG")
    return out.getvalue()


def png(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """Return a PNG's texts and size, and its pixels as RGB rows."""
    image = opened(raw, ("PNG",))
    loaded(image)
    clean = rgb(eight_bits(image))
    found = {str(key): str(value) for key, value in getattr(image, "text", {}).items()}
    return {"width": clean.width, "height": clean.height, "texts": found}, clean.tobytes()


def pixels(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the pixels of a PNG, JPEG or WebP as they stand in the file, as RGB rows, and its size."""
    image = opened(raw, TOOLS)
    loaded(image)
    clean = rgb(eight_bits(image))
    return {"width": clean.width, "height": clean.height}, clean.tobytes()


def texts(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """Return what any tool wrote into a file beside its pixels, by keyword, and its size."""
    image = opened(raw, TOOLS)
    width, height = image.size
    try:
        # Of a PNG this loads the pixels, for texts may stand behind them.
        found = {str(key): str(value) for key, value in getattr(image, "text", {}).items()}
        exif = image.getexif()
        own = exif.get_ifd(0x8769)
    except (OSError, SyntaxError, ValueError, KeyError, IndexError, TypeError) as error:
        raise Refused("damaged") from error
    for name, value in (("UserComment", own.get(0x9286)), ("MakerNote", own.get(0x927C)), ("limner", exif.get(0x010E))):
        if value and name not in found:
            found[name] = words_in(value)
    return {"width": width, "height": height, "texts": found}, b""


def words_in(value: Any) -> str:
    """Return an EXIF text: EXIF says by 8 signs how a comment is written, but not in which order of bytes."""
    if not isinstance(value, bytes):
        return str(value)
    head, body = value[:8], value[8:]
    if head == b"UNICODE\0":
        # The words are mostly Latin: the half of them that is zero is the higher one.
        little = body[1::2].count(0) > body[::2].count(0)
        return body.decode("utf-16-le" if little else "utf-16-be", "replace")
    return (body if head in (b"ASCII\0\0\0", bytes(8)) else value).decode("utf-8", "replace")


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


def eight_bits(image: Any) -> Any:
    """Return an image of 8 bits a channel; 16 are divided by 257, for converting would clip them."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    return image


def rgb(image: Any) -> Any:
    """Return RGB; what is clear becomes white."""
    from PIL import Image

    if image.has_transparency_data:
        over = image.convert("RGBA")
        white = Image.new("RGBA", over.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, over)
    return image.convert("RGB")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
