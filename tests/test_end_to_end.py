"""The whole program with the real engine: ask, get a PNG, paint it again, bit for bit, also in a new process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.person import OWNER
from tests.support.archive import png
from tests.support.program import PLACE, ask, done, ended, running
from tests.support.tiny_model import shared_tiny_model

ONE_THREAD = {"LIMNER__ENGINE__THREADS": "1"}


def tiny(**more: str) -> dict[str, str]:
    folders = f'{{tiny = "{shared_tiny_model()}"}}'
    return {**ONE_THREAD, "LIMNER__MODELS__DEFAULT": "tiny", "LIMNER__MODELS__FOLDERS": folders, **more}


async def test_the_built_in_model_paints_and_a_new_process_paints_it_again(tmp_path: Path) -> None:
    async with running(tmp_path, environ=ONE_THREAD) as program:
        first = await done(program, "a red heart --seed 42 --steps 8")
        raw, _ = await program.studio.picture_file(OWNER, PLACE, first["pictures"][0]["id"], "png", True)
    async with running(tmp_path, environ=ONE_THREAD) as program:
        again = await done(program, f"/reproduce {first['pictures'][0]['id']}")
        assert again["sentence"] == "identical"
        assert again["pictures"][0]["pixels_digest"] == first["pictures"][0]["pixels_digest"]
        [by_file] = await program.studio.reproduce_file(OWNER, PLACE, "file", raw)
        assert (await ended(program, by_file["id"]))["sentence"] == "identical"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
async def test_four_jobs_at_once_each_reproduce_identical(tmp_path: Path, dtype: str) -> None:
    """Different steps, samplers and guidance, one with a sketch: they share calls, and each comes back alone."""
    async with running(tmp_path, environ=tiny(LIMNER__ENGINE__DTYPE=dtype)) as program:
        sketch = (await program.studio.take_sketch(OWNER, PLACE, png(size=(96, 64))))["digest"]
        asked = [
            await ask(program, "a cat --steps 9 --sampler euler --guidance 6 --seed 1"),
            await ask(program, "a dog --steps 14 --sampler ddim --guidance 1 --seed 2"),
            await ask(program, "a fish --steps 7 --sampler dpmpp-2m-karras --guidance 3.5 --seed 3"),
            await ask(program, "a tree --steps 12 --sampler euler-a --size 64x64 --seed 4", sketch=sketch),
        ]
        sheets = await asyncio.gather(*(ended(program, job["id"]) for job in asked))
        traces = [sheet["pictures"][0]["fingerprint"]["trace"] for sheet in sheets]  # type: ignore[index]
        assert any(size > 2 for trace in traces for size, _ in trace), "they shared no call"
        for sheet in sheets:
            again = await done(program, f"/reproduce {sheet['pictures'][0]['id']}")
            assert again["sentence"] == "identical", (sheet["pictures"][0]["facts"], again["sentence"])


async def test_another_dtype_is_named_where_it_cannot_be_compared_and_applied_where_it_can(tmp_path: Path) -> None:
    async with running(tmp_path, environ=tiny(LIMNER__ENGINE__DTYPE="float32")) as program:
        first = await done(program, "a cat --steps 5 --seed 1")
    async with running(tmp_path, environ=tiny(LIMNER__ENGINE__DTYPE="bfloat16")) as program:
        again = await done(program, f"/reproduce {first['pictures'][0]['id']}")
        assert again["sentence"] == "identical"
        assert again["pictures"][0]["fingerprint"]["dtype"] == "float32"  # type: ignore[index]
