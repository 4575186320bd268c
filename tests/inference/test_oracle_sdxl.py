"""SDXL's own ways, held against the stock pipeline: an empty negative Prompt, and its VAE in float16."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.oracle import Case, alone, models
from tests.support.painting import engine, paint_alone, registry, runs_of
from tests.support.tiny_sdxl import make_tiny_sdxl, shared_tiny_sdxl


def test_a_model_that_does_not_zero_its_empty_negative_encodes_it(tmp_path: Path) -> None:
    folder = make_tiny_sdxl(tmp_path / "words", force_zeros=False)
    case = Case("xl", "ddim", 6.0)
    own = registry(xl=folder)
    wanted = case.recipe(0, own)
    run = runs_of([wanted])[0]
    paint_alone(engine(own, default="xl"), run)
    found, _ = alone(wanted, "float32", folder)
    zeroed, _ = alone(wanted, "float32", shared_tiny_sdxl())
    assert (run.state.latent - found).abs().max() < 2e-4
    assert (found - zeroed).abs().max() > 1e-3


@pytest.mark.filterwarnings("ignore:`upcast_vae` is deprecated:FutureWarning")
@pytest.mark.parametrize("case", [Case("xl", "euler", 5.0), Case("xl", "euler", 1.0, 0.6)], ids=["words", "sketch"])
def test_in_float16_the_vae_works_in_float32_as_the_stock_one(case: Case) -> None:
    wanted = case.recipe(0)
    run = runs_of([wanted])[0]
    painted = paint_alone(engine(models(), dtype="float16"), run)
    found, pixels = alone(wanted, "float16")
    assert (run.state.latent - found).abs().max() < 0.1
    assert np.abs(_pixels(painted).astype(int) - pixels.astype(int)).max() <= 2
    vae = run.state.weights.vae
    assert vae.dtype is torch.float16
    with torch.inference_mode():
        narrow = _eight_bits(vae.decode(run.state.latent / vae.config.scaling_factor).sample)
        wide = _eight_bits(vae.float().decode(run.state.latent.float() / vae.config.scaling_factor).sample)
    assert np.array_equal(_pixels(painted), wide)
    assert not np.array_equal(narrow, wide)


def _pixels(painted: Any) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(painted.png)))


def _eight_bits(image: torch.Tensor) -> np.ndarray[Any, Any]:
    rows = (image * 0.5 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).float().numpy()[0]
    return np.asarray((rows * 255).round().astype(np.uint8))
