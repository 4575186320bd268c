"""The small parts of the composition root: what the owner sets of the engine reaches a Run's Key and its promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config import Config, load
from core.errors import BadConfig
from inference import memory
from inference.addons import AddOnFiles
from inference.selftests import SelfTests
from parts import local, read_device
from tests.support.archive import open_archive
from tests.support.painting import recipe, registry, runs_of
from tests.support.tiny_model import shared_tiny_model

HOME = Path(__file__).parents[1]


def configured(**over: str) -> Config:
    environ = {f"LIMNER__ENGINE__{name}": value for name, value in {"THREADS": "1", "DTYPE": "float32", **over}.items()}
    return load(HOME / "config.toml", Path("none.toml"), environ).config


async def test_memory_format_and_attention_reach_the_device(tmp_path: Path) -> None:
    archive = await open_archive(tmp_path)
    config = configured(MEMORY_FORMAT="channels_last", ATTENTION="fused-qkv")
    device = await read_device(config, archive, shared_tiny_model())
    tests = await SelfTests.read(archive, device, (1, 2), "fast")
    run = runs_of([recipe(registry().card("tiny"))])[0]
    local(config, device, registry(), AddOnFiles(), lambda digest, kind: b"", tests).begin(run)
    assert run.key is not None
    assert (run.key.memory_format, run.key.attention) == ("channels_last", "fused-qkv")
    facts = tests.ground("m").facts
    assert (facts["memory_format"], facts["attention"]) == ("channels_last", "fused-qkv")
    await archive.close()


async def test_the_profile_suits_the_memory_of_the_first_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = await open_archive(tmp_path)
    monkeypatch.setattr(memory, "free_ram", lambda: 5_000_000)
    device = await read_device(configured(), archive, shared_tiny_model())
    assert device.profile == "low"
    run = runs_of([recipe(registry().card("tiny"))])[0]
    tests = await SelfTests.read(archive, device, (1, 2), "fast")
    local(configured(), device, registry(), AddOnFiles(), lambda digest, kind: b"", tests).begin(run)
    assert run.key is not None and run.key.profile == "low" == tests.ground("m").facts["profile"]
    monkeypatch.setattr(memory, "free_ram", lambda: 5_000_000_000)
    assert (await read_device(configured(), archive, shared_tiny_model())).profile == "low", "it was written down"
    assert (await read_device(configured(PROFILE="high"), archive, shared_tiny_model())).profile == "high"
    with pytest.raises(BadConfig, match="fused-qkv does not go with the memory profile low"):
        await read_device(configured(ATTENTION="fused-qkv"), archive, shared_tiny_model())
    await archive.close()


async def test_both_are_as_they_come_where_nobody_set_them(tmp_path: Path) -> None:
    archive = await open_archive(tmp_path)
    device = await read_device(configured(), archive, shared_tiny_model())
    assert (device.memory_format, device.attention, device.profile) == ("contiguous", "sdpa", "high")
    await archive.close()
