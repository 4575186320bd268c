"""Odd and hostile attachments, made in code: each with what must be said of it, or what must come of it."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image, PngImagePlugin

Maker = Callable[[], bytes]

UNREADABLE = "no picture I can read"
PHOTO = ", no picture I can"
OTHER = "no picture I can"
DAMAGED = "file is damaged"
LARGE = "too large"
NARROW = "too narrow"
SMALL = "too small"
EMPTY = "file is empty"
TEXTS = "too much text"
KINDS = "I can read PNG, JPEG, WebP and GIF."
SENTENCES: dict[str, tuple[str, ...]] = {
    UNREADABLE: ("This is no picture I can read.", KINDS),
    PHOTO: (
        "This is {}, no picture I can read.",
        KINDS,
        "Save it as JPEG first; an iPhone does so itself under Settings, Camera, Formats, Most Compatible.",
    ),  # fmt: skip
    OTHER: ("This is {}, no picture I can read.", KINDS, "Save it as PNG or JPEG first."),
    EMPTY: ("The file is empty.", KINDS),
    DAMAGED: ("The picture's file is damaged.", "Save it again, or send another."),
    LARGE: ("The picture is too large: {}.", "Send at most 16 megapixels and 8192 pixels a side."),
    SMALL: ("The picture is too small: {}.", "Send at least 64 pixels a side."),
    NARROW: ("The picture is too narrow: {}.", "Send at most 4:1."),
    TEXTS: ("The picture carries too much text.", "Save it again without its text."),
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """One attachment: `refused` is part of the sentence it must meet, else `size` is what comes out.

    size, or kind, of one refused: what its sentence names. pixels: places that must hold exactly these values,
    `near` apart.
    """

    name: str
    make: Maker
    refused: str = ""
    size: tuple[int, int] = (0, 0)
    noted: str = ""
    pixels: tuple[tuple[tuple[int, int], tuple[int, int, int]], ...] = ()
    near: int = 0
    kind: str = ""

    def told(self) -> str:
        """Return the whole sentence, with what to do, that everybody must read who sends it."""
        return " ".join(SENTENCES[self.refused]).format(self.kind or f"{self.size[0]}x{self.size[1]}")


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return one PNG chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def raw_png(
    width: int, height: int, bits: int = 1, colour: int = 0, *, filled: bool = True, extra: bytes = b""
) -> bytes:
    """Return a PNG of zeros of any size, without holding its pixels."""
    squeeze = zlib.compressobj(9)
    body = b""
    if filled:
        row = b"\0" * ((width * bits * (3 if colour == 2 else 1) + 7) // 8 + 1)
        for start in range(0, height, 64):
            body += squeeze.compress(row * min(64, height - start))
    body += squeeze.flush()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return an image as a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@functools.cache
def plain(width: int = 256, height: int = 192) -> Image.Image:
    """Return an image whose every corner differs."""
    image = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (image, image.transpose(Image.Transpose.ROTATE_180), image.point(lambda v: v // 2)))


def png() -> bytes:
    """Return a sound PNG."""
    return saved(plain(), "PNG")


def flipped(raw: bytes) -> bytes:
    """Return a file with one byte in its middle turned over."""
    found = bytearray(raw)
    found[len(found) // 2] ^= 0xFF
    return bytes(found)


def frames(count: int) -> list[Image.Image]:
    """Return images that differ."""
    return [Image.new("RGB", (64, 64), (255 - k, k, 0)) for k in range(count)]


def moving(kind: str, count: int) -> bytes:
    """Return a file of several frames; the first one is red."""
    first, *rest = frames(count)
    return saved(first, kind, save_all=True, append_images=rest, **({"lossless": True} if kind == "WEBP" else {}))


def turned() -> bytes:
    """Return a JPEG that lies on its side and says so, and says where it was taken: red on the left as stored."""
    image = Image.new("RGB", (256, 192), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, 128, 192))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SECRETCAMERA"
    exif.get_ifd(0x8825)[1] = "N"
    return saved(image, "JPEG", exif=exif, quality=95)


def grey16() -> bytes:
    """Return 16-bit grey: 0, 200, 40000 and 65535 in four bands."""
    values = (0, 200, 40000, 65535)
    rows = b"".join(struct.pack("<H", value) * 64 for value in values for _ in range(16))
    return saved(Image.frombytes("I;16", (64, 64), rows), "PNG")


def grey_alpha() -> bytes:
    """Return grey with alpha: black and clear above, black and whole below."""
    image = Image.new("LA", (64, 64), (0, 0))
    image.paste((0, 255), (0, 32, 64, 64))
    return saved(image, "PNG")


def palette_alpha() -> bytes:
    """Return a palette whose entry 0, black, is clear: it fills the upper half."""
    image = Image.new("P", (64, 64), 0)
    image.putpalette([0, 0, 0, 0, 255, 0])
    image.paste(1, (0, 32, 64, 64))
    return saved(image, "PNG", transparency=0)


def holed(size: tuple[int, int] = (96, 64), clear: int = 0) -> bytes:
    """Return a blue PNG whose left half is red and has the given alpha, 0 where it is clear."""
    image = Image.new("RGBA", size, (0, 0, 255, 255))
    image.paste((255, 0, 0, clear), (0, 0, size[0] // 2, size[1]))
    return saved(image, "PNG")


def opaque(size: tuple[int, int] = (96, 64)) -> bytes:
    """Return a PNG that comes to the same pixels as `holed`, and was never transparent."""
    image = Image.new("RGB", size, (0, 0, 255))
    image.paste((255, 255, 255), (0, 0, size[0] // 2, size[1]))
    return saved(image, "PNG")


def half_mask(size: tuple[int, int] = (96, 64), mode: str = "L", kind: str = "PNG") -> bytes:
    """Return a mask given apart, its left half white: what `holed` has clear."""
    image = Image.new("L", size, 0)
    image.paste(255, (0, 0, size[0] // 2, size[1]))
    return saved(image.convert(mode), kind)


def cmyk() -> bytes:
    """Return a JPEG in CMYK: no cyan, full magenta and yellow, which is red."""
    return saved(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG", quality=95)


def texted(size: int) -> bytes:
    """Return a PNG with a compressed text of that many bytes."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "A" * size, zip=True)
    return saved(Image.new("RGB", (64, 64)), "PNG", pnginfo=texts)


def big_tiff() -> bytes:
    """Return a TIFF that is small as a file and large in memory."""
    return saved(Image.new("L", (8000, 8000)), "TIFF", compression="tiff_lzw")


def pdf() -> bytes:
    """Return a PDF of one picture."""
    return saved(plain(), "PDF")


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
FITS = b"SIMPLE  =                    T".ljust(80) + b"BITPIX  =                    8".ljust(80) + b"END".ljust(2720)
PSD = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 64, 64, 8, 3) + b"\0" * 64
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
ICNS = b"icns" + struct.pack(">I", 16) + b"ic07" + struct.pack(">I", 8)

REFUSED = [
    Attachment("zero byte", lambda: b"", EMPTY),
    Attachment("text", lambda: b"hello world, not an image", UNREADABLE),
    Attachment("svg", lambda: SVG, UNREADABLE),
    Attachment("html", lambda: b"<html><script>alert(1)</script>", UNREADABLE),
    Attachment("heic", lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64, PHOTO, kind="HEIC"),
    Attachment("avif", lambda: saved(plain(), "AVIF"), OTHER, kind="AVIF"),
    Attachment("bmp", lambda: saved(plain(), "BMP"), OTHER, kind="BMP"),
    Attachment("ico", lambda: saved(plain(), "ICO"), OTHER, kind="ICO"),
    Attachment("ppm", lambda: saved(plain(), "PPM"), UNREADABLE),
    Attachment("eps", lambda: EPS, OTHER, kind="EPS"),
    Attachment("tiff lzw 8000", big_tiff, OTHER, kind="TIFF"),
    Attachment("fits", lambda: FITS, UNREADABLE),
    Attachment("psd", lambda: PSD, OTHER, kind="PSD"),
    Attachment("pdf", pdf, OTHER, kind="PDF"),
    Attachment("icns", lambda: ICNS, OTHER, kind="ICNS"),
    Attachment("png cut in half", lambda: png()[: len(png()) // 2], DAMAGED),
    Attachment("png cut at 60", lambda: png()[:60], DAMAGED),
    Attachment("png bit flip", lambda: flipped(png()), DAMAGED),
    Attachment("png 0x0", lambda: raw_png(0, 0, 8, filled=False), DAMAGED),
    Attachment("png 1x1", lambda: raw_png(1, 1, 8), SMALL, (1, 1)),
    Attachment("png 63x63", lambda: raw_png(63, 63, 8), SMALL, (63, 63)),
    Attachment("png 65000x1", lambda: raw_png(65000, 1, 8), LARGE, (65000, 1)),
    Attachment("png 8000x1000", lambda: raw_png(8000, 1000), NARROW, (8000, 1000)),
    Attachment("png 257x64", lambda: raw_png(257, 64), NARROW, (257, 64)),
    Attachment("jpeg cut in half", lambda: (j := saved(plain(), "JPEG"))[: len(j) // 2], DAMAGED),
    Attachment("bomb 9000", lambda: raw_png(9000, 9000), LARGE, (9000, 9000)),
    Attachment("bomb 13000", lambda: raw_png(13000, 13000), LARGE, (13000, 13000)),
    Attachment("bomb 30000", lambda: raw_png(30000, 30000), LARGE, (30000, 30000)),
    Attachment("header of 20000, no pixels", lambda: raw_png(20000, 20000, 8, 2, filled=False), LARGE, (20000, 20000)),
    Attachment("ztxt 200 MB", lambda: texted(200 * 2**20), TEXTS),
]

TAKEN = [
    Attachment("png", png, size=(256, 192)),
    Attachment("png 256x64", lambda: raw_png(256, 64), size=(256, 64)),
    Attachment(
        "png 4096x4096",
        lambda: raw_png(4096, 4096),
        size=(2048, 2048),
        noted="4096x4096 to 2048x2048",
        pixels=(((2047, 2047), (0, 0, 0)),),
    ),
    Attachment("png 3000x1500", lambda: raw_png(3000, 1500), size=(2048, 1024), noted="made smaller"),
    Attachment("jpeg", lambda: saved(plain(), "JPEG"), size=(256, 192)),
    Attachment("webp", lambda: saved(plain(), "WEBP"), size=(256, 192)),
    Attachment("1-bit", lambda: saved(plain().convert("1"), "PNG"), size=(256, 192)),
    Attachment(
        "16-bit grey",
        grey16,
        size=(64, 64),
        pixels=(((9, 0), (0, 0, 0)), ((9, 20), (1, 1, 1)), ((9, 40), (156, 156, 156)), ((9, 60), (255, 255, 255))),
    ),
    Attachment("grey with alpha", grey_alpha, size=(64, 64), pixels=(((5, 5), (255, 255, 255)), ((5, 60), (0, 0, 0)))),
    Attachment(
        "palette with alpha", palette_alpha, size=(64, 64), pixels=(((5, 5), (255, 255, 255)), ((5, 60), (0, 255, 0)))
    ),
    Attachment("cmyk", cmyk, size=(64, 64), pixels=(((32, 32), (255, 0, 0)),), near=15),
    Attachment("exif 6", turned, size=(192, 256), pixels=(((96, 10), (255, 0, 0)), ((96, 245), (0, 0, 255))), near=15),
    Attachment(
        "gif of 200", lambda: moving("GIF", 200), size=(64, 64), noted="200 frames", pixels=(((5, 5), (255, 0, 0)),)
    ),
    Attachment("apng", lambda: moving("PNG", 20), size=(64, 64), noted="20 frames", pixels=(((5, 5), (255, 0, 0)),)),
    Attachment(
        "webp of 20", lambda: moving("WEBP", 20), size=(64, 64), noted="20 frames", pixels=(((5, 5), (255, 0, 0)),)
    ),
    Attachment("ztxt 900 kB", lambda: texted(900 * 1024), size=(64, 64)),
]

ALL = [*REFUSED, *TAKEN]
