"""The self-test's word on each Model outlives the process, and holds for the same device and switches alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from db.archive import SqlArchive
from inference.device import DeviceChoice, device_name, known_facts
from inference.run import Run
from inference.selftests import SelfTests
from tests.support.archive import open_archive
from tests.support.painting import engine, paint_alone, recipe, registry

CHOICE = DeviceChoice("cpu", "float32", 1)


Mode = Literal["fast", "exact"]


async def kept(
    archive: SqlArchive, choice: DeviceChoice = CHOICE, sizes: Sequence[int] = (1, 2), mode: Mode = "fast"
) -> SelfTests:
    return await SelfTests.read(archive, choice, sizes, mode)


async def written(archive: SqlArchive, count: int) -> None:
    """Wait until so many words are in the log: they are written beside the device's thread."""
    while len(await archive.overrides()) < count:  # noqa: ASYNC110
        # What is known already is answered without leaving the loop.
        await asyncio.sleep(0)


async def test_a_word_is_found_at_the_next_start_and_under_the_same_facts_alone(tmp_path: Path) -> None:
    archive = await open_archive(tmp_path)
    first = await kept(archive)
    assert dict(first) == {} and first.ground("m1").promise == "untested"
    first["m1"] = "equal"
    first["m2"] = "differs"
    await written(archive, 2)
    again = await kept(archive)
    assert dict(again) == {"m1": "equal", "m2": "differs"}
    assert again.ground("m1").promise == "identical" and again.ground("m2").promise == "close"
    assert again.ground("m3").promise == "untested"
    for other in (replace(CHOICE, dtype="bfloat16"), replace(CHOICE, threads=2), replace(CHOICE, device="cuda")):
        assert dict(await kept(archive, other)) == {}
    assert dict(await kept(archive, sizes=(1, 2, 4))) == {}
    assert (await kept(archive, mode="exact")).ground("m2").promise == "identical"
    await archive.close()


async def test_another_version_of_torch_or_another_machine_is_tested_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = await open_archive(tmp_path)
    (await kept(archive))["m1"] = "equal"
    await written(archive, 1)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    assert dict(await kept(archive)) == {}
    await archive.close()


def test_what_is_known_without_torch_is_what_a_fingerprint_says() -> None:
    local = engine(registry(), {})
    local.warm()
    run = Run("j", 0, "p", recipe(registry().card("tiny"), steps=1))
    made_by = paint_alone(local, run).fingerprint.facts
    facts = known_facts(CHOICE)
    assert {"torch", "device", "dtype", "threads"} <= set(facts)
    assert {key: made_by[key] for key in facts} == facts


def test_a_device_the_system_does_not_name_has_its_kind() -> None:
    assert device_name("cuda") and device_name("cpu")


def test_the_engine_takes_a_kept_word_and_keeps_a_new_one() -> None:
    card = registry().card("tiny")
    verdicts: dict[str, str] = {}
    engine(registry(), verdicts=verdicts, sizes=(1, 2)).warm()
    assert verdicts[card.digest] in ("equal", "differs")
    kept_word = {card.digest: "as kept"}
    local = engine(registry(), verdicts=kept_word, sizes=(1, 2))
    local.warm()
    painted = paint_alone(local, Run("j", 0, "p", recipe(card, steps=1)))
    assert painted.fingerprint.facts["self_test"] == "as kept" and kept_word == {card.digest: "as kept"}
