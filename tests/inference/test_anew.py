"""Every kind of Model, file and add-on: its Picture is made again in a new process, identical in every pixel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from core.picture import pixels_digest
from core.progress import Painted
from core.recipe import OWN, Control, Embedding, Lora, Mask, Paint, Sketch, Upscale
from inference.addons import AddOnFiles
from inference.finish.png import encode
from inference.models import Registry
from tests.support.anew import Disk, different_anew
from tests.support.oracle import HAS_BF16
from tests.support.painting import MASK, SKETCH, batch_of, recipe, runs_of
from tests.support.single_file import as_single, kind_of_file
from tests.support.tiny_addons import make_embedding, make_lora
from tests.support.tiny_controls import make_control
from tests.support.tiny_depth import shared_tiny_depth
from tests.support.tiny_gguf import shared_tiny_gguf
from tests.support.tiny_model import make_tiny_model, shared_tiny_model
from tests.support.tiny_sd2 import shared_tiny_sd2
from tests.support.tiny_sd3 import shared_tiny_sd3
from tests.support.tiny_sdxl import shared_tiny_sdxl
from tests.support.tiny_upscalers import enlarging, parent, shared_tiny_upscaler
from tests.support.tiny_whole import shared_tiny_whole

OVER = {"sketch": Sketch(SKETCH), "strength": 0.6}
MASKED = {**OVER, "mask": Mask(MASK), "strength": 1.0}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "tiny": ("euler-a", OVER),
    "nine": ("ddim", MASKED),
    "lcm": ("lcm", {"guidance": 8.0}),
    "two": ("dpmpp-2m-sde", {}),
    "deep": ("plms", {**OVER, "strength": 0.9}),
    "xl": ("plms", {"negative_prompt": "grey"}),
    "three": ("euler", OVER),
    "file": ("euler", {}),
    "file-two": ("heun", MASKED),
    "file-xl": ("unipc", {}),
    "aura": (OWN, {}),
    "pixart": (OWN, {}),
    "flux": (OWN, OVER),
    "gguf": ("euler", OVER),
    "gguf-flux": (OWN, {}),
}
"""Each kind of Model by name: the Sampler and what is asked for beside the usual."""
GUIDED = {"canny": "tiny", "scribble-xl": "xl"}
"""ControlNets by name: the Model each was made for."""


SMALL = {"x4": parent(24, 24), "x2": parent(64, 64)}
"""The Picture that each Model that enlarges begins from."""


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    root = tmp_path_factory.mktemp("anew")
    folders = {"tiny": shared_tiny_model(), "two": shared_tiny_sd2(), "xl": shared_tiny_sdxl()}
    for name, kind in (("tiny", "sd1"), ("two", "sd2-v"), ("xl", "sdxl")):
        kind_of_file(folders[name], root / "settings", kind)
        as_single(folders[name], root / "files" / f"{kind}.safetensors")
    make_lora(folders["tiny"], root / "loras" / "ink.safetensors", 3, "kohya")
    make_embedding(root / "embeddings" / "glow.safetensors", (32,))
    models = {
        **folders,
        "nine": shared_tiny_model(9),
        "lcm": make_tiny_model(root / "lcm", guidance_row=32),
        "three": shared_tiny_sd3(),
        "deep": shared_tiny_depth(),
        "file": root / "files" / "sd1.safetensors",
        "file-two": root / "files" / "sd2-v.safetensors",
        "file-xl": root / "files" / "sdxl.safetensors",
        **{kind: shared_tiny_whole(kind) for kind in ("aura", "pixart", "flux")},
        **{kind: shared_tiny_upscaler(kind) for kind in SMALL},
    }
    controls = {name: make_control(folders[model], root / name) for name, model in GUIDED.items()}
    ggufs = {"gguf": shared_tiny_gguf("sd3"), "gguf-flux": shared_tiny_gguf("flux")}
    return Disk(
        models | {name: folder for name, (folder, _) in ggufs.items()},
        root / "settings",
        root / "loras",
        root / "embeddings",
        files={pixels_digest(small.width, small.height, small.rgb): encode(small) for small in SMALL.values()},
        controls=controls,
        quantised={name: str(file) for name, (_, file) in ggufs.items()},
    )


def wanted(models: Registry, addons: AddOnFiles) -> Iterator[tuple[str, Paint | Upscale]]:
    for name, (sampler, fields) in KINDS.items():
        yield name, recipe(models.card(name), sampler, **{"guidance": 4.0, "steps": 3, **fields})
    plain = recipe(models.card("tiny"), prompt="a fox in a glow", guidance=4.0, steps=3)
    for name, model in GUIDED.items():
        digest = next(card.digest for card in addons.cards().controls if card.name == name)
        guided = recipe(models.card(model), "euler", guidance=4.0, steps=3, sketch=Sketch(SKETCH))
        yield name, replace(guided, control=Control(name.partition("-")[0], digest, 0.8, end=0.7))
    (lora,), (embedding,) = addons.cards().loras, addons.cards().embeddings
    yield "lora", replace(plain, loras=(Lora(lora.digest, 0.8),))
    for name, small in SMALL.items():
        yield name, enlarging(models.card(name), small, steps=2)
    yield "embedding", replace(plain, embeddings=(Embedding(embedding.name, embedding.digest),))


def test_each_kind_is_made_again_identical_in_a_new_process(disk: Disk) -> None:
    """What may share calls does: a lone Picture would not show that its trace is heeded."""
    models, addons = disk.registry(), disk.addons()
    assert {card.name: card.why for card in models.cards() if card.state != "ready"} == {}
    verdicts = {card.digest: "differs" for card in models.cards()}
    local = disk.engine(models, addons, dtype="bfloat16" if HAS_BF16 else "float32", verdicts=verdicts)
    made: list[tuple[str, Paint | Upscale, Painted]] = []
    for name, each in wanted(models, addons):
        runs = runs_of([each, replace(each, seed=8)])
        for run in runs:
            local.begin(run)
        while waiting := [run for run in runs if run.left]:
            together = waiting if runs[0].key is not None and runs[0].key.shared else waiting[:1]
            local.step(batch_of(together, local.sizes))
        made.append((name, each, local.wrap(runs[0], local.decode(runs[0]))))
    assert len({painted.pixels_digest for *_, painted in made if painted}) >= len(made) - 3, "files paint as folders"
    name, first, painted = made[0]
    planted = ("planted", replace(first, seed=9), painted)
    assert different_anew(disk, [*made, planted]) == ["planted"]
