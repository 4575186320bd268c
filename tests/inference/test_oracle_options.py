"""Memory format, attention, a memory profile: a stock pipeline set so is the oracle, and Reproduce applies them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from core.picture import Replay
from inference.run import Run
from tests.support.oracle import HAS_BF16, TALL, Case, check, company, models
from tests.support.painting import engine, paint_alone

CASES = (
    Case("tiny", "euler", 7.5),
    Case("tiny", "dpmpp-2m-karras", 1.0, size=TALL),
    Case("tiny", "ddim", 5.0, 0.6),
    Case("xl", "euler-a", 5.0),
    Case("xl", "unipc", 1.0, 0.6),
    Case("nine", "ddim", 5.0, 0.6, masked=True),
)
LARGE = (
    Case("tiny", "euler", 5.0, size=(96, 72)),
    Case("xl", "ddim", 1.0, 0.6, size=(72, 96)),
)
"""Both are larger than a tile of those VAEs."""
DTYPES = ("float32", "bfloat16") if HAS_BF16 else ("float32",)


def channels_last(pipe: Any) -> None:
    """Lay the stock pipeline's UNet and VAE out as the engine does."""
    pipe.unet.to(memory_format=torch.channels_last)
    pipe.vae.to(memory_format=torch.channels_last)


def fused(pipe: Any) -> None:
    """Fuse the stock pipeline's projections as the engine does."""
    pipe.unet.fuse_qkv_projections()


def both(pipe: Any) -> None:
    """Do the one, then the other."""
    channels_last(pipe)
    fused(pipe)


def tiled(pipe: Any) -> None:
    """Let the stock pipeline's VAE work in tiles and slices."""
    pipe.vae.enable_slicing()
    pipe.vae.enable_tiling()


OPTIONS = {
    "channels_last": ({"memory_format": "channels_last"}, channels_last),
    "fused": ({"attention": "fused-qkv"}, fused),
    "both": ({"memory_format": "channels_last", "attention": "fused-qkv"}, both),
    "low": ({"profile": "low"}, tiled),
}


def cases_of(settings: dict[str, str]) -> tuple[Case, ...]:
    return LARGE if "profile" in settings else CASES


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("settings", "set_up"), OPTIONS.values(), ids=OPTIONS)
def test_the_stock_pipeline_set_the_same_way_paints_the_same(
    settings: dict[str, str], set_up: Callable[[Any], None], dtype: str
) -> None:
    for made in company(cases_of(settings), dtype, **settings):
        assert made.painted.fingerprint.facts.items() >= settings.items()
        check(made, dtype, set_up)


@pytest.mark.parametrize(("settings", "set_up"), OPTIONS.values(), ids=OPTIONS)
def test_an_engine_set_otherwise_makes_it_again_bit_for_bit(
    settings: dict[str, str], set_up: Callable[[Any], None]
) -> None:
    local = engine(models(), dtype="float32", loaded=8)
    for made in company(cases_of(settings), "float32", **settings):
        again = Run("again", 0, "p", made.recipe, replay=Replay(made.painted.fingerprint, made.painted.pixels_digest))
        assert paint_alone(local, again).pixels_digest == made.painted.pixels_digest, made.case.name
        assert again.key is not None and again.key.exclusive
