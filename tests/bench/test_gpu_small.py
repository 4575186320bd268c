"""The GPU benchmark, run whole on a CPU with tiny shapes: no part may fail or be left out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from bench import rows
from bench.gpu import bits
from bench.gpu.__main__ import small_cpu
from bench.shapes import SD15, SDXL, SMALL_SD15, make_unet

ROOT = Path(__file__).parents[2]


def leaves(found: Any, path: str = "") -> Iterator[str]:
    if isinstance(found, dict):
        for name, value in found.items():
            yield from leaves(value, f"{path}.{name}")
    elif isinstance(found, list):
        for value in found:
            yield from leaves(value, path)
    else:
        yield f"{path} {found}"


@pytest.mark.soak
def test_it_prints_and_writes_every_part(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    made = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bench.gpu", "--cpu-small", "--out", str(out)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=110,
        check=True,
    )
    whole = json.loads(out.read_text())
    assert json.loads(made.stdout.splitlines()[-1]) == whole
    assert [leaf for leaf in leaves(whole) if ".failed" in leaf] == []
    left_out = [leaf for leaf in leaves(whole) if ".left_out" in leaf]
    assert [leaf.split()[0] for leaf in left_out] == [".replay.sdxl.left_out"]
    replay = whole["replay"]["sd15"]
    assert replay["identical"] == replay["runs"] == 6
    assert whole["calls"]["sd15"]["position"]["equal"] == whole["calls"]["sd15"]["position"]["of"] > 0
    for shape in ("sd15", "sdxl"):
        assert [row["rows"] for row in whole["speed"][shape]["table"]] == [1, 2, 4]
        assert set(whole["load"][shape]["at_0.8"]) == {"engine", "fifo"}
        assert whole["load"][shape]["saturated"]["ratio"] > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_without_a_gpu_it_says_so() -> None:
    made = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bench.gpu"], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert made.returncode == 2
    assert "no CUDA device" in made.stderr


@pytest.mark.soak
def test_the_shapes_are_those_of_the_published_models() -> None:
    """Parameters and work of one row, as engine tables of both Models give them."""
    for shape, millions, tflop in ((SD15, 859.5, 0.803), (SDXL, 2567.5, 6.761)):
        unet = make_unet(shape, "meta", torch.float32)
        assert round(sum(part.numel() for part in unet.parameters()) / 1e6, 1) == millions
        assert round(rows.tflop_a_row(unet, shape, "meta", torch.float32), 3) == tflop


def test_the_bit_test_sees_a_call_that_looks_at_its_neighbours() -> None:
    class Nosy:
        """A UNet whose rows hang on their place: the planted mistake."""

        def __init__(self, unet: Any) -> None:
            self._unet = unet
            self.device, self.dtype = unet.device, unet.dtype

        def __call__(self, latents: torch.Tensor, *given: Any, **named: Any) -> Any:
            places = torch.arange(len(latents)).reshape(-1, 1, 1, 1)
            return (self._unet(latents, *given, **named)[0] + places * 1e-3,)

    torch.set_num_threads(1)
    honest = make_unet(SMALL_SD15, "cpu", torch.float32)
    given = rows.inputs(SMALL_SD15, 4, "cpu", torch.float32)
    sound = bits._positions(honest, given, given.call(honest), 4)
    assert sound["equal"] == sound["of"] == 24
    nosy = Nosy(honest)
    caught = bits._positions(nosy, given, given.call(nosy), 4)
    assert caught["equal"] < caught["of"]
    assert caught["maxdiff"] > 1e-3


def test_the_small_run_has_every_part_of_the_large_one() -> None:
    place = small_cpu(0.0)
    assert [shape.name for shape in place.shapes] == ["small-sd15", "small-sdxl"]
    assert (place.shapes[0].is_sdxl, place.shapes[1].is_sdxl) == (False, True)


def test_the_script_unpacks_wheels_that_are_carried_along(tmp_path: Path) -> None:
    """A python that lacks the libraries gets them from data/wheels, without the net."""
    home = tmp_path / "home"
    for name in ("bench/gpu", "data/wheels"):
        (home / name).mkdir(parents=True)
    script = home / "bench" / "gpu" / "run.sh"
    script.write_bytes((ROOT / "bench" / "gpu" / "run.sh").read_bytes())
    script.chmod(0o755)
    with zipfile.ZipFile(home / "data" / "wheels" / "carried-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("carried.py", "")
        wheel.writestr("carried-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: carried\nVersion: 1.0\n")
        wheel.writestr("carried-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("carried-1.0.dist-info/RECORD", "")
    bare = home / "python"
    bare.write_text(
        f'#!/bin/sh\nif [ "$1" = -c ]; then exit 1; fi\n'
        f'if [ "$2" = bench.gpu ]; then exec {sys.executable} -c "import carried, sys; print(sys.argv[1:])" "$3"; fi\n'
        f'exec {sys.executable} "$@"\n'
    )
    bare.chmod(0o755)
    made = subprocess.run(
        [str(script), "--cpu-small"],
        env={**os.environ, "PYTHON": str(bare)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert made.stdout.strip() == "['--cpu-small']", made.stderr
