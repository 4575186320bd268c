"""The second promise, through the whole program: an equal Recipe asked again among other strangers."""

from __future__ import annotations

import asyncio
from pathlib import Path

from build import Program
from core.sheet import JobSheet
from tests.support.program import ask, done, ended, running
from tests.support.tiny_model import shared_tiny_model

WORDS = "a red fox --seed 11 --steps 30 --sampler dpmpp-2m --guidance 30 --n 5"
MANY = [
    "a cat --seed 1 --steps 12",
    "a dog --seed 2 --steps 7 --guidance 1 --sampler ddim",
    "a tree --seed 3 --steps 9",
]


def tiny(mode: str) -> dict[str, str]:
    return {
        "LIMNER__ENGINE__THREADS": "1",
        "LIMNER__ENGINE__DTYPE": "float32",
        "LIMNER__ENGINE__MODE": mode,
        "LIMNER__MODELS__DEFAULT": "tiny",
        "LIMNER__MODELS__FOLDERS": f'{{tiny = "{shared_tiny_model()}"}}',
    }


async def test_an_equal_recipe_is_identical_among_any_company_in_mode_exact(tmp_path: Path) -> None:
    """In mode fast some of these Pictures come out another way, so that the strangers do make a difference."""
    made = {}
    for mode in ("exact", "fast"):
        data = tmp_path / mode
        data.mkdir()
        async with running(data, environ=tiny(mode), start=False) as program:
            crowded = await among(program, MANY)
            promised = (await program.studio.health())["equal_recipe"]
        async with running(data, environ=tiny(mode)) as program:
            assert (await program.studio.health())["equal_recipe"] == promised, "the self-test's word was not kept"
            alone = await done(program, WORDS)
        made[mode] = (promised, pixels(crowded) == pixels(alone), alone["notes"])
        assert recipes(crowded) == recipes(alone)
        assert (traces(crowded) == traces(alone)) == (mode == "exact")
    assert made["exact"] == ("identical", True, [])
    promised, same, notes = made["fast"]
    # Where rows do not matter, as in bfloat16 on some CPUs, the self-test knows it and nothing need be said.
    assert (promised, same, "within 2/255 a value" in str(notes)) in (
        ("close", False, True),
        ("identical", True, False),
    )


async def among(program: Program, strangers: list[str]) -> JobSheet:
    """Ask for the Recipes behind strangers, before the device is there, so that they share its calls."""
    jobs = [await ask(program, words) for words in [*strangers, WORDS]]
    await program.start()
    sheets = await asyncio.gather(*(ended(program, job["id"]) for job in jobs))
    assert all(sheet["state"] == "delivered" for sheet in sheets)
    return sheets[-1]


def pixels(job: JobSheet) -> list[str | None]:
    return [picture["pixels_digest"] for picture in job["pictures"]]


def recipes(job: JobSheet) -> list[str]:
    return [picture["recipe_digest"] for picture in job["pictures"]]


def traces(job: JobSheet) -> list[object]:
    return [(picture["fingerprint"] or {})["trace"] for picture in job["pictures"]]
