"""LoRAs: what is painted under a set is what the stock pipeline paints with the same set fused, and is made again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.hooks.group_offloading import ModuleGroup
from safetensors.torch import load_file, save_file

from core.errors import ModelUnavailable
from core.picture import Replay
from core.recipe import Lora, Paint
from inference.adapters.table import forward, load
from inference.addons import AddOnFiles
from inference.local import LocalEngine
from inference.loras import KEPT, Loras
from inference.run import Run
from inference.weights import Plan
from tests.support.oracle import HAS_BF16, WIDE, Case, Made, check, models
from tests.support.painting import engine, paint_alone, recipe, registry, runs_of, step_together
from tests.support.tiny_addons import make_lora
from tests.support.tiny_model import shared_tiny_model

CPU = torch.device("cpu")
DTYPES = ("float32", "bfloat16") if HAS_BF16 else ("float32",)
SETS: tuple[dict[str, float], ...] = ({}, {"peft": 0.8, "kohya": -0.5}, {"old": 1.5})
MANY: tuple[dict[str, float], ...] = (*SETS, {"peft": 0.8}, {"kohya": 1.0})
"""Names and weights; more than a Model keeps fused at once."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, AddOnFiles]:
    """Return LoRAs for each tiny model, in every form."""
    found = {}
    for name in ("tiny", "xl"):
        folder = tmp_path_factory.mktemp(name)
        for seed, form in enumerate(("peft", "kohya", "old")):
            make_lora(models().folder(models().card(name).digest), folder / f"{form}.safetensors", seed, form)
        found[name] = AddOnFiles(folder)
        found[name].read({})
        assert [card.state for card in found[name].cards().loras] == ["ready"] * 3
    return found


def under(wanted: Paint, files: AddOnFiles, names: dict[str, float]) -> Paint:
    """Return the Recipe with LoRAs by name, in the order Recipes hold them."""
    digests = {card.name: card.digest for card in files.cards().loras}
    loras = [Lora(digests[name], scale) for name, scale in names.items()]
    return replace(wanted, loras=tuple(sorted(loras, key=lambda lora: lora.digest)))


@cache
def stock(files: AddOnFiles, loras: tuple[Lora, ...], joined: bool = False) -> Callable[[Any], None]:
    """Return what fuses the same LoRAs into a stock pipeline; one object for one set, since pipelines are cached."""

    def set_up(pipe: Any) -> None:
        names = [f"number{place}" for place in range(len(loras))]
        for name, lora in zip(names, loras, strict=True):
            pipe.load_lora_weights(files.file(lora.digest), adapter_name=name)
        if loras:
            pipe.set_adapters(names, [lora.scale for lora in loras])
            pipe.fuse_lora()
            pipe.unload_lora_weights()
        if joined:
            pipe.unet.fuse_qkv_projections()

    return set_up


def paint_all(local: LocalEngine, recipes: list[Paint], seed: int = 5) -> list[tuple[Run, torch.Tensor, Any]]:
    runs = runs_of(recipes)
    for run in runs:
        local.begin(run)
    step_together(local, runs, seed)
    assert [run.error for run in runs] == [None] * len(runs)
    return [(run, run.state.latent, local.wrap(run, local.decode(run))) for run in runs]


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`:UserWarning")
@pytest.mark.filterwarnings("ignore:Already following adapters were merged:UserWarning")
@pytest.mark.parametrize(
    ("name", "dtype", "sets"),
    [
        ("tiny", DTYPES[-1], SETS),
        ("xl", DTYPES[-1], SETS[:2]),
        *[pytest.param(name, dtype, MANY, marks=pytest.mark.soak) for name in ("tiny", "xl") for dtype in DTYPES],
    ],
)
def test_each_set_is_the_stock_pipelines_with_the_same_fused(
    name: str, dtype: str, sets: tuple[dict[str, float], ...], files: dict[str, AddOnFiles]
) -> None:
    """All sets at once in random Batches, so that they take turns all the time."""
    case = Case(name, "euler", 5.0, steps=3)
    recipes = [under(case.recipe(1), files[name], names) for names in sets]
    made = paint_all(engine(models(), addons=files[name], dtype=dtype, loaded=8), recipes)
    for wanted, (run, latent, painted) in zip(recipes, made, strict=True):
        check(Made(case, run, wanted, latent, painted), dtype, stock(files[name], wanted.loras))
    assert len({painted.pixels_digest for _, _, painted in made}) == len(sets), "a LoRA changed nothing"
    assert ["peft" in painted.fingerprint.facts for _, _, painted in made] == [False, *[True] * (len(sets) - 1)]


@pytest.mark.soak
def test_a_models_own_weights_come_back_bit_for_bit(files: dict[str, AddOnFiles]) -> None:
    local = engine(models(), addons=files["tiny"], dtype=DTYPES[-1])
    plain = Case("tiny", "ddim", 5.0, size=WIDE).recipe(2)
    first = runs_of([plain])[0]
    before = paint_alone(local, first)
    weights = first.state.weights
    own = {name: tensor.clone() for name, tensor in weights.unet.state_dict().items()}
    worn = [paint_alone(local, runs_of([under(plain, files["tiny"], names)])[0]) for names in MANY[1:]]
    assert before.pixels_digest not in {each.pixels_digest for each in worn}
    assert paint_alone(local, runs_of([plain])[0]).pixels_digest == before.pixels_digest
    assert all(torch.equal(tensor, own[name]) for name, tensor in weights.unet.state_dict().items())
    assert list(weights.unet.state_dict()) == list(own), "a wrapping was left on"


def test_where_query_key_and_value_are_one_product_it_holds_the_lora_too(files: dict[str, AddOnFiles]) -> None:
    case = Case("tiny", "ddim", 5.0, steps=2)
    wanted = under(case.recipe(6), files["tiny"], {"old": 1.5})
    ((run, latent, painted),) = paint_all(engine(models(), addons=files["tiny"], attention="fused-qkv"), [wanted])
    check(Made(case, run, wanted, latent, painted), "float32", stock(files["tiny"], wanted.loras, joined=True))


def test_it_is_laid_over_a_unet_whose_blocks_are_fetched_for_each_call(
    files: dict[str, AddOnFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the profile `low` has it on a GPU; here both places are main memory, and each move makes copies."""

    def copied(group: Any) -> None:
        for module in group.modules:
            for each in (*module.parameters(), *module.buffers()):
                each.data = each.data.clone()

    monkeypatch.setattr(ModuleGroup, "_onload_from_memory", copied)
    monkeypatch.setattr(ModuleGroup, "_offload_to_memory", copied)
    still, moved = (load(shared_tiny_model(), Plan("m", "sd1", "float32", profile="low"), CPU) for _ in range(2))
    moved.unet.enable_group_offload(CPU, CPU, offload_type="block_level", num_blocks_per_group=1)
    chance = torch.Generator().manual_seed(0)
    given = torch.randn(2, 4, 8, 8, generator=chance), torch.tensor([500.0, 20.0])
    text, made = torch.randn(2, 77, 32, generator=chance), []
    worn = {weights: Loras(files["tiny"].file) for weights in (still, moved)}
    with torch.inference_mode():
        for names in ({"peft": 0.8}, {}, {"peft": 0.8, "kohya": -0.5}, {"peft": 0.8}):
            wanted = under(Case("tiny", "ddim", 1.0).recipe(1), files["tiny"], names)
            laid = tuple((lora.digest, lora.scale) for lora in wanted.loras)
            found = [forward(loras.wear(weights, laid), *given, text, {}) for weights, loras in worn.items()]
            assert torch.equal(*found), names
            made.append(found[0])
    assert torch.equal(made[0], made[3]) and not torch.equal(made[0], made[1])


@pytest.mark.parametrize(
    "settings",
    [{"attention": "fused-qkv", "memory_format": "channels_last"}, pytest.param({}, marks=pytest.mark.soak)],
    ids=str,
)
def test_another_engine_makes_them_again_bit_for_bit(files: dict[str, AddOnFiles], settings: dict[str, str]) -> None:
    """Also where query, key and value were one product, which then holds the LoRA too."""
    recipes = [under(Case("tiny", "ddim", 5.0, steps=2).recipe(3), files["tiny"], names) for names in SETS]
    made = paint_all(engine(models(), addons=files["tiny"], **settings), recipes)
    assert len({painted.pixels_digest for *_, painted in made}) == len(SETS)
    local = engine(models(), addons=files["tiny"])
    for wanted, (_, _, painted) in zip(recipes[::-1], made[::-1], strict=True):
        again = Run("again", 0, "p", wanted, replay=Replay(painted.fingerprint, painted.pixels_digest))
        assert paint_alone(local, again).pixels_digest == painted.pixels_digest


def test_no_more_sets_are_kept_than_may_be_and_none_but_the_one_on_where_memory_ends(
    files: dict[str, AddOnFiles],
) -> None:
    local = engine(models(), addons=files["tiny"])
    for run in runs_of([under(Case("tiny", "ddim", 1.0).recipe(4), files["tiny"], names) for names in MANY]):
        local.begin(run)
    (wardrobe,) = local._loras._wardrobes.values()
    assert len(wardrobe.sets) == KEPT
    local._loras.spare()
    assert set(wardrobe.sets) == {wardrobe.on} - {()}


def broken_lora(path: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> AddOnFiles:
    tensors = load_file(make_lora(shared_tiny_model(), path, 9))
    change(tensors)
    save_file(tensors, path)
    found = AddOnFiles(path.parent)
    found.read({})
    return found


def elsewhere(tensors: dict[str, torch.Tensor]) -> None:
    """Let some layers be of a larger model."""
    for key in [key for key in tensors if "down_blocks.1" in key]:
        tensors[key.replace("down_blocks.1", "down_blocks.7")] = tensors.pop(key)


def wider(tensors: dict[str, torch.Tensor]) -> None:
    """Let a layer be wider than the model's."""
    key = next(key for key in tensors if "to_q.lora_A" in key)
    tensors[key] = torch.randn(4, 48)


def no_numbers(tensors: dict[str, torch.Tensor]) -> None:
    """Spoil a number."""
    next(iter(tensors.values()))[0, 0] = float("nan")


@pytest.mark.parametrize(
    ("change", "said"),
    [(elsewhere, "fits this model in"), (wider, "cannot be laid over this model"), (no_numbers, "none (NaN)")],
)
def test_a_lora_that_does_not_fit_is_said_and_leaves_nothing_behind(
    tmp_path: Path, change: Callable[[dict[str, torch.Tensor]], None], said: str
) -> None:
    files = broken_lora(tmp_path / "odd.safetensors", change)
    local = engine(registry(), addons=files)
    plain = recipe(registry().card("tiny"))
    before = paint_alone(local, runs_of([plain])[0]).pixels_digest
    with pytest.raises(ModelUnavailable) as refused:
        local.begin(runs_of([under(plain, files, {"odd": 1.0})])[0])
    assert said in refused.value.sentence
    assert paint_alone(local, runs_of([plain])[0]).pixels_digest == before
