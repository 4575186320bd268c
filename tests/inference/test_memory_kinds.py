"""Where memory ends with each kind of Model, at load, step and decode: its Picture comes, and is the one it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.picture import Replay
from core.recipe import OWN, Paint
from inference import pipes
from inference.adapters import table
from inference.models import Registry
from inference.run import Run
from inference.whole import Painting, WholeEngine
from tests.inference.test_memory_ends import paint, wrapped
from tests.support.anew import Disk
from tests.support.painting import paint_alone, recipe, runs_of
from tests.support.single_file import as_single, kind_of_file
from tests.support.tiny_gguf import shared_tiny_gguf
from tests.support.tiny_model import shared_tiny_model
from tests.support.tiny_sd2 import shared_tiny_sd2
from tests.support.tiny_sd3 import shared_tiny_sd3
from tests.support.tiny_sdxl import shared_tiny_sdxl
from tests.support.tiny_whole import shared_tiny_whole

KINDS = {"file": "euler", "two": "euler", "xl": "euler", "three": "euler", "aura": OWN, "gguf": "euler"}
"""Each kind by name, and its Sampler; folders of Stable Diffusion 1 have tests of their own."""


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    root = tmp_path_factory.mktemp("kinds")
    kind_of_file(shared_tiny_model(), root / "settings", "sd1")
    file = as_single(shared_tiny_model(), root / "one.safetensors")
    folders = {"two": shared_tiny_sd2(), "xl": shared_tiny_sdxl(), "three": shared_tiny_sd3()}
    few, gguf = shared_tiny_gguf("sd3")
    places = {"file": file, **folders, "aura": shared_tiny_whole("aura"), "gguf": few}
    return Disk(places, root / "settings", quantised={"gguf": str(gguf)})


@pytest.fixture(scope="module")
def models(disk: Disk) -> Registry:
    return disk.registry()


def engine(disk: Disk, models: Registry) -> WholeEngine:
    return disk.engine(models, disk.addons(), verdicts={card.digest: "differs" for card in models.cards()})


def once(given: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """Return what ends for want of memory the first time it is called, then does what is given."""
    left = [torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")]

    def call(*args: Any, **named: Any) -> Any:
        if left:
            raise left.pop()
        return None if given is None else given(*args, **named)

    return call


def parts(run: Run) -> tuple[Any, Any]:
    """Return what steps and what decodes a begun Run."""
    state = run.state
    return (state.pipe.transformer, state.pipe.vae) if isinstance(state, Painting) else (
        state.weights.unet, state.weights.vae,
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_gets_over_it(kind: str, disk: Disk, models: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: Paint = recipe(models.card(kind), KINDS[kind], guidance=4.0, steps=2)
    local = engine(disk, models)
    for module in (table, pipes):
        monkeypatch.setattr(module, "load", once(module.load))
    first = runs_of([asked])[0]
    clean = wrapped(local, first, paint(local, [first])[first])
    net, vae = parts(first)
    first.state = None

    step = net.register_forward_pre_hook(once())
    second = runs_of([asked])[0]
    assert wrapped(local, second, paint(local, [second])[second]).pixels_digest == clean.pixels_digest
    step.remove()

    decode = vae.decoder.register_forward_pre_hook(once())
    third = runs_of([asked])[0]
    tiled = wrapped(local, third, paint(local, [third])[third])
    decode.remove()
    assert tiled.fingerprint.facts["tiled"] is True and tiled.fingerprint.trace == clean.fingerprint.trace
    again = Run("again", 0, "p", asked, replay=Replay(tiled.fingerprint, tiled.pixels_digest))
    assert paint_alone(local, again).pixels_digest == tiled.pixels_digest


CUT = [
    ("three", "transformer/diffusion_pytorch_model.safetensors"),
    ("three", "text_encoder_3/model.safetensors"),
    ("aura", "transformer/diffusion_pytorch_model.safetensors"),
    ("aura", "text_encoder/model.safetensors"),
    ("xl", "text_encoder_2/model.safetensors"),
]


@pytest.mark.parametrize(("kind", "part"), CUT)
def test_a_cut_or_missing_file_a_pickle_and_code_are_refused_in_every_family(
    kind: str, part: str, disk: Disk, tmp_path: Path
) -> None:
    for number, (spoil, why) in enumerate(
        (
            (lambda folder: (folder / part).write_bytes((folder / part).read_bytes()[:-1]), f"{part} is cut off"),
            (lambda folder: (folder / part).unlink(), f"{part} is missing"),
            (lambda folder: (folder / "old.bin").write_bytes(b"x"), "old.bin is not safetensors"),
            (lambda folder: (folder / "pipeline.py").write_text(""), "pipeline.py is program code"),
        )
    ):
        folder = tmp_path / str(number)
        for path in sorted(disk.models[kind].rglob("*")):
            if path.is_file():
                copy = folder / path.relative_to(disk.models[kind])
                copy.parent.mkdir(parents=True, exist_ok=True)
                # Files that stay as they are need no second copy on the disk.
                copy.write_bytes(path.read_bytes()) if copy == folder / part else copy.hardlink_to(path)
        spoil(folder)
        card = Registry({"mine": folder}).card("mine")
        assert card.state == "broken" and why in card.why
