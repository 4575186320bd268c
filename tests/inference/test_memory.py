"""What a Model and a Picture need is read from files; what the device can give is the least of what bounds it."""

from __future__ import annotations

import resource
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.recipe import Control, Sketch
from inference import memory
from inference.adapters.table import load
from inference.addons import AddOnFiles
from inference.device import PROFILES
from inference.estimates import Estimates
from inference.models import Registry
from inference.shapes import painting, shape
from inference.weights import Plan
from tests.support.painting import recipe, registry
from tests.support.tiny_controls import make_control
from tests.support.tiny_model import shared_tiny_model

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", ("float32", "bfloat16"))
def test_the_weights_are_as_large_as_they_are_once_loaded(dtype: str) -> None:
    folder = shared_tiny_model()
    loaded = load(folder, Plan("m", "sd1", dtype), CPU)
    sizes = {
        name: sum(each.numel() * each.element_size() for each in getattr(loaded, name).parameters())
        for name in ("unet", "vae", "text_encoder")
    }
    found = memory.weight(folder, dtype)
    assert found.stepped == sizes["unet"] and found.whole == sum(sizes.values())


def test_of_two_variants_one_counts_and_of_parts_never_loaded_none(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(shared_tiny_model(), tmp_path / "m"))
    plain = folder / "unet" / "diffusion_pytorch_model.safetensors"
    shutil.copy(plain, plain.with_name("diffusion_pytorch_model.fp16.safetensors"))
    shutil.copytree(folder / "unet", folder / "safety_checker")
    assert memory.weight(folder, "float32") == memory.weight(shared_tiny_model(), "float32")


def proc(tmp_path: Path, available_kb: int, groups: str = "0::/") -> Path:
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text(f"MemTotal: 99 kB\nMemAvailable:   {available_kb} kB\n")
    (tmp_path / "proc" / "self" / "cgroup").write_text(groups + "\n")
    (tmp_path / "proc" / "self" / "status").write_text("VmSize:  2 kB\nVmRSS:  1 kB\n")
    return tmp_path / "proc"


def group(place: Path, limit: str, used: int, idle: int, names: tuple[str, str]) -> None:
    place.mkdir(parents=True)
    (place / names[0]).write_text(f"{limit}\n")
    (place / names[1]).write_text(f"{used}\n")
    (place / "memory.stat").write_text(f"anon 1\ninactive_file {idle}\n")


def test_nobody_may_take_more_than_the_machine_has(tmp_path: Path) -> None:
    assert memory.free_ram(proc(tmp_path, 7), tmp_path / "none") == 7 * 1024
    assert memory.own_bytes(tmp_path / "proc") == 1024
    assert memory.free_ram(tmp_path / "nowhere", tmp_path / "none") is None


def test_a_container_may_take_less_and_a_service_in_it_less_still(tmp_path: Path) -> None:
    seen, groups = proc(tmp_path, 7000, "0::/a/limner.service"), tmp_path / "cgroup"
    names = ("memory.max", "memory.current")
    group(groups / "a" / "limner.service", "3000", 900, 100, names)
    assert memory.free_ram(seen, groups) == 2200
    group_of_all = groups / "a"
    (group_of_all / "memory.max").write_text("1500")
    (group_of_all / "memory.current").write_text("1000")
    (group_of_all / "memory.stat").write_text("")
    assert memory.free_ram(seen, groups) == 500
    (group_of_all / "memory.max").write_text("max")
    assert memory.free_ram(seen, groups) == 2200


def test_the_older_control_groups_count_too(tmp_path: Path) -> None:
    seen, groups = proc(tmp_path, 7000, "8:cpu:/x\n4:memory:/pod"), tmp_path / "cgroup"
    group(groups / "memory" / "pod", "5000", 1000, 0, ("memory.limit_in_bytes", "memory.usage_in_bytes"))
    assert memory.free_ram(seen, groups) == 4000


def test_its_own_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (5 * 1024, 5 * 1024))
    assert memory.free_ram(proc(tmp_path, 7), tmp_path / "none") == 3 * 1024


def look(has: int, dtype: str = "float32") -> Estimates:
    return Estimates(registry().source, AddOnFiles().control, dtype, has)


def test_what_cannot_fit_is_told_with_a_size_that_does() -> None:
    card = registry().card("tiny")
    small, large = (recipe(card, width=side, height=side, guidance=5.0) for side in (64, 1024))
    room = look(10**9)(large)
    assert room is not None and room.is_enough and room.fits is None and room.weights == 0, "a GPU is lent its blocks"
    tight = look(room.painting - 1)(large)
    assert tight is not None and not tight.is_enough
    assert tight.fits is not None and tight.fits[0] == tight.fits[1] and 900 < tight.fits[0] < 1024
    smaller = look(room.painting - 1)(recipe(card, width=tight.fits[0], height=tight.fits[1], guidance=5.0))
    assert smaller is not None and smaller.is_enough
    assert (found := look(10)(small)) is not None and found.fits is None, "no size fits"
    single = look(10**9)(recipe(card, width=1024, height=1024))
    assert single is not None and single.painting == pytest.approx(room.painting / 2), "one row instead of two"


def test_a_cpu_has_what_is_free_and_what_this_process_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = recipe(registry().card("tiny"))
    monkeypatch.setattr(memory, "free_ram", lambda: 1000)
    monkeypatch.setattr(memory, "own_bytes", lambda: 500)
    room = Estimates(registry().source, AddOnFiles().control, "float32", None)(wanted)
    assert room is not None and room.has == 1500
    assert room.weights == memory.weight(shared_tiny_model(), "float32").whole
    monkeypatch.setattr(memory, "free_ram", lambda: None)
    assert Estimates(registry().source, AddOnFiles().control, "float32", None)(wanted) is None
    assert Estimates(Registry({}).source, AddOnFiles().control, "float32", 1)(wanted) is None


def test_a_controls_weights_count_with_its_models(tmp_path: Path) -> None:
    folder = make_control(shared_tiny_model(), tmp_path / "scribble")
    files = AddOnFiles(controls={"scribble": folder})
    files.read({})
    (card,) = files.cards().controls
    plain = recipe(registry().card("tiny"))
    guided = replace(plain, sketch=Sketch("5e7c"), control=Control("scribble", card.digest))
    look = Estimates(registry().source, files.control, "float32", None)
    without, with_it = look(plain), look(guided)
    assert without is not None and with_it is not None
    # Every number of the file, and its header.
    bytes_of_file = (folder / "diffusion_pytorch_model.safetensors").stat().st_size
    assert with_it.weights - without.weights == pytest.approx(bytes_of_file, rel=0.1)
    assert memory.net_weight(folder, "bfloat16").stepped * 2 == with_it.weights - without.weights
    lent = Estimates(registry().source, files.control, "float32", 10**9)(guided)
    assert lent is not None and lent.weights == 0, "a GPU is lent the net's blocks, too"
    gone = replace(guided, control=Control("scribble", "0" * 64))
    assert look(gone) is None, "whoever begins it is told that it is not here"


def test_auto_takes_the_first_profile_that_fits() -> None:
    folder = shared_tiny_model()
    need, look = memory.weight(folder, "float32"), shape(folder)
    for device, least in (("cuda", need.stepped), ("cpu", need.whole)):
        found = [memory.choose_profile(folder, "float32", device, free) for free in (10**9, least + 3 * 10**6, 10**5)]
        assert found[0] == "high" and found[-1] == "low"
    assert memory.choose_profile(folder, "float32", "cuda", None) == "high"
    assert [memory.held(need, profile, "cuda") for profile in PROFILES] == [need.whole, need.stepped, 0]
    assert {memory.held(need, profile, "cpu") for profile in PROFILES} == {need.whole}
    large = [painting(look, "float32", 512 * 512, 1, profile) for profile in PROFILES]
    assert large[0] > large[1] == large[2], "tiles bound what a decoding needs"
