"""What goes out: the master PNG with text put in, JPEG, WebP and thumbnail, without a word on who asked or where."""

from __future__ import annotations

import io
import json
import struct
import zlib

from PIL import Image

from core.picture import Picture
from core.recipe import Paint, to_json
from core.records import Form

THUMB_SIDE = 256
USER_COMMENT = 0x9286
EXIF_IFD = 0x8769
IMAGE_DESCRIPTION = 0x010E
IHDR_END = 33

TYPES: dict[Form, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "thumb": "image/webp"}
A1111_SAMPLERS = {
    "ddim": "DDIM",
    "plms": "PLMS",
    "dpmpp-2m": "DPM++ 2M",
    "dpmpp-2m-sde": "DPM++ 2M SDE",
    "euler": "Euler",
    "euler-a": "Euler a",
    "heun": "Heun",
    "unipc": "UniPC",
    "lcm": "LCM",
    "lms": "LMS",
}


def form(master: bytes, picture: Picture, model: str, wanted: Form, *, recipe: bool) -> tuple[bytes, str]:
    """Return the file and its content type."""
    texts = said(picture, model) if recipe else {}
    if wanted == "png":
        return with_texts(master, texts), TYPES[wanted]
    image = Image.open(io.BytesIO(master), formats=("PNG",))
    image.load()
    if wanted == "thumb":
        image.thumbnail((THUMB_SIDE, THUMB_SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    extra = {"exif": exif(texts)} if texts else {}
    if wanted == "jpeg":
        image.save(out, "JPEG", quality=92, subsampling=0, **extra)
    elif wanted == "webp":
        # Every pixel as it is: it goes where the PNG is too large.
        image.save(out, "WEBP", lossless=True, **extra)
    else:
        image.save(out, "WEBP", quality=80, **extra)
    return out.getvalue(), TYPES[wanted]


def thumb(master: bytes) -> bytes:
    """Return a PNG of ours as a small WebP."""
    image = Image.open(io.BytesIO(master), formats=("PNG",))
    image.thumbnail((THUMB_SIDE, THUMB_SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "WEBP", quality=80)
    return out.getvalue()


def said(picture: Picture, model: str) -> dict[str, str]:
    """Return the texts that go out with a Picture, by keyword."""
    record = {
        "picture": picture.id,
        "recipe": to_json(picture.recipe),
        "fingerprint": picture.fingerprint.as_json() if picture.fingerprint else None,
        "pixels_digest": picture.pixels_digest,
    }
    # ASCII: so that one and the same text stands in a PNG and in EXIF.
    texts = {"limner": json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False)}
    if isinstance(picture.recipe, Paint):
        return {"parameters": parameters(picture.recipe, model), **texts}
    return texts


def parameters(recipe: Paint, model: str) -> str:
    """Return a Recipe in A1111's form, which other tools read."""
    facts: dict[str, str] = {
        "Steps": str(recipe.steps),
        "Sampler": _sampler(recipe.sampler),
        "CFG scale": f"{recipe.guidance:g}",
        "Seed": str(recipe.seed),
        "Size": f"{recipe.width}x{recipe.height}",
        "Model hash": recipe.model.digest[:10],
        "Model": model,
    }
    if recipe.strength is not None:
        facts["Denoising strength"] = f"{recipe.strength:g}"
    if recipe.vary is not None:
        facts |= {"Variation seed": str(recipe.vary.seed), "Variation seed strength": f"{recipe.vary.amount:g}"}
    if recipe.clip_skip:
        # A1111 counts the layers from the end, beginning at 1.
        facts["Clip skip"] = str(recipe.clip_skip + 1)
    facts |= {"RNG": "CPU", "Version": "Limner"}
    last = ", ".join(f"{name}: {_quoted(value)}" for name, value in facts.items() if value)
    negative = [f"Negative prompt: {recipe.negative_prompt}"] if recipe.negative_prompt else []
    return "\n".join([recipe.prompt, *negative, last])


def with_texts(master: bytes, texts: dict[str, str]) -> bytes:
    """Put iTXt chunks behind the header of a PNG; its pixels are not touched."""
    chunks = b"".join(_chunk(b"iTXt", _itxt(keyword, words)) for keyword, words in texts.items())
    return master[:IHDR_END] + chunks + master[IHDR_END:]


def exif(texts: dict[str, str]) -> bytes:
    """Return EXIF: `parameters` as UserComment, as A1111 does, and `limner` as ImageDescription."""
    found = Image.Exif()
    comment = texts.get("parameters", texts["limner"])
    found.get_ifd(EXIF_IFD)[USER_COMMENT] = b"UNICODE\0" + comment.encode("utf-16-be")
    found[IMAGE_DESCRIPTION] = texts["limner"]
    return found.tobytes()


def _sampler(sampler: str) -> str:
    plain = sampler.removesuffix("-karras")
    return A1111_SAMPLERS.get(plain, plain) + (" Karras" if plain != sampler else "")


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if set(value) & set(',:"\n') else value


def _itxt(keyword: str, words: str) -> bytes:
    # Keyword, not compressed, no language, no translated keyword.
    return keyword.encode("latin-1") + b"\0\0\0\0\0" + words.encode()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
