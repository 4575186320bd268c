"""The small parts of the composition root: what the owner sets of the engine reaches a Run's Key and its promise."""

from __future__ import annotations

from pathlib import Path

from core.config import Config, load
from inference.selftests import SelfTests
from parts import local, read_device
from tests.support.archive import open_archive
from tests.support.painting import recipe, registry, runs_of

HOME = Path(__file__).parents[1]


def configured(**over: str) -> Config:
    environ = {f"LIMNER__ENGINE__{name}": value for name, value in {"THREADS": "1", "DTYPE": "float32", **over}.items()}
    return load(HOME / "config.toml", Path("none.toml"), environ).config


async def test_memory_format_and_attention_reach_the_device(tmp_path: Path) -> None:
    archive = await open_archive(tmp_path)
    config = configured(MEMORY_FORMAT="channels_last", ATTENTION="fused-qkv")
    device = await read_device(config, archive)
    tests = await SelfTests.read(archive, device, (1, 2), "fast")
    run = runs_of([recipe(registry().card("tiny"))])[0]
    local(config, device, registry(), lambda digest, kind: b"", tests).begin(run)
    assert run.key is not None
    assert (run.key.memory_format, run.key.attention) == ("channels_last", "fused-qkv")
    facts = tests.ground("m").facts
    assert (facts["memory_format"], facts["attention"]) == ("channels_last", "fused-qkv")
    await archive.close()


async def test_both_are_as_they_come_where_nobody_set_them(tmp_path: Path) -> None:
    archive = await open_archive(tmp_path)
    device = await read_device(configured(), archive)
    assert (device.memory_format, device.attention) == ("contiguous", "sdpa")
    await archive.close()
