"""Several Models in memory: the least recently used goes first, within a count and a budget, and its memory with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import ModelUnavailable
from core.recipe import ModelRef
from inference import memory
from inference.addons import AddOnFiles
from inference.applied import plan_of
from inference.loras import Loras
from inference.run import Key
from inference.shelf import Shelf
from inference.weights import Plan
from tests.support.painting import registry
from tests.support.tiny_addons import make_lora
from tests.support.tiny_model import make_tiny_model, shared_tiny_model
from tests.support.tiny_whole import shared_tiny_whole

CPU = torch.device("cpu")
COPIES = [
    {"dtype": dtype, "memory_format": laid, "attention": attention}
    for dtype in ("float32", "bfloat16")
    for laid in ("contiguous", "channels_last")
    for attention in ("sdpa", "fused-qkv")
]
MB = 1_000_000


def plan(**over: str) -> Plan:
    card = registry().card("tiny")
    return plan_of(ModelRef(card.family, card.digest), Key("", **over))


def shelf(keep: int = 9, budget: int | None = None) -> Shelf:
    return Shelf(registry().source, AddOnFiles().control, CPU, keep, budget)


def need() -> int:
    return memory.weight(shared_tiny_model(), "float32").whole


def test_the_least_recently_used_goes_first() -> None:
    here, (first, second, third) = shelf(keep=2), [plan(**over) for over in COPIES[:3]]
    here.get(first), here.get(second), here.get(first)
    here.get(third)
    assert [here.loading([each], ()) for each in (first, second, third)] == ["none", "beside", "none"]


def test_what_the_budget_does_not_hold_goes_and_one_alone_may_be_larger() -> None:
    plans = [plan(**over) for over in COPIES[:2]]
    here = shelf(budget=round(1.5 * need()))
    here.get(plans[0])
    here.get(plans[1])
    assert [here.loading([each], ()) for each in plans] == ["beside", "none"]
    assert shelf(budget=1).get(plans[0]).plan == plans[0]


def test_one_in_use_is_not_loaded_a_second_time_and_counts_until_it_is_let_go() -> None:
    plans = [plan(**over) for over in COPIES[:3]]
    here = shelf(keep=1)
    used = here.get(plans[0])
    digest = plans[0].digest
    assert here.loading([plans[1]], [digest]) == "instead" and here.loading([plans[1]], ()) == "beside"
    here.get(plans[1])
    assert here.loading([plans[0]], ()) == "none" and here.get(plans[0]) is used
    del used
    here.get(plans[2])
    assert here.loading([plans[0]], ()) == "beside"


def test_a_run_under_a_lora_keeps_its_model_in_use(tmp_path: Path) -> None:
    """What it steps by was made from the Model's Weights; were those forgotten, it would be loaded a second time."""
    make_lora(shared_tiny_model(), tmp_path / "ink.safetensors", 1)
    files = AddOnFiles(tmp_path)
    files.read({})
    lora, first = files.cards().loras[0], plan(**COPIES[0])
    here = shelf(keep=1)
    worn = Loras(files.file).wear(here.get(first), ((lora.digest, 0.5),))
    here.get(plan(**COPIES[1]))
    assert here.loading([first], ()) == "none" and here.get(first).unet is worn.unet
    here.get(plan(**COPIES[1]))
    assert here.loading([plan(**COPIES[2])], [first.digest]) == "instead"
    del worn
    assert here.loading([first], ()) == "beside"


def test_a_pipeline_that_paints_whole_counts_as_any_other_model() -> None:
    models = registry(tiny=shared_tiny_model(), aura=shared_tiny_whole("aura"))
    plans = [plan_of(ModelRef(card.family, card.digest), Key("")) for card in models.cards()]
    needs = [memory.weight(folder, "float32").whole for folder in (shared_tiny_model(), shared_tiny_whole("aura"))]
    here = Shelf(models.source, AddOnFiles().control, CPU, 9, sum(needs) - 1)
    here.get(plans[0])
    used = here.pipe(plans[1])
    assert here.loading([plans[0]], ()) == "beside" and here.loading([plans[0]], [plans[1].digest]) == "instead"
    here.get(plans[0])
    assert here.loading([plans[1]], ()) == "none", "it is in use"
    params = sum(each.numel() for each in _parameters(used.stock))
    assert needs[1] == pytest.approx(4 * params, rel=0.01), "not all of its parts are counted"
    del used
    assert here.loading([plans[1]], ()) == "beside"


def _parameters(pipe: Any) -> Iterator[torch.nn.Parameter]:
    for part in pipe.components.values():
        if isinstance(part, torch.nn.Module):
            yield from part.parameters()


def test_a_model_that_is_not_here_is_nobodys_hindrance() -> None:
    unknown = Plan("f" * 64, "sd1", "float32")
    assert shelf().loading([unknown], ()) == "none"
    with pytest.raises(ModelUnavailable, match="is not here"):
        shelf().get(unknown)


def test_dropping_models_gives_their_memory_back() -> None:
    here = shelf()
    here.get(plan(**COPIES[0]))
    memory.trim()
    before = memory.own_bytes()
    for over in COPIES:
        here.get(plan(**over))
    held = memory.own_bytes() - before
    assert held > 4 * need(), "they are not as large as this needs"
    here.clear()
    assert memory.own_bytes() - before < held / 3


@pytest.mark.soak
def test_switching_to_and_fro_takes_no_more_memory(tmp_path: Path) -> None:
    models = registry(tiny=shared_tiny_model(), other=make_tiny_model(tmp_path / "other", seed=1))
    here = Shelf(models.source, AddOnFiles().control, CPU, 1)
    plans = [plan_of(ModelRef("sd1", models.card(name).digest), Key("")) for name in ("tiny", "other")]
    sizes = []
    for turn in range(14):
        here.get(plans[turn % 2])
        sizes.append(memory.own_bytes())
    assert max(sizes[6:]) - max(sizes[:6]) < 2 * need(), [size // MB for size in sizes]
