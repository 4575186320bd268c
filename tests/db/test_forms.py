"""What goes out: the master untouched, its texts readable by others, and nobody named."""

from __future__ import annotations

import io
import json
import zlib
from typing import Any

import pytest
from PIL import Image

from core.limits import Limits
from core.picture import Picture, pixels_digest
from core.recipe import ModelRef, Sketch, Upscale, Variation, from_json, to_json
from core.records import Form
from db import forms
from db.archive import SqlArchive
from tests.support.archive import new_job, painted, recipe

NONE = Limits()
CFG = "Steps: 2, Sampler: Euler, CFG scale: 3, Seed: 1, Size: 64x64, Model hash: ababababab, Model: tiny"


async def stored(archive: SqlArchive, **over: Any) -> Picture:
    """Paint one Picture."""
    await archive.accept([new_job("discord:4242", typed="TYPED", **over)], NONE)
    claimed = await archive.claim("w", 15)
    assert claimed
    return await archive.store(claimed[0], claimed[1][0], painted(claimed[1][0]))


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """Return a PNG's chunks, each with a sound checksum."""
    found, at = [], 8
    while at < len(png):
        size = int.from_bytes(png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert int.from_bytes(png[at + 8 + size : at + 12 + size]) == zlib.crc32(kind + body)
        found.append((kind, body))
        at += 12 + size
    return found


def exif(raw: bytes) -> tuple[str, dict[str, Any]]:
    """Return UserComment and the `limner` JSON of a JPEG or WebP."""
    found = Image.open(io.BytesIO(raw)).getexif()
    comment = found.get_ifd(0x8769)[0x9286]
    assert comment.startswith(b"UNICODE\0")
    return comment[8:].decode("utf-16-be"), json.loads(found[0x010E])


async def test_a_png_gets_its_texts_without_being_encoded_again(archive: SqlArchive) -> None:
    picture = await stored(archive, prompt="ein Herz ❤, rot", negative_prompt="blau")
    master = await archive.file(picture.file_digest or "", "picture")
    raw, kind = await archive.form(picture, "png", recipe=True)
    assert kind == "image/png"
    before, after = chunks(master), chunks(raw)
    assert [each for each in after if each[0] != b"iTXt"] == before
    assert after[0] == before[0]
    texts = Image.open(io.BytesIO(raw)).text  # type: ignore[attr-defined]
    assert texts["parameters"] == f"ein Herz ❤, rot\nNegative prompt: blau\n{CFG}, RNG: CPU, Version: Limner"
    record = json.loads(texts["limner"])
    assert record["picture"] == picture.id
    assert from_json(record["recipe"]) == picture.recipe
    assert record["fingerprint"] == {"trace": [[1, 2]], "torch": "2", "device": "test"}
    assert record["pixels_digest"] == picture.pixels_digest == pixels_digest(64, 64, _rgb(raw))


def _rgb(raw: bytes) -> bytes:
    return Image.open(io.BytesIO(raw)).convert("RGB").tobytes()


async def test_bare_means_the_master(archive: SqlArchive) -> None:
    picture = await stored(archive)
    raw, _ = await archive.form(picture, "png", recipe=False)
    assert raw == await archive.file(picture.file_digest or "", "picture")
    assert {kind for kind, _ in chunks(raw)} == {b"IHDR", b"IDAT", b"IEND"}


@pytest.mark.parametrize(("form", "kind"), [("jpeg", "image/jpeg"), ("webp", "image/webp"), ("thumb", "image/webp")])
async def test_other_forms_say_the_same_in_exif(archive: SqlArchive, form: Form, kind: str) -> None:
    picture = await stored(archive, prompt="ein Herz ❤")
    raw, said = await archive.form(picture, form, recipe=True)
    assert said == kind
    comment, record = exif(raw)
    assert comment.startswith("ein Herz ❤\nSteps: 2")
    assert from_json(record["recipe"]) == picture.recipe
    bare, _ = await archive.form(picture, form, recipe=False)
    assert not Image.open(io.BytesIO(bare)).getexif()
    assert Image.open(io.BytesIO(bare)).size == (64, 64)


async def test_a_thumbnail_has_at_most_256_a_side(archive: SqlArchive) -> None:
    picture = await stored(archive, width=512, height=320)
    raw, _ = await archive.form(picture, "thumb", recipe=False)
    assert Image.open(io.BytesIO(raw)).size == (256, 160)
    raw, _ = await archive.form(picture, "webp", recipe=False)
    assert Image.open(io.BytesIO(raw)).size == (512, 320)


@pytest.mark.parametrize("form", ["png", "jpeg", "webp", "thumb"])
async def test_nobody_is_named(archive: SqlArchive, form: Form) -> None:
    picture = await stored(archive)
    raw, _ = await archive.form(picture, form, recipe=True)
    for secret in ("4242", "discord", "channel", "TYPED"):
        assert secret.encode() not in raw
        assert secret.encode("utf-16-be") not in raw


def test_parameters_of_every_kind() -> None:
    full = recipe(
        sampler="dpmpp-2m-karras",
        guidance=7.5,
        sketch=Sketch("cd" * 32),
        strength=0.6,
        vary=Variation(9, 0.25),
        clip_skip=1,
        model=ModelRef("sd", "0123456789abcdef"),
    )
    assert forms.parameters(full, "my model, v2: best").splitlines()[-1] == (
        "Steps: 2, Sampler: DPM++ 2M Karras, CFG scale: 7.5, Seed: 1, Size: 64x64, Model hash: 0123456789, "
        'Model: "my model, v2: best", Denoising strength: 0.6, Variation seed: 9, Variation seed strength: 0.25, '
        "Clip skip: 2, RNG: CPU, Version: Limner"
    )


def test_every_sampler_has_a_name_for_others() -> None:
    from core.recipe import SAMPLERS

    named = {forms._sampler(sampler) for sampler in SAMPLERS}
    assert len(named) == len(SAMPLERS)
    assert not named & set(SAMPLERS)


def test_an_upscale_has_no_parameters() -> None:
    upscale = Upscale("ab" * 32, 128, 128)
    picture = Picture("P", "J", 0, upscale, "", 0, "stored")
    said = forms.said(picture, "tiny")
    assert set(said) == {"limner"}
    assert json.loads(said["limner"])["recipe"] == to_json(upscale)
    assert forms.exif(said)
